package app_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/redistest"
)

const password = "correct horse"

// settings are valid ones, with alice and a port of their own.
func settings(t *testing.T) app.Settings {
	t.Helper()
	s := app.Defaults()
	s.Addr, s.AuthFile = "127.0.0.1:0", filepath.Join(t.TempDir(), "users")
	file := auth.UsersFile{Path: s.AuthFile, Template: loglane.DefaultTemplate, Cost: auth.Cost{Memory: 64}}
	must(t, file.Add("alice", auth.Viewer, password))
	return s
}

func start(t *testing.T, s app.Settings) *app.App {
	t.Helper()
	gateway, err := app.New(s, &app.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		must(t, gateway.Stop(ctx)) // a second time, it has nothing to do
	})
	must(t, gateway.Start(t.Context()))
	return gateway
}

// signIn returns a client that alice is signed in with.
func signIn(t *testing.T, gateway *app.App) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	answer, err := client.PostForm(gateway.URL()+"login", url.Values{"username": {"alice"}, "password": {password}})
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK { // the terminal page, after the redirect
		t.Fatalf("alice cannot sign in: %s", answer.Status)
	}
	return client
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	answer, err := client.Get(url)
	must(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer.StatusCode, string(body)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTwoGatewaysInOneProcess(t *testing.T) {
	first, second := start(t, settings(t)), start(t, settings(t))
	alice := signIn(t, first)
	if code, body := get(t, alice, first.URL()+"api/v1/me"); code != http.StatusOK || !strings.Contains(body, `"channel":"User.alice"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body := get(t, alice, second.URL()+"api/v1/me"); code != http.StatusUnauthorized {
		t.Errorf("the other gateway knows the session: %d %s", code, body)
	}
}

func TestStopSaysByeAndEndsCleanly(t *testing.T) {
	gateway := start(t, settings(t))
	answer, err := signIn(t, gateway).Get(gateway.URL() + "api/v1/stream")
	must(t, err)
	defer answer.Body.Close()
	reader := bufio.NewReader(answer.Body)
	line, err := reader.ReadString('\n')
	if err != nil || line != "retry: 3000\n" {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	must(t, gateway.Stop(t.Context()))
	rest, err := io.ReadAll(reader)
	if err != nil {
		t.Errorf("the stream was cut: %v", err)
	}
	if !strings.HasSuffix(string(rest), "event: bye\ndata: {\"reason\":\"draining\"}\n\n") {
		t.Errorf("the stream ends with %q", rest)
	}
	if _, err := net.DialTimeout("tcp", strings.Split(gateway.URL(), "/")[2], time.Second); err == nil {
		t.Error("the gateway still listens")
	}
}

func TestStopDoesNotWaitForAFrozenViewer(t *testing.T) {
	s := settings(t)
	redis := redistest.Start(t)
	s.RedisURL = redis.URL()
	gateway := start(t, s)
	alice := signIn(t, gateway)
	target, err := url.Parse(gateway.URL())
	must(t, err)
	conn, err := net.Dial("tcp", target.Host)
	must(t, err)
	defer conn.Close()
	must(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	cookie := alice.Jar.Cookies(target)[0]
	_, err = io.WriteString(conn, "GET /api/v1/stream HTTP/1.1\r\nHost: "+target.Host+"\r\nCookie: "+cookie.String()+"\r\n\r\n")
	must(t, err)
	_, err = bufio.NewReaderSize(conn, 16).ReadString('\n') // from here on, nothing is read
	must(t, err)
	long := strings.Repeat("x", 60_000)
	for range 200 {
		_, err := redis.Do("XADD", "stream:logs:User.alice", "*", "data", long)
		must(t, err)
		_, err = redis.Do("PUBLISH", "logs:User.alice", long)
		must(t, err)
	}
	begin := time.Now()
	must(t, gateway.Stop(t.Context()))
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

func TestStopCutsWhenItsContextEnds(t *testing.T) {
	gateway := start(t, settings(t))
	answer, err := signIn(t, gateway).Get(gateway.URL() + "api/v1/stream")
	must(t, err)
	defer answer.Body.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := gateway.Stop(ctx); err == nil {
		t.Error("a stop that had no time reports none")
	}
	_, _ = io.ReadAll(answer.Body) // it ends, cleanly or not
}

func TestRunEndsWithItsContext(t *testing.T) {
	gateway, err := app.New(settings(t), &app.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	must(t, gateway.Run(ctx, context.Background(), func() {
		if code, body := get(t, signIn(t, gateway), gateway.URL()+"healthz"); code != http.StatusOK {
			t.Errorf("healthz: %d %s", code, body)
		}
		cancel()
	}))
}

func TestAStartThatFailsLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	s := settings(t)
	s.Addr = taken.Addr().String()
	gateway, err := app.New(s, &app.Options{Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	err = gateway.Run(t.Context(), context.Background(), nil)
	if err == nil || !strings.Contains(err.Error(), "--addr") || !strings.Contains(err.Error(), "in use") {
		t.Errorf("the error is %v", err)
	}
}
