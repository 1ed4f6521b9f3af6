package app_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/app"
	"github.com/loglane/loglane/internal/certtest"
	"github.com/loglane/loglane/internal/redistest"
)

// secured are the settings with a certificate.
func secured(t *testing.T) (app.Settings, *certtest.Pair) {
	t.Helper()
	s, pair := settings(t), certtest.New(t)
	s.TLSCert, s.TLSKey = pair.Cert, pair.Key
	return s, pair
}

// secureClient has a connection of its own, trusts the pair, and alice is signed in with it.
func secureClient(t *testing.T, gateway *app.App, pair *certtest.Pair) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pair.Pool()}, ForceAttemptHTTP2: true,
		MaxConnsPerHost: 1,
	}}
	t.Cleanup(client.CloseIdleConnections)
	answer, err := client.PostForm(gateway.URL()+"login", url.Values{"username": {"alice"}, "password": {password}})
	must(t, err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 || answer.TLS == nil {
		t.Fatalf("alice cannot sign in: %s %s", answer.Proto, answer.Status)
	}
	return client
}

func TestHTTPS(t *testing.T) {
	s, pair := secured(t)
	gateway := start(t, s)
	if !strings.HasPrefix(gateway.URL(), "https://127.0.0.1:") {
		t.Fatalf("the URL is %s", gateway.URL())
	}
	host := strings.Split(gateway.URL(), "/")[2]

	client := secureClient(t, gateway, pair)
	answer, err := client.Transport.RoundTrip(login(t, gateway.URL()))
	must(t, err)
	answer.Body.Close()
	if cookies := answer.Cookies(); len(cookies) != 1 || !cookies[0].Secure || !cookies[0].HttpOnly {
		t.Errorf("%s with the cookies %v", answer.Status, cookies)
	}
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if code, body := get(t, plain, "http://"+host+"/"); code != http.StatusBadRequest || !strings.Contains(body, "HTTP request to an HTTPS server") {
		t.Errorf("plain HTTP: %d %s", code, body)
	}
	old := &tls.Config{RootCAs: pair.Pool(), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := tls.Dial("tcp", host, old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn, err := tls.Dial("tcp", host, &tls.Config{RootCAs: pair.Pool(), MaxVersion: version})
		must(t, err)
		if got := conn.ConnectionState().Version; got != version {
			t.Errorf("TLS %x, want %x", got, version)
		}
		conn.Close()
	}
}

func login(t *testing.T, base string) *http.Request {
	t.Helper()
	form := url.Values{"username": {"alice"}, "password": {password}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"login", strings.NewReader(form.Encode()))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return request
}

// A stream goes on while the certificate is renewed, and who comes later sees the new one.
func TestHTTPSWithARenewedCertificate(t *testing.T) {
	s, pair := secured(t)
	gateway := start(t, s)
	stream := openStream(t, secureClient(t, gateway, pair), gateway)
	pair.Renew(t, time.Now().Add(-time.Minute), time.Hour)
	host := strings.Split(gateway.URL(), "/")[2]
	eventually(t, func() bool {
		conn, err := tls.Dial("tcp", host, &tls.Config{RootCAs: pair.Pool()})
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	must(t, gateway.Stop(t.Context()))
	if rest, err := io.ReadAll(stream); err != nil || !strings.Contains(string(rest), "event: bye\n") {
		t.Errorf("the stream ends with %q, %v", rest, err)
	}
}

// openStream opens alice's stream over HTTP/2 and reads its first line.
func openStream(t *testing.T, client *http.Client, gateway *app.App) *bufio.Reader {
	t.Helper()
	answer, err := client.Get(gateway.URL() + "api/v1/stream")
	must(t, err)
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || answer.ProtoMajor != 2 {
		t.Fatalf("the stream: %s %s", answer.Proto, answer.Status)
	}
	stream := bufio.NewReader(answer.Body)
	if line, err := stream.ReadString('\n'); err != nil || line != "retry: 3000\n" {
		t.Fatalf("the first line is %q, %v", line, err)
	}
	return stream
}

// Streams of one HTTP/2 connection do not hold each other up: one that nobody reads is
// cut once its write has stalled, the others have every line and end with a bye.
func TestStreamsOfOneHTTP2Connection(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s, pair := secured(t)
	s.RedisURL = redis.URL()
	s.MaxStreamsPerUser = 4
	gateway := start(t, s)
	client := secureClient(t, gateway, pair)
	var streams []*bufio.Reader
	for range 3 {
		streams = append(streams, openStream(t, client, gateway))
	}
	openStream(t, client, gateway) // and never read again

	const lines = 120 // more than the window of one stream takes
	long := strings.Repeat("x", 60_000)
	for i := range lines {
		text := fmt.Sprintf("line %d %s", i, long)
		for _, command := range [][]string{{"XADD", "stream:logs:User.alice", "*", "data", text}, {"PUBLISH", "logs:User.alice", text}} {
			_, err := redis.Do(command...)
			must(t, err)
		}
		for n, stream := range streams {
			for {
				line, err := stream.ReadString('\n')
				must(t, err)
				if data, found := strings.CutPrefix(line, "data: "); found {
					if !strings.HasPrefix(data, fmt.Sprintf("line %d x", i)) {
						t.Fatalf("stream %d has %.20q for line %d", n, data, i)
					}
					break
				}
			}
		}
	}
	if code, _ := get(t, client, gateway.URL()+"api/v1/me"); code != http.StatusOK {
		t.Errorf("another request on the connection: %d", code)
	}
	awaitStream(t, client, gateway)
	must(t, gateway.Stop(t.Context()))
	for n, stream := range streams {
		rest, err := io.ReadAll(stream)
		if err != nil || !strings.HasSuffix(string(rest), "event: bye\ndata: {\"reason\":\"draining\"}\n\n") {
			t.Errorf("stream %d ends with %q, %v", n, rest, err)
		}
	}
}

// awaitStream waits until alice may have one more stream.
func awaitStream(t *testing.T, client *http.Client, gateway *app.App) {
	t.Helper()
	deadline, tick := time.After(30*time.Second), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for refused := 0; ; refused++ {
		answer, err := client.Get(gateway.URL() + "api/v1/stream?backlog=0")
		must(t, err)
		if answer.StatusCode == http.StatusOK {
			t.Cleanup(func() { answer.Body.Close() })
			if refused == 0 {
				t.Error("there were fewer than four streams")
			}
			return
		}
		answer.Body.Close()
		select {
		case <-deadline:
			t.Fatal("the stream that nobody reads is never cut")
		case <-tick.C:
		}
	}
}

func TestCertificatesAreTold(t *testing.T) {
	pair, other := certtest.New(t), certtest.New(t)
	for _, c := range []struct{ cert, key, want string }{
		{pair.Cert, "", "--tls-key: it is missing: HTTPS needs both"},
		{"", pair.Key, "--tls-cert: it is missing: HTTPS needs both"},
		{pair.Cert, other.Key, "--tls-key=" + other.Key + ": it is not the key of"},
		{"no.pem", "no.pem", "--tls-cert=no.pem: it cannot be read"},
	} {
		s := settings(t)
		s.TLSCert, s.TLSKey, s.Addr = c.cert, c.key, "x"
		_, err := app.New(s, &app.Options{Logger: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "--addr=x") {
			t.Errorf("%q and %q: %v, want %q", c.cert, c.key, err, c.want)
		}
	}
}
