package e2e

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// TestDocs pastes each page's sh blocks into one shell, in an empty folder with loglane in
// PATH and a Redis of its own. A text or json block after one is what it prints, line by
// line, where "…" stands for anything.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal("no pages", err)
	}
	for _, page := range append(pages, "../../README.md") {
		t.Run(filepath.Base(page), func(t *testing.T) {
			t.Parallel()
			all := blocks(t, page)
			script, places := script(all)
			if len(places) == 0 {
				return
			}
			addr, app, redis := porttest.Addr(t), porttest.Addr(t), redistest.Start(t)
			here := strings.NewReplacer("127.0.0.1:8080", addr, "127.0.0.1:8000", app, `("127.0.0.1", 8000)`,
				`("127.0.0.1", `+strings.TrimPrefix(app, "127.0.0.1:")+")", "redis://127.0.0.1:6379/0", redis.URL(),
				"Redis 7.0,", "Redis …,")
			script = here.Replace(script)
			parts := strings.Split(paste(t, script, addr), mark)
			for i, at := range places {
				if i+1 >= len(parts) {
					t.Fatalf("%s:%d: the block before ends the shell", page, all[at].line)
				}
				t.Run(fmt.Sprintf("line %d", all[at].line), func(t *testing.T) {
					if at+1 < len(all) && (all[at+1].language == "text" || all[at+1].language == "json") {
						expect(t, parts[i+1], here.Replace(all[at+1].text))
					}
				})
			}
		})
	}
}

const mark = "-- 8< --\n"

// script joins the sh blocks, each after a mark, and returns which blocks they are.
func script(all []block) (text string, places []int) {
	var b strings.Builder
	for i, block := range all {
		if block.language == "sh" {
			fmt.Fprintf(&b, "printf %%s '%s'\n%s", mark, block.text)
			places = append(places, i)
		}
	}
	return b.String(), places
}

// paste runs a script in a shell of its own, which must end well, and returns what it wrote
// to its standard output. What it left running ends with it.
func paste(t *testing.T, script, addr string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(t))+":"+os.Getenv("PATH"), "LOGLANE_ADDR="+addr, "HOME="+dir, "NO_COLOR=1", "no_proxy=127.0.0.1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, errors output
	cmd.Stdout, cmd.Stderr = &out, &errors
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	group := -cmd.Process.Pid
	t.Cleanup(func() { _ = syscall.Kill(group, syscall.SIGKILL) }) // it may have ended
	timer := time.AfterFunc(time.Minute, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
	defer timer.Stop()
	state, err := cmd.Process.Wait() // not Wait: what runs in the background has the pipes still
	if err != nil || !state.Success() {
		t.Fatalf("the shell: %v, %v\n%s\n%s", state, err, out.String(), errors.String())
	}
	_ = syscall.Kill(group, syscall.SIGTERM) // it may have ended
	_ = cmd.Wait()                           // the process is known to have ended
	return out.String()
}

// expect wants lines to come in their order, with others between them.
func expect(t *testing.T, got, want string) {
	t.Helper()
	lines := strings.Split(got, "\n")
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), "…", ".*") + "$")
		found := false
		for len(lines) > 0 && !found {
			found = pattern.MatchString(strings.TrimSpace(lines[0]))
			lines = lines[1:]
		}
		if !found {
			t.Fatalf("it prints\n%s\nand not, in this order, \n%s\n(the line %q)", got, want, line)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

// TestLinks follows the links of the pages to other files.
func TestLinks(t *testing.T) {
	t.Parallel()
	var pages []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../examples/*/*.md"} {
		some, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, some...)
	}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			if u, err := url.Parse(m[1]); err != nil || u.Scheme != "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
