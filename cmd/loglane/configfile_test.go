package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/app"
)

// some are a few settings to parse by.
var some = []app.Setting{{Name: "addr"}, {Name: "redis-url"}, {Name: "max-streams"}, {Name: "proxies", List: true}}

func TestConfigMembers(t *testing.T) {
	f, err := parseConfig("c.yaml", []byte("# ours\naddr: :8080\nmax-streams: 10\nproxies:\n  - 10.0.0.0/8\n  - ::1\nredis-url: ''\n"), some)
	if err != nil || f.faults != nil {
		t.Fatal(err, f.faults)
	}
	want := map[string]member{
		"addr": {text: ":8080", line: 2}, "max-streams": {text: "10", line: 3},
		"proxies": {text: "10.0.0.0/8,::1", line: 4}, "redis-url": {line: 7},
	}
	if len(f.members) != len(want) {
		t.Errorf("the members are %v", f.members)
	}
	for name, m := range want {
		if f.members[name] != m {
			t.Errorf("%s is %v, want %v", name, f.members[name], m)
		}
	}
}

func TestConfigsThatAreEmpty(t *testing.T) {
	for _, content := range []string{"", "# nothing\n", "---\n", "~\n", "{}"} {
		if f, err := parseConfig("c.yaml", []byte(content), some); err != nil || f.faults != nil || len(f.members) > 0 {
			t.Errorf("%q: %v, %v", content, err, f)
		}
	}
}

