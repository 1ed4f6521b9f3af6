package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// oddNames are users that may be taken for another, for a key's syntax or for what is
// reserved, with what stands for them in a context.
var oddNames = map[string]string{
	"al":                      "al",
	"alice":                   "alice",
	"User.al":                 "User.al",
	"User.alice":              "User.alice",
	"a{b}c":                   "a%7Bb%7Dc",
	"a%7Bb%7Dc":               "a%257Bb%257Dc",
	"{alice}":                 "%7Balice%7D",
	"global":                  "global",
	"job_1":                   "job_1",
	"ll:control":              "ll:control",
	"Zo\u00eb":                "Zo\u00eb",
	"Zoe":                     "Zoe",
	"two words":               "two%20words",
	"two%20words":             "two%2520words",
	"*":                       "*",
	"a:b/c?d=e&f#g":           "a:b/c?d=e&f#g",
	strings.Repeat("語", 66):   strings.Repeat("語", 66),
	"\u202eecila":             "\u202eecila",
	"alice\u200b":             "alice\u200b",
	"ALICE":                   "ALICE",
	"\u0430lice":              "\u0430lice", // a Cyrillic letter
	"alice@shop.example":      "alice@shop.example",
	"O'Neil \"quoted\" <b>&":  "O'Neil%20\"quoted\"%20<b>&",
	strings.Repeat("{}", 33):  strings.Repeat("%7B%7D", 33),
	"User." + "{" + "alice}":  "User.%7Balice%7D",
	"alice}{logs:User.alice}": "alice%7D%7Blogs:User.alice%7D",
}

// noNames cannot be channels; the reason is told.
var noNames = map[string]string{
	strings.Repeat("語", 150):  "450 bytes once encoded and cannot be a channel: at most 200",
	strings.Repeat("{", 67):   "201 bytes once encoded and cannot be a channel: at most 200",
	strings.Repeat("a\n", 60): "240 bytes once encoded and cannot be a channel: at most 200",
}

// refusedRun runs the program, which must refuse, and returns what it says.
func refusedRun(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Errorf("loglane %q is not refused", args)
	}
	return string(out)
}

// A naming is a Redis and a gateway with some template, and what its users see.
type naming struct {
	*testing.T
	redis    *redistest.Server
	url      string
	template string // has {username}
	token    string // writes to all users
}

func (n *naming) contextOf(encoded string) string {
	return strings.Replace(n.template, "{username}", encoded, 1)
}

// serve starts the gateway, with a token in the file.
func (n *naming) serve(file string, flags ...string) {
	n.Helper()
	before, _, _ := strings.Cut(n.template, "{username}")
	n.token = strings.TrimSpace(run(n.T, ".", nil, "", program(n.T), "token", "create", "--auth-file", file, "--scope", "write", "--channel", before+"*"))
	n.redis = redistest.Start(n.T)
	addr := porttest.Addr(n.T)
	serveProgram(n.T, addr, append([]string{"--auth-file", file, "--redis-url", n.redis.URL(), "--channel-template", n.template, "--max-streams-per-user", "1"}, flags...)...)
	n.url = "http://" + addr + "/"
}

// send sends a line to a user by name.
func (n *naming) send(user, message string) {
	n.Helper()
	record, err := json.Marshal(map[string]string{"message": message})
	if err != nil {
		n.Fatal(err)
	}
	req, err := http.NewRequestWithContext(n.Context(), http.MethodPost, n.url+"api/v1/logs?user="+url.QueryEscape(user), bytes.NewReader(record))
	if err != nil {
		n.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+n.token)
	req.Header.Set("Content-Type", "application/json")
	if code, body := n.do(req); code != http.StatusOK || !strings.Contains(body, `"accepted":1`) {
		n.Fatalf("a line for %q: %d %s", user, code, body)
	}
}

func (n *naming) do(req *http.Request) (int, string) {
	n.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		n.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		n.Fatal(err)
	}
	for _, cookie := range resp.Cookies() {
		body = append(body, " set "+cookie.Name+"="+cookie.Value...)
	}
	return resp.StatusCode, string(body)
}

