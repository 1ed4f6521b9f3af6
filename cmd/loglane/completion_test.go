package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shell runs a script where loglane is this program, with further words as its arguments.
func shell(t *testing.T, name, script string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("there is no %s", name)
	}
	self, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	must(t, os.Symlink(self, filepath.Join(dir, "loglane")))
	for _, file := range []string{"some file", "some.yaml"} {
		must(t, os.WriteFile(filepath.Join(dir, file), nil, 0o600))
	}
	options := map[string][]string{"bash": {"--norc", "--noprofile", "-c", script, "bash"}, "zsh": {"-f", "-c", script, "zsh"}, "fish": {"--no-config", "-c", script}}
	c := exec.CommandContext(t.Context(), path, append(options[name], args...)...)
	c.Dir = dir
	c.Env = []string{"TEST_RUN_LOGLANE=1", "GORACE=atexit_sleep_ms=0", "HOME=" + dir, "TMPDIR=" + dir, "PATH=" + dir + ":" + os.Getenv("PATH")}
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	return string(out)
}

// completed are lines of words to complete the last of, and what all or some of the
// candidates are.
var completed = []struct {
	line string // split at spaces
	all  []string
	some []string
}{
	{line: "loglane us", all: []string{"user"}},
	{line: "loglane ", some: []string{"serve", "demo", "user", "completion"}},
	{line: "loglane user ", all: []string{"add", "list", "passwd", "remove", "role"}},
	{line: "loglane user --config some.yaml re", all: []string{"remove"}},
	{line: "loglane user add alice --ro", all: []string{"--role"}},
	{line: "loglane user add --role ", all: []string{"admin", "operator", "viewer"}},
	{line: "loglane user add --role op", all: []string{"operator"}},
	{line: "loglane user role alice ", all: []string{"admin", "operator", "viewer"}},
	{line: "loglane user role --auth-file some.yaml alice v", all: []string{"viewer"}},
	{line: "loglane completion ", all: []string{"bash", "fish", "zsh"}},
	{line: "loglane version -o ", all: []string{"json", "text"}},
	{line: "loglane serve --escape-policy s", all: []string{"sgr", "strip"}},
	{line: "loglane serve --stream-enabled --log-f", all: []string{"--log-format"}},
	{line: "loglane serve --tls-", all: []string{"--tls-cert", "--tls-key"}},
	{line: "loglane serve --auth-file so", all: []string{"some file", "some.yaml"}},
	{line: "loglane serve --", some: []string{"--addr", "--config", "--redis-url", "--help"}},
	{line: "loglane serve --addr ", all: nil},
	{line: "loglane serve -- --l", all: nil},
	{line: "loglane user list x", all: nil},
	{line: "loglane nothing --role ", all: nil},
}

func wantCandidates(t *testing.T, line, out string, all, some []string) {
	t.Helper()
	var got []string
	for candidate := range strings.Lines(out) {
		if candidate = strings.TrimSuffix(candidate, "\n"); candidate != "" {
			got = append(got, candidate)
		}
	}
	slices.Sort(got)
	for _, want := range some {
		if !slices.Contains(got, want) {
			t.Errorf("%q: %q is not in %q", line, want, got)
		}
	}
	if some == nil && !slices.Equal(got, all) {
		t.Errorf("%q: %q, want %q", line, got, all)
	}
}

// script is what loglane prints for a shell.
func script(t *testing.T, name string) string {
	t.Helper()
	return call{args: "completion " + name, out: "completion for loglane"}.check(t, t.TempDir())
}

const bashComplete = `
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_loglane
printf '%s\n' "${COMPREPLY[@]}"`

func TestBashCompletion(t *testing.T) {
	complete := script(t, "bash") + bashComplete
	for _, c := range completed {
		wantCandidates(t, c.line, shell(t, "bash", complete, strings.Split(c.line, " ")...), c.all, c.some)
	}
	// Readline splits at "=", so that only what comes after it is replaced.
	for line, want := range map[string][]string{
		"loglane user add --role = op":            {"operator"},
		"loglane user add --role = operator --ro": {"--role"},
		"loglane serve --config = some.":          {"some.yaml"},
		"loglane serve --stream-enabled = f":      {"false"},
	} {
		wantCandidates(t, line, shell(t, "bash", complete, strings.Split(line, " ")...), want, nil)
	}
	registered := shell(t, "bash", "source <(loglane completion bash); complete -p loglane")
	if registered != "complete -F _loglane loglane\n" {
		t.Errorf("bash knows %q", registered)
	}
}

func TestZshCompletion(t *testing.T) {
	// The parts of zsh's completion system that a terminal is needed for are stood in.
	const before = `compdef() { [[ $* == "_loglane loglane" ]] || print "compdef $*" }
_describe() { print -rl -- "${(@)${(@P)2}%%:*}" }
_files() { print -rl -- ${PREFIX}*(N) }
compset() { PREFIX=${PREFIX#*=} }
`
	complete := before + script(t, "zsh") + `
words=("$@") CURRENT=$# PREFIX=${@[$#]}
_loglane`
	for _, c := range completed {
		wantCandidates(t, c.line, shell(t, "zsh", complete, strings.Split(c.line, " ")...), c.all, c.some)
	}
	wantCandidates(t, "=", shell(t, "zsh", complete, "loglane", "user", "add", "--role=o"), []string{"--role=operator"}, nil)
	wantCandidates(t, "=", shell(t, "zsh", complete, "loglane", "user", "--config=some."), []string{"some.yaml"}, nil)
}

func TestFishCompletion(t *testing.T) {
	complete := script(t, "fish") + `complete -C $argv[1] | string replace -r '\t.*' ''; true`
	for _, c := range completed {
		wantCandidates(t, c.line, shell(t, "fish", complete, c.line), c.all, c.some)
	}
	wantCandidates(t, "=", shell(t, "fish", complete, "loglane user add --role=o"), []string{"--role=operator"}, nil)
	wantCandidates(t, "=", shell(t, "fish", complete, "loglane user --config=some."), []string{"--config=some.yaml"}, nil)
}

func TestCompletionOfOtherShells(t *testing.T) {
	call{args: "completion tcsh", code: 2, err: `"tcsh"`}.check(t, t.TempDir())
	call{args: "completion", code: 2, err: "<shell>"}.check(t, t.TempDir())
}
