package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/loglane/loglane/internal/app"
)

// grammar is a verb with a setting of each type, with and without a default.
type grammar struct {
	Serve struct {
		Text     string        `name:"text" env:"LOGLANE_TEXT" default:"default"`
		Number   int           `name:"number" env:"LOGLANE_NUMBER" default:"1"`
		Switch   bool          `name:"switch" env:"LOGLANE_SWITCH" default:"true"`
		Time     time.Duration `name:"time" env:"LOGLANE_TIME" default:"1s"`
		List     []string      `name:"list" env:"LOGLANE_LIST" default:"a,b"`
		BareText string        `name:"bare-text" env:"LOGLANE_BARE_TEXT"`
		BareNum  int           `name:"bare-number" env:"LOGLANE_BARE_NUMBER"`
		BareBool bool          `name:"bare-switch" env:"LOGLANE_BARE_SWITCH"`
		BareTime time.Duration `name:"bare-time" env:"LOGLANE_BARE_TIME"`
		BareList []string      `name:"bare-list" env:"LOGLANE_BARE_LIST"`
		Two      string        `name:"two" env:"LOGLANE_TWO,TWO" default:"default"`
		app.ConfigFile
	} `cmd:""`
}

func (g *grammar) value(name string) any {
	return map[string]any{
		"text": g.Serve.Text, "number": g.Serve.Number, "switch": g.Serve.Switch, "time": g.Serve.Time, "list": g.Serve.List,
		"bare-text": g.Serve.BareText, "bare-number": g.Serve.BareNum, "bare-switch": g.Serve.BareBool,
		"bare-time": g.Serve.BareTime, "bare-list": g.Serve.BareList, "two": g.Serve.Two,
	}[name]
}

