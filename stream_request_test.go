package loglane_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
)

// newHub is a hub over a memory broker in real time, for answers that are no streams.
func newHub(t *testing.T) *loglane.Hub {
	t.Helper()
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		t.Fatal(err)
	}
	hub, err := loglane.NewHub(broker, &loglane.HubOptions{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := hub.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return hub
}

func admitAlice(*http.Request) (loglane.Grant, error) {
	return loglane.Grant{Channel: aliceChannel}, nil
}

func answer(handler http.Handler, method, target string, header ...string) *http.Response {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t *testing.T, response *http.Response) string {
	t.Helper()
	var b strings.Builder
	if _, err := readInto(&b, response); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readInto(b *strings.Builder, response *http.Response) (int64, error) {
	p := make([]byte, 4096)
	var total int64
	for {
		n, err := response.Body.Read(p)
		b.Write(p[:n])
		total += int64(n)
		if err != nil {
			return total, nil
		}
	}
}

func TestStreamMalformedParameters(t *testing.T) {
	handler := newHub(t).Stream(admitAlice, nil)
	bad := []struct{ query, header, names string }{
		{"backlog=x", "", "backlog"},
		{"backlog=-1", "", "backlog"},
		{"backlog=01", "", "backlog"},
		{"backlog=1e3", "", "backlog"},
		{"backlog=99999999999999999999", "", "backlog"},
		{"replay=all", "", "replay"},
		{"level=loud", "", "loud"},
		{"level=" + strings.Repeat("x", 1000), "", "level"},
		{"ping=0", "", "ping"},
		{"ping=x", "", "ping"},
		{"ping=3601", "", "ping"},
		{"last_event_id=x", "", "last_event_id"},
		{"last_event_id=0.0", "", "last_event_id"},
		{"last_event_id=00", "", "last_event_id"},
		{"last_event_id=" + strings.Repeat("9", 5000), "", "last_event_id"},
		{"last_event_id=" + url.QueryEscape("0.0.1-0.AAAAAAAAAAA"), "", "last_event_id"},
		{"last_event_id=" + url.QueryEscape("0.0.1-0\n"), "", "last_event_id"},
		{"", "latest", "Last-Event-ID"},
		{"last_event_id=0", "0.0.+1-0", "Last-Event-ID"},
		{"%zz", "", "query"},
	}
	for _, c := range bad {
		response := answer(handler, http.MethodGet, "/?"+c.query, "Last-Event-ID", c.header)
		body := bodyOf(t, response)
		if response.StatusCode != http.StatusBadRequest || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%.60q, %q: %d %s", c.query, c.header, response.StatusCode, response.Header.Get("Content-Type"))
		}
		if !strings.HasPrefix(body, `{"error":"`) || !strings.Contains(body, c.names) || len(body) > 500 {
			t.Errorf("%.60q, %q: body %q, want one that names %s", c.query, c.header, body, c.names)
		}
	}
}

func TestStreamMethods(t *testing.T) {
	handler := newHub(t).Stream(admitAlice, nil)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"} {
		response := answer(handler, method, "/")
		allow := response.Header.Get("Allow")
		if response.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(allow, "GET") {
			t.Errorf("%s: %d, Allow %q", method, response.StatusCode, allow)
		}
	}
	response := answer(handler, http.MethodHead, "/")
	if body := bodyOf(t, response); response.StatusCode != http.StatusOK || body != "" {
		t.Errorf("HEAD: %d with body %q", response.StatusCode, body)
	}
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("HEAD: Content-Type %q", got)
	}
	if response := answer(handler, http.MethodHead, "/?backlog=x"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("HEAD with a bad parameter: %d", response.StatusCode)
	}
}

func TestHeadOpensNothing(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		v := s.request(s.grant, http.MethodHead, "")
		if !v.ended() {
			t.Fatal("HEAD does not end")
		}
		if stats := s.hub.Stats(); stats.Channels != 0 || stats.Streams != 0 || s.broker.readCount() != 0 {
			t.Errorf("after HEAD: %+v, %d reads", stats, s.broker.readCount())
		}
	})
}

