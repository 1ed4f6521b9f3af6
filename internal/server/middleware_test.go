package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/server"
)

// beside mounts one handler for a test of what is around it.
func beside(h http.HandlerFunc) func(*setup) {
	return func(s *setup) { s.Beside = []server.Route{{Pattern: "GET /beside", Handler: h}} }
}

func TestDeadlinesAndFlushesReachTheSocket(t *testing.T) {
	for _, tls := range []bool{false, true} {
		problems := make(chan error, 1)
		g := newGateway(t, func(s *setup) {
			s.tls = tls
			beside(func(w http.ResponseWriter, r *http.Request) {
				if tls && r.ProtoMajor != 2 {
					problems <- errors.New("not HTTP/2")
					return
				}
				control := http.NewResponseController(w)
				problems <- errors.Join(
					control.SetWriteDeadline(time.Now().Add(time.Minute)),
					control.SetReadDeadline(time.Now().Add(time.Minute)),
					control.Flush(),
				)
			})(s)
		})
		g.as("").get("beside")
		if err := <-problems; err != nil {
			t.Errorf("TLS %v: %v", tls, err)
		}
		if v := g.as("alice").open("api/v1/stream"); v.until("id: ") == "" {
			t.Errorf("TLS %v: no stream", tls)
		}
	}
}

func TestAPanicIsAnsweredAndLogged(t *testing.T) {
	g := newGateway(t, beside(func(http.ResponseWriter, *http.Request) { panic("the secret reason") }))
	a := g.as("").get("beside")
	if a.code != http.StatusInternalServerError || strings.TrimSpace(a.body) != `{"error":"internal error"}` {
		t.Errorf("%d %s", a.code, a.body)
	}
	if log := g.log.String(); !strings.Contains(log, "the secret reason") || !strings.Contains(log, "middleware_test.go") {
		t.Errorf("the log is %s", log)
	}
}

func TestAPanicWithinAnAnswerCutsIt(t *testing.T) {
	for name, cause := range map[string]any{"panic": "oops", "abort": http.ErrAbortHandler} {
		g := newGateway(t, beside(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(cause)
		}))
		nobody := g.as("")
		response, err := nobody.client.Do(nobody.request(http.MethodGet, "beside", nil))
		must(t, err)
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err == nil || string(body) != "half" {
			t.Errorf("%s: %q and %v: it looks like the whole", name, body, err)
		}
		if logged := strings.Contains(g.log.String(), "a handler panicked"); logged != (name == "panic") {
			t.Errorf("%s: logged is %v", name, logged)
		}
	}
}

func TestReadyzNamesWhatIsMissing(t *testing.T) {
	var away error
	g := newGateway(t, func(s *setup) {
		s.Probes = []server.Probe{{Name: "broker", Check: func(context.Context) error { return away }}}
	})
	nobody := g.as("")
	check := func(code int, body string) {
		t.Helper()
		if a := nobody.get("readyz"); a.code != code || strings.TrimSpace(a.body) != body {
			t.Errorf("%d %s, want %d %s", a.code, a.body, code, body)
		}
		if a := nobody.get("healthz"); a.code != http.StatusOK {
			t.Errorf("healthz: %d %s", a.code, a.body)
		}
	}
	check(200, `{"status":"ok"}`)
	away = errors.New("dial tcp 10.0.0.7:6379: refused")
	check(503, `{"status":"unavailable","problems":["broker unreachable"]}`)
	g.server.Drain()
	check(503, `{"status":"unavailable","problems":["draining","broker unreachable"]}`)
}

func TestListenNamesTheSetting(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	_, err = server.Listen(t.Context(), taken.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "--addr "+taken.Addr().String()+": the port is in use") {
		t.Errorf("the error is %v", err)
	}
}
