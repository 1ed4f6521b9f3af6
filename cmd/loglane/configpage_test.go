package main

import (
	"bytes"
	_ "embed"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/loglane/loglane/internal/app"
)

var update = flag.Bool("update", false, "write docs/config.md instead of comparing it")

//go:embed testdata/config.md.tmpl
var pageTemplate string

const pagePath = "../../docs/config.md"

// A pageGroup is a struct of settings.
type pageGroup struct {
	Title    string
	Settings []app.Setting
}

// groups are the settings by their structs, whose comments are the titles.
func groups(t *testing.T) (all []pageGroup) {
	t.Helper()
	titles := structTitles(t)
	last := ""
	for _, setting := range app.Table() {
		if setting.Group != last || len(all) == 0 {
			title := titles[setting.Group]
			if setting.Group == "Settings" {
				title = "The rest"
			}
			if title == "" {
				t.Fatalf("the struct %s has no comment", setting.Group)
			}
			all = append(all, pageGroup{Title: title})
			last = setting.Group
		}
		group := &all[len(all)-1]
		group.Settings = append(group.Settings, setting)
	}
	return all
}

// structTitles are the first sentences of the comments of app's structs: "Place is where
// the gateway listens." is "Where the gateway listens".
func structTitles(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../../internal/app/*.go")
	if err != nil {
		t.Fatal(err)
	}
	titles := make(map[string]string)
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE || gen.Doc == nil {
				continue
			}
			name := gen.Specs[0].(*ast.TypeSpec).Name.Name
			sentence, _, _ := strings.Cut(strings.Join(strings.Fields(gen.Doc.Text()), " "), ".")
			for _, verb := range []string{" is ", " are "} {
				if title, found := strings.CutPrefix(sentence, name+verb); found {
					titles[name] = strings.ToUpper(title[:1]) + title[1:]
				}
			}
		}
	}
	return titles
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

func renderPage(t *testing.T) []byte {
	t.Helper()
	page, err := template.New("config.md").Funcs(template.FuncMap{
		"code": code,
		"cell": func(text string) string { return strings.ReplaceAll(text, "|", `\|`) },
	}).Parse(pageTemplate)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, groups(t)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// docs/config.md is what the table makes.
func TestConfigPage(t *testing.T) {
	want := renderPage(t)
	if *update {
		if err := os.WriteFile(pagePath, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(pagePath)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/config.md is not what the settings make of it: run 'go test ./cmd/loglane -run TestConfigPage -update' and commit it; %v", err)
	}
}

// The page's example is a file that a gateway takes.
func TestTheExampleOfThePage(t *testing.T) {
	page, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no example")
	}
	emptyEnvironment(t)
	c, v := parseServe(t, "--config", writeConfig(t, example))
	if err := v.problems(); err != nil {
		t.Error(err)
	}
	if err := c.Serve.Settings.Check(); err != nil {
		t.Error(err)
	}
	if n := len(v.file.members); n < 5 {
		t.Errorf("the example has only %d settings", n)
	}
}

// Every setting of the table can stand in a file, by its default and by its example; the
// environment goes before the file, and the flag before both.
func TestEverySettingInAFile(t *testing.T) {
	for _, setting := range app.Table() {
		for _, text := range []string{setting.Default, setting.Example} {
			if text == "" {
				continue
			}
			written := "'" + strings.ReplaceAll(text, "'", "''") + "'"
			if setting.List {
				written = "[" + text + "]"
			}
			path := writeConfig(t, "# ours\n"+setting.Name+": "+written+"\n")
			for i, want := range []string{path + " line 2", "$" + setting.Variables[0], ""} {
				args := []string{"--config", path}
				if i == 2 {
					args = append(args, "--"+setting.Name+"="+text)
				}
				emptyEnvironment(t)
				if i > 0 {
					t.Setenv(setting.Variables[0], text)
				}
				_, v := parseServe(t, args...)
				if err := v.problems(); err != nil || v.from[setting.Name] != want {
					t.Errorf("%s is from %q, want %q; %v", setting.Name, v.from[setting.Name], want, err)
				}
			}
		}
	}
}

func emptyEnvironment(t *testing.T) {
	t.Helper()
	t.Setenv("LOGLANE_CONFIG", "")
	for _, setting := range app.Table() {
		for _, name := range setting.Variables {
			t.Setenv(name, "")
		}
	}
}

// parseServe parses a call of serve.
func parseServe(t *testing.T, args ...string) (*cli, *values) {
	t.Helper()
	var c cli
	v := newValues()
	parser, err := newParser(&c, terminal{out: io.Discard, err: io.Discard}, v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	return &c, v
}
