package main

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker where a release is built.
var version = ""

type versionCmd struct {
	Output string `name:"output" short:"o" enum:"text,json" default:"text" help:"Format: text or json."`
}

func (*versionCmd) examples() string {
	return `  loglane version
  loglane version -o json`
}

// Run prints what is known of the build.
func (c *versionCmd) Run(t terminal) error {
	b := readBuild()
	if c.Output == "json" {
		return json.NewEncoder(t.out).Encode(b)
	}
	text := "loglane " + b.Version
	if b.Revision != "" {
		text += " (" + b.Revision + ")"
	}
	_, err := fmt.Fprintf(t.out, "%s, %s %s\n", text, b.Go, b.Platform)
	return err
}

type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if ok && b.Version == "" {
		b.Version = info.Main.Version
	}
	if b.Version == "" {
		b.Version = "(devel)"
	}
	if ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Revision = setting.Value
			}
		}
	}
	return b
}