// parse parses with the values of the program.
func (g *grammar) parse(t *testing.T, args ...string) *values {
	t.Helper()
	v := newValues()
	v.table = nil
	for _, name := range []string{"text", "number", "switch", "time", "list", "two"} {
		for _, name := range []string{name, "bare-" + name} {
			v.table = append(v.table, app.Setting{Name: name, List: strings.HasSuffix(name, "list")})
		}
	}
	parser, err := kong.New(g, append(v.options(), kong.Writers(io.Discard, io.Discard))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	return v
}

func writeConfig(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Each of flag, environment, file and default is there or not: the first of them counts.
func TestPrecedence(t *testing.T) {
	for _, c := range []struct {
		name             string
		flag, env, file  string // what each says
		fromFlag         any
		fromEnv          any
		fromFile         any
		byDefault, never any
	}{
		{"text", "flag", "env", "file", "flag", "env", "file", "default", ""},
		{"number", "4", "3", "2", 4, 3, 2, 1, 0},
		{"switch", "false", "no", "false", false, false, false, true, false},
		{"switch", "true", "false", "false", true, false, false, true, false},
		{"switch", "false", "1", "false", false, true, false, true, false},
		{"switch", "false", "False", "true", false, false, true, true, false},
		{"time", "4s", "3s", "2s", 4 * time.Second, 3 * time.Second, 2 * time.Second, time.Second, time.Duration(0)},
		{"list", "f,g", "d,e", "[b, c]", []string{"f", "g"}, []string{"d", "e"}, []string{"b", "c"}, []string{"a", "b"}, []string(nil)},
		{"list", "f", "e", "c", []string{"f"}, []string{"e"}, []string{"c"}, []string{"a", "b"}, []string(nil)},
	} {
		for mask := range 16 {
			name, want := c.name, c.byDefault
			if mask&8 == 0 {
				name, want = "bare-"+c.name, c.never
			}
			var args []string
			variable := "LOGLANE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			t.Setenv(variable, "")
			if mask&4 != 0 {
				args, want = append(args, "--config", writeConfig(t, name+": "+c.file+"\n")), c.fromFile
			}
			if mask&2 != 0 {
				t.Setenv(variable, c.env)
				want = c.fromEnv
			}
			if mask&1 != 0 {
				args, want = append(args, "--"+name+"="+c.flag), c.fromFlag
			}
			var g grammar
			v := g.parse(t, args...)
			if got := g.value(name); fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) || v.problems() != nil {
				t.Errorf("--%s of flag %v, environment %v, file %v, default %v: %#v, want %#v; %v",
					name, mask&1 != 0, mask&2 != 0, mask&4 != 0, mask&8 != 0, got, want, v.problems())
			}
		}
	}
}

func TestTheFirstVariableThatIsNotEmptyCounts(t *testing.T) {
	path := writeConfig(t, "two: file\n")
	for _, c := range []struct{ first, second, want, from string }{
		{"first", "second", "first", "$LOGLANE_TWO"},
		{"first", "", "first", "$LOGLANE_TWO"},
		{"", "second", "second", "$TWO"},
		{"", "", "file", path + " line 1"},
	} {
		t.Setenv("LOGLANE_TWO", c.first)
		t.Setenv("TWO", c.second)
		var g grammar
		v := g.parse(t, "--config", path)
		if g.Serve.Two != c.want || v.from["two"] != c.from {
			t.Errorf("%q and %q: %q from %q, want %q from %q", c.first, c.second, g.Serve.Two, v.from["two"], c.want, c.from)
		}
	}
}

// An empty variable is none, and an empty flag or member is an empty value.
func TestEmptyValues(t *testing.T) {
	t.Setenv("LOGLANE_TEXT", "env")
	var flag, file grammar
	flag.parse(t, "--text=")
	if flag.Serve.Text != "" {
		t.Errorf("--text= leaves %q", flag.Serve.Text)
	}
	t.Setenv("LOGLANE_TEXT", "")
	file.parse(t, "--config", writeConfig(t, `text: ""`))
	if file.Serve.Text != "" {
		t.Errorf(`text: "" leaves %q`, file.Serve.Text)
	}
}

func TestWhereTheConfigFileIsNamed(t *testing.T) {
	one, other := writeConfig(t, "text: one\n"), writeConfig(t, "text: other\n")
	for _, c := range []struct {
		env  string
		args []string
		want string
	}{
		{"", nil, "default"},
		{one, nil, "one"},
		{one, []string{"--config", other}, "other"},
		{one, []string{"--config="}, "default"},
		{"", []string{"--config", other}, "other"},
	} {
		t.Setenv("LOGLANE_CONFIG", c.env)
		var g grammar
		if g.parse(t, c.args...); g.Serve.Text != c.want {
			t.Errorf("LOGLANE_CONFIG=%s and %v: %q, want %q", c.env, c.args, g.Serve.Text, c.want)
		}
	}
}

// Whatever verb has a setting takes it from the file too.
func TestVerbsWithSettingsTakeAConfigFile(t *testing.T) {
	v := newValues()
	parser, err := newParser(&cli{}, terminal{out: io.Discard, err: io.Discard}, v)
	if err != nil {
		t.Fatal(err)
	}
	variables := make(map[string]bool)
	for _, setting := range app.Table() {
		variables[setting.Variables[0]] = true
	}
	checked := 0
	for _, leaf := range parser.Model.Leaves(false) {
		setting, config, client := "", false, false
		for _, flags := range leaf.AllFlags(false) {
			for _, flag := range flags {
				for _, variable := range v.variables[flag.Value] {
					if variables[variable] {
						setting = flag.Name
					}
					config = config || variable == "LOGLANE_CONFIG"
					client = client || variable == "LOGLANE_URL" // its settings are not the gateway's
				}
			}
		}
		if setting != "" && !client {
			checked++
			if !config {
				t.Errorf("%s has --%s and no --config: embed app.ConfigFile", leaf.FullPath(), setting)
			}
		}
	}
	if checked < 5 {
		t.Errorf("only %d verbs have settings", checked)
	}
}
