package logship_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/gatewaytest"
	"github.com/loglane/loglane/logship"
)

// A sight is what a test looks at of a request.
type sight struct{ channel, producer, seq, after, encoding, body string }

func watch(g *gatewaytest.Gateway) func() []sight {
	var mu sync.Mutex
	var all []sight
	g.Sees = func(r *http.Request, body []byte) {
		mu.Lock()
		defer mu.Unlock()
		h := r.Header
		all = append(all, sight{r.URL.RawQuery, h.Get("Producer"), h.Get("Producer-Seq"), h.Get("Producer-After"), h.Get("Content-Encoding"), string(body)})
	}
	return func() []sight {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// What is posted: each channel numbers its lines by itself and claims what it keeps.
func TestGatewayRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := newGateway(t)
		seen := watch(gateway)
		h := newHandler(t, over(t, gateway), logship.Options{ErrorLog: silent})
		say := func(user, message string) {
			slog.New(h).InfoContext(logship.WithUser(t.Context(), user), message)
			synctest.Wait()
		}
		say("alice", "one")
		say("bo b", "two")
		say("alice", "three")
		time.Sleep(time.Minute)
		var got []string
		producers := make(map[string]string)
		for _, s := range seen() {
			got = append(got, fmt.Sprintf("%s %s %s %d", s.channel, s.seq, s.after, strings.Count(s.body, "\n")))
			if p, known := producers[s.channel]; known && p != s.producer || !loglane.ValidProducer(s.producer) {
				t.Errorf("producer %q", s.producer)
			}
			producers[s.channel] = s.producer
		}
		want := []string{
			"channel=User.alice 1 0,0 1", "channel=User.bo%2520b 2 0,0 1", "channel=User.alice 2 1,1 1",
			"channel=User.bo%2520b 3 2,2 0", "channel=User.alice 3 2,2 0",
		}
		slices.Sort(got[3:])
		slices.Sort(want[3:])
		if !slices.Equal(got, want) {
			t.Errorf("requests\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if producers["channel=User.alice"] == producers["channel=User.bo%2520b"] {
			t.Error("two channels share a producer")
		}
		wantAt(t, gateway, "global", []string{"one", "two", "three"})
		if s := h.Stats(); s.Sent != 3 {
			t.Errorf("stats %+v", s)
		}
	})
}

// Numbers that are not consecutive need a request for each run, and each claims the one
// before it.
func TestGatewayRuns(t *testing.T) {
	gateway := newGateway(t)
	seen := watch(gateway)
	sink := over(t, gateway)
	b := loglane.Batch{Producer: strings.Repeat("p", 64)}
	for _, k := range []uint64{1, 2, 5, 6, 9} {
		b.Lines = append(b.Lines, loglane.Line{K: k, Record: fmt.Appendf(nil, "{\"message\":\"x %d\",\n\"a\":1}", k)})
	}
	for range 2 {
		receipt, err := sink.Append(t.Context(), "logs:User.alice", b)
		if err != nil || receipt.K != 9 || receipt.Stored+receipt.Duplicates != 5 {
			t.Fatalf("%+v, %v", receipt, err)
		}
	}
	var got []string
	for _, s := range seen() {
		got = append(got, s.seq+" "+s.after)
	}
	if want := "[1 0,0 5 2,2 9 6,6 1 0,0 5 2,2 9 6,6]"; fmt.Sprint(got) != want {
		t.Errorf("requests %v, want %s", got, want)
	}
	wantAt(t, gateway, "User.alice", []string{"x 1", "x 2", "x 5", "x 6", "x 9"})
	if _, err := sink.Append(t.Context(), "logs:User.alice", loglane.Batch{Producer: b.Producer, After: 12}); err == nil || err.Error() != (&loglane.RefusedError{Channel: "logs:User.alice", After: 9}).Error() {
		t.Errorf("a claim of what is not there: %v", err)
	}
}

func TestGatewayCompressesWhatPays(t *testing.T) {
	gateway := newGateway(t)
	seen := watch(gateway)
	h := newHandler(t, over(t, gateway), logship.Options{})
	for _, message := range []string{"short", strings.Repeat("long ", 1000)} {
		slog.New(h).InfoContext(logship.WithUser(t.Context(), "alice"), message)
		flush(t, h)
	}
	if all := seen(); len(all) != 2 || all[0].encoding != "" || all[1].encoding != "gzip" || !strings.Contains(all[1].body, "long long") {
		t.Errorf("requests %+.300v", all)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestGatewayErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		want   []string
	}{
		{"401", func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, `{"error":"no such token `+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")+`\u001b[31m"}`, http.StatusUnauthorized)
		}, []string{"answers 401", "(no such token [token] [31m)", "loglane token create --scope write"}},
		{"403", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"error":"no"}`, http.StatusForbidden) }, []string{"answers 403 (no)", "--scope write --channel User.alice"}},
		{"404", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", 404) }, []string{"answers 404: is the URL the gateway's"}},
		{"503", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) }, []string{"http://gateway.test/logs/ answers 503"}},
		{"409 of something else", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"error":"x"}`, http.StatusConflict) }, []string{"answers 409 (x)"}},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://u:p@other.test/x?a=b", http.StatusPermanentRedirect)
		}, []string{"it leads to https://other.test/x, and redirects are not followed"}},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sign in")) }, []string{"is no gateway"}},
		{"no after", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"accepted":1}`)) }, []string{"is no gateway, or one that does not number lines"}},
		{"too little", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"accepted":1,"after":"0,0"}`))
		}, []string{"only up to number 0 after it took those up to 1"}},
		{"too much", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"accepted":1,"after":"1,0","rejected":[{"line":2,"error":"x"}]}`))
		}, []string{"rejects line 2 of 1"}},
		{"a cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, []string{"http://gateway.test/logs/ does not answer: the connection was cut"}},
	} {
		_, err := over(t, tt.handle).Append(t.Context(), "logs:User.alice", loglane.Batch{Producer: "p", Lines: []loglane.Line{{K: 1, Record: []byte(`{"message":"x"}`)}}})
		if err == nil {
			t.Errorf("%s: no error", tt.name)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", tt.name, err, want)
			}
		}
		if strings.Contains(err.Error(), gatewaytest.Token) || strings.ContainsAny(err.Error(), "\x1b\n") {
			t.Errorf("%s: the error shows too much: %q", tt.name, err)
		}
	}
}

