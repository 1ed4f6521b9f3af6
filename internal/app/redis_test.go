package app_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/redistest"
)

// A gateway that starts before its Redis says so, and serves once it is there.
func TestRedisComesLater(t *testing.T) {
	redis := redistest.Start(t)
	s := settings(t)
	s.RedisURL = redis.URL()
	redis.Kill()
	gateway := start(t, s)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	for path, want := range map[string]int{"healthz": 200, "readyz": 503, "api/v1/me": 401} {
		if code, body := get(t, client, gateway.URL()+path); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, body, want)
		}
	}
	redis.Restart()
	eventually(t, func() bool {
		code, _ := get(t, client, gateway.URL()+"readyz")
		return code == http.StatusOK
	})
	answer, err := signIn(t, gateway).Get(gateway.URL() + "api/v1/stream")
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the stream: %s", answer.Status)
	}
}

// A gateway whose Redis answers, and whose live lines do not come, is not ready until they
// do.
func TestNotReadyWithoutLiveLines(t *testing.T) {
	redis := redistest.Start(t)
	var silent atomic.Bool
	proxy := chaos.NewProxy(t, "127.0.0.1:"+redis.PortText(), chaos.Faults{SwallowMessage: func(string) bool { return silent.Load() }})
	s := settings(t)
	s.RedisURL = "redis://" + proxy.Addr + "/0"
	gateway := start(t, s)
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	ready := func() (int, string) { return get(t, client, gateway.URL()+"readyz") }
	for _, c := range []struct {
		silent bool
		code   int
	}{{false, http.StatusOK}, {true, http.StatusServiceUnavailable}, {false, http.StatusOK}} {
		silent.Store(c.silent)
		began := time.Now()
		eventually(t, func() bool { code, _ := ready(); return code == c.code })
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("/readyz tells after %v that it is silent %v", took, c.silent)
		}
	}
}

func TestRedisRefusesThePassword(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "the-right-one")
	for _, user := range []string{"", ":the-wrong-one@"} {
		s := settings(t)
		s.RedisURL = fmt.Sprintf("redis://%s127.0.0.1:%d/0", user, redis.Port)
		gateway, err := app.New(s, &app.Options{Logger: slog.New(slog.DiscardHandler)})
		must(t, err)
		err = gateway.Run(t.Context(), context.Background(), nil)
		if err == nil || !strings.Contains(err.Error(), "Redis refused") || !strings.Contains(err.Error(), "--redis-url") ||
			strings.Contains(err.Error(), "the-wrong-one") {
			t.Errorf("%q: the error is %v", user, err)
		}
	}
}

// Sessions are in Redis: every gateway of it knows them.
func TestGatewaysShareSessions(t *testing.T) {
	redis := redistest.Start(t)
	s := settings(t)
	s.RedisURL = redis.URL()
	first, second := start(t, s), start(t, s)
	alice := signIn(t, first)
	if code, body := get(t, alice, second.URL()+"api/v1/me"); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
}

func eventually(t *testing.T, true func() bool) {
	t.Helper()
	deadline, tick := time.After(15*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !true() {
		select {
		case <-deadline:
			t.Fatal("it does not come true")
		case <-tick.C:
		}
	}
}
