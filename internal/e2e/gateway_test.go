package e2e

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// serveHub serves a broker's channels, named by ?channel=, without a login; ?see= are the
// members that are shown.
func serveHub(t testing.TB, broker loglane.Broker, opts *loglane.HubOptions) (url string, hub *loglane.Hub, stop func()) {
	t.Helper()
	if opts == nil {
		opts = &loglane.HubOptions{}
	}
	opts.Logger = quiet()
	hub, err := loglane.NewHub(broker, opts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(hub.Stream(func(r *http.Request) (loglane.Grant, error) {
		channel, err := loglane.ChannelName(r.URL.Query().Get("channel"))
		grant := loglane.Grant{Channel: channel}
		if see := r.URL.Query()["see"]; see != nil {
			var membersErr error
			grant.Members, membersErr = loglane.ParseMembers(see...)
			err = errors.Join(err, membersErr)
		}
		return grant, err
	}, nil))
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := hub.Close(ctx); err != nil {
			t.Errorf("hub.Close: %v", err)
		}
		server.Close()
	}
	t.Cleanup(stop)
	return server.URL, hub, stop
}

func openRedis(t *testing.T, server *redistest.Server, keep loglane.Retention) *redisbroker.Broker {
	t.Helper()
	broker, err := redisbroker.New(redisbroker.Options{URL: server.URL(), Retention: keep, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return broker
}

// foundPython is a Python that has Django and the redis package, or "".
var foundPython = sync.OnceValue(func() string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if path, err := exec.LookPath(name); err == nil && exec.Command(path, "-c", "import django, redis").Run() == nil {
			return path
		}
	}
	return ""
})

// pythonPath returns a Python that has Django and the redis package.
func pythonPath(t *testing.T) string {
	t.Helper()
	if foundPython() == "" {
		t.Fatal("no Python has Django and redis: install them (Debian: apt-get install python3-django python3-redis), or run make test")
	}
	return foundPython()
}

// python starts the example publisher; wait returns once it has ended.
func python(t *testing.T, server *redistest.Server, args ...string) (wait func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pythonPath(t),
		append([]string{"../../examples/python/publish.py", "--redis-url", server.URL()}, args...)...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("publish.py: %v\n%s", err, output.String())
		}
	}
}