func TestGatewaySettings(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(empty, []byte("\nllt_later\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		url  string
		opts *logship.GatewayOptions
		want []string
	}{
		{"https://logs.test", nil, []string{"Token and TokenFile are missing"}},
		{"ftp://logs.test", &logship.GatewayOptions{Token: "a", TokenFile: "b", Timeout: -1, HTTPClient: &http.Client{}, RootCAs: x509.NewCertPool()},
			[]string{"is not http://HOST or https://HOST", "give one of them", "Timeout is -1ns", "HTTPClient and RootCAs"}},
		{"https://user:s3cret@logs.test", &logship.GatewayOptions{Token: "a"}, []string{"has user info"}},
		{"https://user:s3cret@logs.test:x", &logship.GatewayOptions{Token: "a"}, []string{"malformed"}},
		{"https://logs.test/?x", &logship.GatewayOptions{Token: "a"}, []string{"a query"}},
		{"127.0.0.1:8080", &logship.GatewayOptions{Token: "a"}, []string{"an example is https://"}},
		{"https://logs.test", &logship.GatewayOptions{Token: "s3cret token"}, []string{"Token is no token"}},
		{"https://logs.test", &logship.GatewayOptions{TokenFile: empty}, []string{"is no token"}},
		{"https://logs.test", &logship.GatewayOptions{TokenFile: empty + "x"}, []string{"no such file"}},
	} {
		_, err := logship.NewGateway(tt.url, tt.opts)
		if err == nil {
			t.Errorf("%s: no error", tt.url)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", tt.url, err, want)
			}
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

// A new token in the file is taken without a restart.
func TestGatewayTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("llt_old\n")
	gateway := newGateway(t)
	sink, err := logship.NewGateway("http://gateway.test/logs", &logship.GatewayOptions{TokenFile: file, HTTPClient: &http.Client{Transport: wire{gateway}}})
	if err != nil {
		t.Fatal(err)
	}
	b := loglane.Batch{Producer: "p", Lines: []loglane.Line{{K: 1, Record: []byte(`{"message":"x"}`)}}}
	for _, token := range []string{"", "two words\n", gatewaytest.Token + "\r\n"} {
		write(token)
		_, err := sink.Append(t.Context(), "logs:a", b)
		if refusal, ok := errors.AsType[*logship.GatewayError](err); !ok || refusal.Status != http.StatusUnauthorized {
			t.Fatalf("with the old token: %v", err)
		}
	}
	if _, err := sink.Append(t.Context(), "logs:a", b); err != nil {
		t.Errorf("with the new token: %v", err)
	}
}

// The certificate is verified, and a redirect takes the token nowhere.
func TestGatewayOverTLS(t *testing.T) {
	gateway := newGateway(t)
	server := httptest.NewTLSServer(gateway)
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(silent.Handler(), slog.LevelInfo)
	redirecting := httptest.NewServer(http.RedirectHandler(server.URL, http.StatusTemporaryRedirect))
	defer redirecting.Close()
	seen := watch(gateway)
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	b := loglane.Batch{Producer: "p", Lines: []loglane.Line{{K: 1, Record: []byte(`{"message":"x"}`)}}}
	for _, tt := range []struct {
		url  string
		opts logship.GatewayOptions
		want string
	}{
		{server.URL, logship.GatewayOptions{}, "certificate"},
		{redirecting.URL, logship.GatewayOptions{RootCAs: authorities}, "redirects are not followed"},
		{redirecting.URL, logship.GatewayOptions{HTTPClient: server.Client()}, "redirects are not followed"},
		{server.URL, logship.GatewayOptions{RootCAs: authorities}, ""},
	} {
		tt.opts.Token = gatewaytest.Token
		sink, err := logship.NewGateway(tt.url+"/logs", &tt.opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = sink.Append(t.Context(), "logs:a", b)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %q", tt.url, got, tt.want)
		}
		sink.Close()
	}
	if n := len(seen()); n != 1 {
		t.Errorf("the gateway got %d requests", n)
	}
}

// Over sockets: a server that closes its connections costs no line.
func TestGatewayOverSockets(t *testing.T) {
	gateway := newGateway(t)
	gateway.Severed = true
	var mu sync.Mutex
	requests := 0
	gateway.Fault = func(*http.Request) (f gatewaytest.Fault) {
		mu.Lock()
		defer mu.Unlock()
		requests++
		f.LoseAnswer = requests%5 == 2
		return f
	}
	server := httptest.NewServer(gateway)
	defer server.Close()
	sink, err := logship.NewGateway(server.URL+"/logs/", &logship.GatewayOptions{Token: gatewaytest.Token})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	h := newHandler(t, sink, logship.Options{QueueLines: 10_000, ErrorLog: silent})
	for i := range 1000 {
		slog.New(h).InfoContext(logship.WithUser(t.Context(), "alice"), fmt.Sprint("x ", i))
	}
	server.CloseClientConnections()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAt(t, gateway, "User.alice", numbered("x", 1000))
	wantAt(t, gateway, "global", numbered("x", 1000))
}
