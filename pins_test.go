package loglane_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	exactVersion = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	// a program that a script takes from elsewhere
	tool      = regexp.MustCompile(`\b[a-z0-9-]+\.[a-z]+/[A-Za-z0-9./_-]+@[^\s"']+`)
	exactTool = regexp.MustCompile(`@v\d+\.\d+\.\d+$`)
)

// TestDependenciesArePinned: what is built or run from elsewhere is the version that was
// looked at, and has a hash where the tool that fetches it can check one.
func TestDependenciesArePinned(t *testing.T) {
	t.Run("modules", func(t *testing.T) {
		text := readAll(t, "go.mod")
		sums := readAll(t, "go.sum")
		if strings.Contains(text, "\nreplace ") || strings.Contains(text, "\nreplace(") {
			t.Error("go.mod replaces a module")
		}
		found := 0
		for line := range strings.Lines(text) {
			fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
			if len(fields) < 2 || !strings.HasPrefix(fields[1], "v") || !strings.Contains(fields[0], ".") {
				continue
			}
			found++
			if !strings.Contains(sums, fields[0]+" "+fields[1]+" h1:") && !strings.Contains(sums, fields[0]+" "+fields[1]+"/go.mod h1:") {
				t.Errorf("go.sum has no hash of %s %s", fields[0], fields[1])
			}
		}
		if found < 5 {
			t.Errorf("%d modules were found in go.mod", found)
		}
	})
	t.Run("packages of the page", func(t *testing.T) {
		var wanted struct {
			Dependencies, DevDependencies map[string]string
			Scripts                       map[string]string
		}
		parse(t, "web/package.json", &wanted)
		for _, all := range []map[string]string{wanted.Dependencies, wanted.DevDependencies} {
			if len(all) == 0 {
				t.Error("web/package.json has no packages")
			}
			for name, version := range all {
				if !exactVersion.MatchString(version) {
					t.Errorf("web/package.json: %s is %q: name one version", name, version)
				}
			}
		}
		for name := range wanted.Scripts {
			if strings.HasPrefix(name, "preinstall") || strings.HasPrefix(name, "postinstall") {
				t.Errorf("web/package.json runs %s", name)
			}
		}
		var locked struct {
			Packages map[string]struct {
				Resolved, Integrity string
				Link                bool
			}
		}
		parse(t, "web/package-lock.json", &locked)
		for path, p := range locked.Packages {
			if path == "" {
				continue
			}
			if p.Resolved != "" && !strings.HasPrefix(p.Resolved, "https://registry.npmjs.org/") || !strings.HasPrefix(p.Integrity, "sha512-") || p.Link {
				t.Errorf("web/package-lock.json: %s has no hash, or comes from %q", path, p.Resolved)
			}
		}
	})
	t.Run("tools", func(t *testing.T) {
		scripts, err := filepath.Glob("ci/*.sh")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, script := range append(scripts, "Makefile") {
			text := readAll(t, script)
			for _, taken := range tool.FindAllString(text, -1) {
				if found++; !exactTool.MatchString(taken) {
					t.Errorf("%s takes %s: name one version", script, taken)
				}
			}
			if strings.Contains(text, "npm install") || strings.Contains(text, "npm i ") {
				t.Errorf("%s: npm install may take other versions than the lock file has: npm ci does not", script)
			}
		}
		if found < 2 {
			t.Errorf("%d tools were found", found)
		}
	})
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parse(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(readAll(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