// Each request is wrong in one more way than the next; the answers come in the order of
// the contract.
func TestStreamAnswersInOrder(t *testing.T) {
	hub := newHub(t)
	var admitErr, limitErr error
	opts := &loglane.StreamOptions{Limit: func(*http.Request, loglane.Grant) (func(), error) { return func() {}, limitErr }}
	admit := func(*http.Request) (loglane.Grant, error) { return loglane.Grant{Channel: aliceChannel}, admitErr }
	disabled := &loglane.StreamOptions{Disabled: true, Limit: opts.Limit}
	fail := func(code int) error { return &loglane.StatusError{Code: code, Message: "because"} }
	limitErr = &loglane.StatusError{Code: 429, Message: "20 streams per user (--max-streams-per-user)", RetryAfter: 1500 * time.Millisecond}

	steps := []struct {
		name     string
		method   string
		opts     *loglane.StreamOptions
		admitErr error
		query    string
		want     int
	}{
		{"method before login", "POST", disabled, fail(401), "backlog=x", 405},
		{"login before disabled", "GET", disabled, fail(401), "backlog=x", 401},
		{"the session store before disabled", "GET", disabled, fail(503), "backlog=x", 503},
		{"disabled before rights", "GET", disabled, fail(403), "backlog=x", 200},
		{"rights before parameters", "GET", opts, fail(403), "backlog=x", 403},
		{"parameters before limits", "GET", opts, nil, "backlog=x", 400},
		{"limits", "GET", opts, nil, "", 429},
		{"an error without a status", "GET", opts, errors.New("secret"), "", 500},
	}
	for _, step := range steps {
		admitErr = step.admitErr
		response := answer(hub.Stream(admit, step.opts), step.method, "/?"+step.query)
		body := bodyOf(t, response)
		if response.StatusCode != step.want {
			t.Errorf("%s: %d, want %d", step.name, response.StatusCode, step.want)
		}
		if strings.Contains(body, "secret") {
			t.Errorf("%s: body %q", step.name, body)
		}
		switch step.want {
		case 200:
			if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/plain") || !strings.Contains(body, "stream-enabled=false") {
				t.Errorf("%s: %q", step.name, body)
			}
		case 429:
			if response.Header.Get("Retry-After") != "2" || !strings.Contains(body, "--max-streams-per-user") {
				t.Errorf("%s: Retry-After %q, %q", step.name, response.Header.Get("Retry-After"), body)
			}
		}
	}
}

func TestRedirectToLogin(t *testing.T) {
	handler := newHub(t).Stream(func(*http.Request) (loglane.Grant, error) {
		return loglane.Grant{}, &loglane.StatusError{Code: http.StatusFound, Location: "/login?next=%2F"}
	}, nil)
	response := answer(handler, http.MethodGet, "/")
	if response.StatusCode != http.StatusFound || response.Header.Get("Location") != "/login?next=%2F" {
		t.Errorf("%d to %q", response.StatusCode, response.Header.Get("Location"))
	}
}

func TestLimitIsReleasedOnce(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		taken, released := 0, 0
		s.options.Limit = func(_ *http.Request, grant loglane.Grant) (func(), error) {
			taken++
			if grant.Channel != aliceChannel {
				t.Errorf("Limit got the grant %+v", grant)
			}
			return func() { released++ }, nil
		}
		v := s.open("")
		if taken != 1 || released != 0 {
			t.Errorf("while open: %d taken, %d released", taken, released)
		}
		v.leave()
		if released != 1 {
			t.Errorf("after the end: %d released", released)
		}
		s.broker.set(func(b *faultyBroker) { b.away = true })
		s.grant.Channel = "logs:User.bob"
		s.options.Limit = func(*http.Request, loglane.Grant) (func(), error) {
			return func() { released++ }, nil
		}
		s.open("")
		if released != 2 {
			t.Errorf("after a 503: %d released", released)
		}
	})
}

func (v *viewer) wantUnavailable(after time.Duration) {
	v.s.Helper()
	begin := time.Now()
	<-v.done
	if waited := time.Since(begin); waited != after {
		v.s.Errorf("the answer came after %v, want %v", waited, after)
	}
	if v.w.status != http.StatusServiceUnavailable || string(v.w.bytes()) != "Log stream is temporarily unavailable." {
		v.s.Errorf("answer %d %q", v.w.status, v.w.bytes())
	}
	if v.w.header.Get("Retry-After") == "" || !strings.HasPrefix(v.w.header.Get("Content-Type"), "text/plain") {
		v.s.Errorf("header %v", v.w.header)
	}
}

func TestUnavailable(t *testing.T) {
	t.Run("away", func(t *testing.T) {
		onStage(t, stageOptions{}, func(s *stage) {
			s.broker.leave()
			s.request(s.grant, http.MethodGet, "").wantUnavailable(0)
			s.request(s.grant, http.MethodGet, "").wantUnavailable(0)
			s.broker.come()
			synctest.Wait()
			s.append("one")
			synctest.Wait()
			s.open("").want("retry", "one#")
		})
	})
	t.Run("unconfirmed", func(t *testing.T) {
		onStage(t, stageOptions{}, func(s *stage) {
			s.broker.set(func(b *faultyBroker) { b.silent = true })
			s.request(s.grant, http.MethodGet, "").wantUnavailable(2 * time.Second)
			v := s.request(s.grant, http.MethodGet, "")
			time.Sleep(time.Second)
			s.append("one")
			s.broker.tell(loglane.Event{Kind: loglane.Confirmed})
			v.want("retry", "one#")
		})
	})
	t.Run("reads fail", func(t *testing.T) {
		onStage(t, stageOptions{}, func(s *stage) {
			s.append("one")
			s.broker.set(func(b *faultyBroker) { b.silent, b.away = true, true })
			v := s.request(s.grant, http.MethodGet, "")
			<-v.done
			if v.w.status != http.StatusServiceUnavailable {
				t.Errorf("status %d", v.w.status)
			}
		})
	})
	t.Run("closing", func(t *testing.T) {
		onStage(t, stageOptions{}, func(s *stage) {
			open := s.open("")
			open.w.freeze()
			s.append("stuck")
			go func() { _ = s.hub.Close(context.Background()) }()
			synctest.Wait()
			s.request(s.grant, http.MethodGet, "").wantUnavailable(0)
		})
	})
}
