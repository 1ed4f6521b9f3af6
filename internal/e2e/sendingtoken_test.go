package e2e

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const oneRecord = `{"level":30,"owner":"alice","msg":"hello"}` + "\n"

// recipes are the programs that send over HTTP, with how they are called.
func recipes(t *testing.T, url, token string) map[string][]string {
	return map[string][]string{
		"Django's handler": {pythonPath(t), "testdata/python/lines.py", "--url", url, "--token", token, "--flush-seconds", "30"},
		"Python's logging": {pythonPath(t), "../../examples/python/logging_http.py", "alice"},
		"Node":             {nodePath(t), "testdata/node/pipe.mjs"},
	}
}

// TestTheTokenIsNotSentElsewhere answers a recipe with redirects, as a login page before a
// gateway does: none is followed, for whoever is there would get the token.
func TestTheTokenIsNotSentElsewhere(t *testing.T) {
	for name, args := range recipes(t, "", "") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var elsewhere atomic.Int32
			other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
			defer other.Close()
			again := make(chan struct{}, 100)
			gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				again <- struct{}{}
				http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+"/login", http.StatusFound)
			}))
			defer gateway.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			args = recipes(t, gateway.URL, "llt_test")[name]
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			cmd.Env, cmd.Stdin = append(os.Environ(), sendingEnv(gateway.URL)...), strings.NewReader(oneRecord)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the first is over once it is sent again
				select {
				case <-again:
				case <-ctx.Done():
					t.Error("it is not sent again")
				}
			}
			cancel()
			_ = cmd.Wait() // it was killed
			if n := elsewhere.Load(); n > 0 {
				t.Errorf("%d requests went where the redirect leads", n)
			}
		})
	}
}

// TestATokenThatIsNoneIsNotShown gives a recipe a token that no header can have: it says so
// at once and does not show it.
func TestATokenThatIsNoneIsNotShown(t *testing.T) {
	const token = "llt_begin\nllt_secret"
	for name, args := range recipes(t, "http://127.0.0.1:1", token) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			cmd.Env = append(os.Environ(), append(sendingEnv("http://127.0.0.1:1"), "LOGLANE_TOKEN="+token)...)
			cmd.Stdin = strings.NewReader(oneRecord)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Run(); err == nil || ctx.Err() != nil || strings.Contains(said.String(), "llt_secret") || !strings.Contains(said.String(), "token: ") {
				t.Errorf("%v: %s", err, &said)
			}
		})
	}
}