// signIn returns a Cookie header, or what the login page says.
func (n *naming) signIn(user string) (cookie, refusal string) {
	n.Helper()
	form := url.Values{"username": {user}, "password": {"correct horse"}}
	req, err := http.NewRequestWithContext(n.Context(), http.MethodPost, n.url+"login", strings.NewReader(form.Encode()))
	if err != nil {
		n.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	code, body := n.do(req)
	if _, cookie, found := strings.Cut(body, " set "); found && code == http.StatusSeeOther {
		return cookie, ""
	}
	return "", fmt.Sprintf("%d %s", code, body)
}

// apart lets everybody watch at once, sends each a line, and checks that nobody has
// another's. cookies are by user.
func (n *naming) apart(cookies map[string]string) {
	n.Helper()
	ctx, cancel := context.WithCancel(n.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	viewers := make(map[string]*viewer)
	for user, cookie := range cookies {
		v := newViewer(n.url + "api/v1/stream")
		v.header.Set("Cookie", cookie)
		viewers[user] = v
		watching.Go(func() { v.watch(ctx) })
	}
	for user, v := range viewers {
		v.awaitCursor(n.T, "0-0", 20*time.Second)
		n.send(user, "for "+user)
	}
	for user := range viewers {
		n.send(user, "the end")
	}
	for user, v := range viewers {
		v.await(n.T, "the end for "+user, 20*time.Second, func(events []shown) bool {
			return len(events) > 0 && strings.Contains(events[len(events)-1].data, "the end")
		})
		var got []string
		for _, s := range v.all() {
			var record struct{ Message string }
			if err := json.Unmarshal([]byte(s.data), &record); err != nil {
				n.Errorf("%q has %s: %v", user, s.data, err)
			}
			got = append(got, record.Message)
		}
		if want := []string{"for " + user, "the end"}; !slices.Equal(got, want) {
			n.Errorf("%q sees %q, want %q", user, got, want)
		}
	}
	n.checkKeys()
}

// checkKeys checks that each user has a history of the expected name, and that the tag of
// each key is its whole channel, so that a slot holds all of it.
func (n *naming) checkKeys() {
	n.Helper()
	for _, encoded := range oddNames {
		channel := "logs:" + n.contextOf(encoded)
		for _, key := range []string{"stream:" + channel, "loglane:meta:{" + channel + "}"} {
			if n.redis.MustDo("EXISTS", key) != "1" {
				n.Errorf("there is no %q", key)
			}
		}
		if strings.ContainsAny(channel, "{}") {
			n.Errorf("%q would end or begin a key's tag", channel)
		}
	}
	streams, metas := 0, 0
	for key := range strings.FieldsSeq(n.redis.MustDo("EVAL", "return table.concat(redis.call('KEYS', '*'), ' ')", "0")) {
		switch {
		case strings.HasPrefix(key, "stream:"):
			streams++
		case strings.HasPrefix(key, "loglane:meta:"):
			metas++
		}
	}
	if want := len(oddNames) + 1; streams != want || metas != want {
		n.Errorf("%d streams and %d metas for %d names and the global channel: some share one", streams, metas, len(oddNames))
	}
}

func TestNamesShareNoChannel(t *testing.T) {
	for _, template := range []string{"User.{username}", "customer-{username}-log"} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			n := &naming{T: t, template: template}
			file := filepath.Join(t.TempDir(), "users")
			add := func(name string) []string {
				return []string{"user", "add", "--auth-file", file, "--channel-template", template, "--", name}
			}
			for name := range oddNames {
				run(t, ".", nil, "correct horse\n", program(t), add(name)...)
			}
			for name, why := range noNames {
				if said := refusedRun(t, "correct horse\n", add(name)...); !strings.Contains(said, why) {
					t.Errorf("%q is refused with %q, want %q", name, said, why)
				}
			}
			if said := refusedRun(t, "correct horse\n", add("Zoe\u0308")...); !strings.Contains(said, "there is a user Zo\u00eb") {
				t.Errorf("the other spelling of Zo\u00eb is refused with %q", said)
			}
			n.serve(file)
			cookies := make(map[string]string)
			for name := range oddNames {
				cookie, refusal := n.signIn(name)
				if cookie == "" {
					t.Fatalf("%q cannot sign in: %s", name, refusal)
				}
				cookies[name] = cookie
			}
			for name, why := range noNames {
				if cookie, refusal := n.signIn(name); cookie != "" || !strings.Contains(refusal, why) || !strings.HasPrefix(refusal, "401") {
					t.Errorf("%q signs in, or is refused with %q", name, refusal)
				}
			}
			// Both spellings are one person, who sees one channel.
			if cookie, refusal := n.signIn("Zoe\u0308"); cookie == "" {
				t.Errorf("the other spelling of Zo\u00eb: %s", refusal)
			} else {
				cookies["Zo\u00eb"] = cookie
			}
			n.apart(cookies)
		})
	}
}

func TestNamesThatWouldBeReserved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	said := refusedRun(t, "correct horse\n", "user", "add", "al", "--auth-file", file, "--channel-template", "glob{username}")
	if !strings.Contains(said, `the name "al" would be the reserved context "global": choose another name or channel template`) {
		t.Errorf("al as glob{username}: %s", said)
	}
	run(t, ".", nil, "correct horse\n", program(t), "user", "add", "alice", "--auth-file", file, "--channel-template", "glob{username}")
	for template, why := range map[string]string{
		"{username}":            "needs literal text before {username}",
		"job_{username}":        "would reach the reserved contexts job_*",
		"j{username}":           "would reach the reserved contexts job_*",
		"ll:{username}":         "would reach the reserved contexts ll:*",
		"l{username}":           "would reach the reserved contexts ll:*",
		"User.":                 "has no {username}",
		"U{username}{username}": "has {username} twice",
		"{b}.{username}":        "cannot be a context",
		"User {username}":       "cannot be a context",
	} {
		said := refusedRun(t, "", "serve", "--auth-file", file, "--channel-template", template)
		if !strings.Contains(said, "--channel-template") || !strings.Contains(said, why) {
			t.Errorf("the template %q is refused with %q, want %q", template, said, why)
		}
	}
}

// TestForwardedNamesShareNoChannel is for people whom another application names.
func TestForwardedNamesShareNoChannel(t *testing.T) {
	for _, template := range []string{"User.{username}", "customer-{username}-log"} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				cookie, err := r.Cookie("who")
				if err != nil {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				name, _ := url.QueryUnescape(cookie.Value) // the test has escaped it
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]string{"name": name}) // a gateway that has gone needs no answer
			}))
			t.Cleanup(application.Close)
			n := &naming{T: t, template: template}
			n.serve(filepath.Join(t.TempDir(), "tokens"), "--auth-url", application.URL, "--login-url", application.URL+"/login")
			who := func(name string) string { return "who=" + url.QueryEscape(name) }
			cookies := make(map[string]string)
			for name := range oddNames {
				cookies[name] = who(name)
			}
			cookies["Zo\u00eb"] = who("Zoe\u0308")
			n.apart(cookies)
			for name, why := range noNames {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+"api/v1/stream", nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Cookie", who(name))
				if code, body := n.do(req); code != http.StatusForbidden || !strings.Contains(body, why) {
					t.Errorf("%q: %d %s, want 403 with %q", name, code, body, why)
				}
			}
		})
	}
}