// A file that is no list of settings at all has one error.
func TestConfigsThatAreNoSettings(t *testing.T) {
	for content, want := range map[string]string{
		"addr: [x, y\n":            "c.yaml line 2: it is not YAML: did not find expected ',' or ']'",
		"addr: :80\n\taddr: x\n":   "c.yaml line 2: it is not YAML: found a tab character",
		"addr: a: b\n":             "c.yaml line 1: it is not YAML: mapping values are not allowed",
		"addr: \"s3cret\n":         "it is not YAML: found unexpected end of stream",
		"addr: x\n---\naddr: y\n":  "c.yaml line 2: a second document begins",
		"- addr\n":                 "c.yaml line 1: it does not hold settings",
		"s3cret":                   "c.yaml line 1: it does not hold settings",
		"addr: \x00\n":             "c.yaml: it is not YAML: control characters",
		"addr: \xff\n":             "c.yaml: it is not UTF-8",
		"redis-url: *s3cret\n":     "c.yaml line 1: anchors and aliases are not taken",
		"addr: x\n---\ny: *s3cret": "c.yaml line 3: anchors and aliases are not taken",
	} {
		_, err := parseConfig("c.yaml", []byte(content), some)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

// What is wrong with one member is told with its line, and of all members.
func TestFaultsOfConfigMembers(t *testing.T) {
	for content, want := range map[string]string{
		"adr: x\n":                            `line 1: there is no setting "adr": did you mean addr?`,
		"redis_url: x\n":                      `line 1: there is no setting "redis_url": did you mean redis-url?`,
		"redis-ulr: x\n":                      `line 1: there is no setting "redis-ulr": did you mean redis-url?`,
		"max-stre: 1\n":                       `did you mean max-streams?`,
		"colour: red\n":                       `line 1: there is no setting "colour": 'loglane serve --help' lists them`,
		"config: x\n":                         `line 1: there is no setting "config"`,
		"Addr: x\n":                           `did you mean addr?`,
		strings.Repeat("x", 90) + ": s3cret":  strings.Repeat("x", 60) + "…",
		"addr: x\n\naddr: y\n":                "line 3: addr is set again: line 1 has it too",
		"adr: x\naddr:\n":                     "line 1: there is no setting",
		"addr:\n":                             "line 1: addr: it has no value",
		"addr: null\n":                        "line 1: addr: it has no value",
		"addr: {host: s3cret}\n":              "line 1: addr: it takes a plain value",
		"addr:\n  host: s3cret\n":             "line 2: addr: it takes a plain value",
		"addr: [s3cret, x]\n":                 "line 1: addr: it takes one value, not a list",
		"proxies: [x, [s3cret]]\n":            "line 1: proxies: it takes a plain value",
		"proxies: [x, '']\n":                  "line 1: proxies: an item of the list is empty or has a comma",
		"proxies: ['s3cret,x']\n":             "line 1: proxies: an item of the list is empty or has a comma",
		"proxies: {x: y}\n":                   "line 1: proxies: it takes a plain value",
		"addr: &s3cret x\n":                   "line 1: addr: anchors and aliases are not taken",
		"addr: x\nredis-url: &a x\nadr: *a\n": `line 3: there is no setting "adr"`,
		"proxies: &a [x]\n":                   "line 1: proxies: anchors and aliases are not taken",
		"redis://:s3cret@h: 0\n":              "line 1: it does not begin with the name of a setting",
		"? [addr]\n: x\n":                     "line 1: it does not begin with the name of a setting",
		"<<: {addr: s3cret}\n":                "line 1: it does not begin with the name of a setting",
		"addr: !s3cret x\n":                   "line 1: addr: tags are not taken",
		"max-streams: !!int 10\n":             "line 1: max-streams: tags are not taken",
	} {
		f, err := parseConfig("c.yaml", []byte(content), some)
		all := errors.Join(f.faults...)
		if err != nil || all == nil || !strings.Contains(all.Error(), want) || strings.Contains(all.Error(), "s3cret") {
			t.Errorf("%q: %v, %v, want %q", content, err, all, want)
		}
	}
	f, _ := parseConfig("c.yaml", []byte("adr: 1\naddr: 1\naddr: 2\ncolour: 3\n"), some)
	if len(f.faults) != 3 {
		t.Errorf("the faults are %v", f.faults)
	}
	f, _ = parseConfig("c.yaml", []byte(strings.Repeat("x: 1\n", 10_000)), some)
	if len(f.faults) != maxFaults+1 {
		t.Errorf("%d faults are told", len(f.faults))
	}
}

func TestConfigFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, []byte(strings.Repeat("#", maxConfig+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                       "it is a directory",
		filepath.Join(dir, "no"):  "there is no such file",
		long:                      "it is longer than 1048576 bytes",
		filepath.Join(long, "no"): "it cannot be read: not a directory",
	} {
		_, err := readConfig(path, some)
		var setting *app.SettingError
		if !errors.As(err, &setting) || setting.Name != "config" || setting.Value != path || setting.Wrong != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, seed := range []string{
		"addr: x\nproxies: [a, b]\n", "addr: &a x\nredis-url: *a\n", "a: &a [*a, *a]\n", "{addr: {addr: {", "? x\n: y",
		"addr: |\n  text\n  more\n", "%YAML 1.2\n---\naddr: x\n...\n---\n", "<<: *x\n", "\ufeffaddr: x", "!!binary addr: x", strings.Repeat("[", 1000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		file, err := parseConfig("c.yaml", []byte(content), some)
		if err == nil {
			err = errors.Join(file.faults...)
		}
		if err != nil {
			if len(err.Error()) > 500*(maxFaults+1) || !strings.HasPrefix(err.Error(), "c.yaml") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		lines := strings.Count(content, "\n") + strings.Count(content, "\r") + strings.Count(content, "\u0085") + strings.Count(content, "\u2028") + strings.Count(content, "\u2029") + 1
		for name, m := range file.members {
			if m.line < 1 || m.line > lines || !strings.Contains("addr redis-url max-streams proxies", name) {
				t.Errorf("%q has %s: %+v", content, name, m)
			}
		}
	})
}

// Whatever a value is, no error shows it.
func FuzzConfigSecret(f *testing.F) {
	for _, seed := range []string{"s3cretword", "*s3cretword", "&s3cretword x", "!s3cretword", "'s3cretword", "[s3cretword", "{s3cretword: x}", "s3cretword: x", "|s3cretword"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsAny(value, "\n\r\u0085\u2028\u2029") || !strings.Contains(value, "s3cretword") {
			return // further lines are members of their own
		}
		file, err := parseConfig("c.yaml", []byte("redis-url: "+value+"\n"), some)
		if err := errors.Join(append(file.faults, err)...); err != nil && strings.Contains(err.Error(), "s3cretword") {
			t.Errorf("%q: %v", value, err)
		}
	})
}
