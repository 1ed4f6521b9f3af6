package chaos

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// A Page is the gateway's page in a Chromium of its own, as one user has it open. Its
// methods are for the test's goroutine.
type Page struct {
	t       testing.TB
	browser *exec.Cmd
	asks    io.WriteCloser
	answers *bufio.Reader
	wrote   bytes.Buffer

	kept [][]byte // what it has shown, each as the page saves it
}

// pageSettles is how long a page may take to answer.
const pageSettles = time.Minute

// OpenPage opens the page at a URL, with a login by an API token. web/ has the script and
// what it needs. The browser ends with the test.
func OpenPage(t testing.TB, web, url, token string) *Page {
	t.Helper()
	script := filepath.Join(web, "e2e", "viewer.mjs")
	if _, err := os.Stat(filepath.Join(web, "node_modules", "playwright-core")); err != nil {
		t.Fatalf("a page needs the npm packages of %s: run make setup", web)
	}
	p := &Page{t: t, browser: exec.Command("node", script, url)}
	p.browser.Env = append(os.Environ(), "LOGLANE_TOKEN="+token)
	p.browser.Stderr = &p.wrote
	p.browser.WaitDelay = 5 * time.Second
	var err error
	if p.asks, err = p.browser.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	answers, err := p.browser.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.answers = bufio.NewReader(answers)
	if err := p.browser.Start(); err != nil {
		t.Fatalf("node is missing: run make setup: %v", err)
	}
	t.Cleanup(p.close)
	return p
}

func (p *Page) close() {
	p.asks.Close()
	timer := time.AfterFunc(20*time.Second, func() { _ = p.browser.Process.Kill() })
	defer timer.Stop()
	if err := p.browser.Wait(); err != nil || p.t.Failed() {
		p.t.Logf("the browser: %v\n%s", err, p.wrote.String())
	}
}

// ask asks the browser's script, and reads its answer into one.
func (p *Page) ask(what string, answer any) {
	p.t.Helper()
	timer := time.AfterFunc(pageSettles, func() { _ = p.browser.Process.Kill() })
	defer timer.Stop()
	if _, err := fmt.Fprintln(p.asks, what); err != nil {
		p.t.Fatalf("the page cannot be asked: %v\n%s", err, p.wrote.String())
	}
	line, err := p.answers.ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("the page does not answer: %v", err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		p.t.Fatalf("the page answers %q: %v", line, err)
	}
}

// A Look is what a page shows of itself.
type Look struct {
	State      string   // of its connection
	Lines      int      // since it was opened
	Complaints []string // errors that nobody caught
	Visits     []Visit  // its streams, in the order of their beginning
}

// A Visit is one stream of a page, from its answer to its end.
type Visit struct {
	Asked         string // the place to go on from; empty at the first
	Opened, Ended int64  // Unix ms; Ended is 0 while it is open
}

// Within returns how much of a visit lies between two times.
func (v Visit) Within(from, until time.Time) time.Duration {
	if opened := time.UnixMilli(v.Opened); opened.After(from) {
		from = opened
	}
	if ended := time.UnixMilli(v.Ended); v.Ended > 0 && ended.Before(until) {
		until = ended
	}
	return max(until.Sub(from), 0)
}

// Look returns what the page says of itself now.
func (p *Page) Look() (l Look) {
	p.t.Helper()
	p.ask("look", &l)
	return l
}

// Shows waits until the page is connected and has shown so many lines.
func (p *Page) Shows(lines int, within time.Duration) {
	p.t.Helper()
	for began := time.Now(); ; <-time.After(50 * time.Millisecond) {
		look := p.Look()
		if look.State == "connected" && look.Lines >= lines {
			return
		}
		if time.Since(began) > within {
			p.t.Fatalf("the page is not connected with %d lines after %v: %+v", lines, within, look)
		}
	}
}

// Save lets the page save its lines as a user does, and joins them to those that it had
// saved before: the page keeps the newest 20,000. It fails the test where the page's own
// views disagree.
func (p *Page) Save() {
	p.t.Helper()
	var saved struct {
		File   string
		Latest []string // ids of the list for screen readers
		Rows   []string // of the terminal
	}
	p.ask("save", &saved)
	data, err := os.ReadFile(saved.File)
	if err != nil {
		p.t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
	if len(data) == 0 {
		lines = nil
	}
	if p.kept, err = join(p.kept, lines); err != nil {
		p.t.Fatal(err)
	}
	if err := listed(lines, saved.Latest); err != nil {
		p.t.Error(err)
	}
	if text := strings.TrimSpace(strings.Join(saved.Rows, "")); len(lines) > 0 && text == "" {
		p.t.Error("the terminal shows nothing")
	}
}

// join appends what of a saved file is new: it begins within, or right after, what was kept.
func join(kept, saved [][]byte) ([][]byte, error) {
	if len(kept) == 0 {
		return saved, nil
	}
	if len(saved) == 0 {
		return nil, fmt.Errorf("the page has lost its %d lines", len(kept))
	}
	for from, line := range kept {
		if !bytes.Equal(line, saved[0]) {
			continue
		}
		if n := len(kept) - from; n <= len(saved) && slices.EqualFunc(kept[from:], saved[:n], bytes.Equal) {
			return append(kept, saved[n:]...), nil
		}
	}
	return nil, fmt.Errorf("the page's %d lines do not go on from the %d that it had saved before", len(saved), len(kept))
}

// listed compares the list for screen readers, which is asked a moment after the file was
// saved, with what was saved: it must stand there in one piece, but for what has come since.
func listed(saved [][]byte, latest []string) error {
	var ids []string
	for _, line := range saved {
		if entry, err := parseSaved(line); err == nil && entry.Record != nil {
			ids = append(ids, entry.ID)
		}
	}
	if len(ids) == 0 || len(latest) == 0 {
		return nil
	}
	at := slices.Index(ids, latest[0])
	if at < 0 {
		return nil // so much has come since
	}
	n := min(len(latest), len(ids)-at)
	if !slices.Equal(ids[at:at+n], latest[:n]) {
		return fmt.Errorf("the list for screen readers has %v where %v was saved", latest[:n], ids[at:at+n])
	}
	return nil
}

// A saved is one line of the file that a page saves.
type saved struct {
	ID     string
	Record json.RawMessage
	Event  string
	Data   struct{ Reason string }
}

func parseSaved(line []byte) (s saved, err error) {
	err = json.Unmarshal(line, &s)
	return s, err
}

// Sights returns what the page has shown up to its last [Page.Save], for the checker.
func (p *Page) Sights() []Sight {
	p.t.Helper()
	var all []Sight
	for _, line := range p.kept {
		entry, err := parseSaved(line)
		if err != nil {
			p.t.Fatalf("the page has saved %q: %v", line, err)
		}
		switch {
		case entry.Record != nil:
			cursor, err := loglane.ParseCursor(entry.ID)
			if err != nil {
				cursor = loglane.Cursor{} // nobody's, and so strange
			}
			all = append(all, Sight{ID: cursor.ID, Src: cursor.Src, Sum: SumOf(entry.Record)})
		case entry.Event == "gap":
			all = append(all, Sight{Kind: Gap, Reason: ReasonOf(entry.Data.Reason)})
		}
	}
	return all
}
