package tail_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/tail"
)

type script = []func(*http.Request) (*http.Response, error)

func TestEachLineOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		script script
		want   string
	}{
		{"a resume repeats", script{stream(line(1, "one", srcA)+line(2, "two", srcB), io.EOF), stream(line(2, "two", srcB)+line(3, "three", ""), nil)}, "one|two|three"},
		{"a line comes again in another place", script{stream(line(1, "one", srcA)+line(2, "two", srcB)+line(7, "one", srcA)+line(8, "new", ""), nil)}, "one|two|new"},
		{"an entry without a src comes again", script{stream(line(1, "one", "")+line(1, "one", "")+line(2, "one", ""), nil)}, "one|one"},
		{"half an event is none", script{stream(line(1, "one", srcA)+"id: "+id(2, srcB)+"\ndata: {\"message\":\"tw", io.ErrUnexpectedEOF), stream(line(2, "two", srcB), nil)}, "one|two"},
		{"lines of several rows", script{stream("id: "+id(1, "")+"\ndata: a\ndata: b\n\n", nil)}, "a\nb"},
		{"lines without a place are shown, however alike", script{stream("data: tick\n\ndata: tick\n\n", nil)}, "tick|tick"},
		{"a replay has them again", script{stream(line(1, "one", "")+"data: tick\n\ndata: tick\n\n", io.EOF), stream("data: tick\n\ndata: tick\n\ndata: tick\n\n", nil)}, "one|tick|tick|tick"},
		{"one got its place meanwhile", script{stream(line(1, "one", "")+"data: late\n\n", io.EOF), stream("id: "+id(2, "")+"\ndata: late\n\nid: "+id(3, "")+"\ndata: late\n\n", nil)}, "one|late|late"},
		{"one like another that is past", script{stream(line(1, "one", srcA)+"data: tick\n\n", io.EOF), stream(line(2, "two", srcB)+"data: tick\n\n", nil)}, "one|tick|two|tick"},
		{"a gap in its place", script{stream(line(1, "one", srcA)+"event: gap\nid: "+id(5, "")+"\ndata: {\"reason\":\"trimmed\",\"missed\":4}\n\n"+line(6, "six", srcB), nil)}, "one|gap trimmed 4|six"},
		{"a gap that cannot be read", script{stream("event: gap\ndata: nonsense\n\n", nil)}, "gap unknown -1"},
		{"events of other kinds", script{stream("event: ping\ndata: {\"t\":1}\n\nevent: novelty\ndata: x\n\n: keepalive\n\n", nil)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := perform(t, forever(), c.script...)
				if p.all() != c.want || !errors.Is(p.err, errHour) {
					t.Errorf("shown: %q, want %q; %v", p.all(), c.want, p.err)
				}
				if p.flushed != p.count() {
					t.Errorf("%d of %d were flushed", p.flushed, p.count())
				}
			})
		})
	}
}

func TestRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := tail.Options{MaxRetries: -1, Token: "llt_x", Channel: "job_1", Level: "warning", Start: tail.Start{Lines: 7}}
		p := perform(t, opts, stream(line(1, "one", srcA)+half, io.EOF), stream("id: "+id(4, "")+"\n\n", io.EOF))
		first, second, third := p.requests[0], p.requests[1], p.requests[2]
		if got := first.URL.String(); got != "http://gateway.test/logs/api/v1/stream?backlog=7&channel=job_1&level=warning&ping=15" {
			t.Errorf("the first is %s", got)
		}
		if got := second.URL.String(); got != "http://gateway.test/logs/api/v1/stream?channel=job_1&level=warning&ping=15" {
			t.Errorf("the second is %s", got)
		}
		if first.Header.Get("Authorization") != "Bearer llt_x" || first.Header.Get("Accept") != "text/event-stream" || first.Header.Get("Last-Event-ID") != "" {
			t.Errorf("the first has %v", first.Header)
		}
		if got := second.Header.Get("Last-Event-ID"); got != id(1, srcA) {
			t.Errorf("the second goes on after %q", got)
		}
		if got := third.Header.Get("Last-Event-ID"); got != id(4, "") {
			t.Errorf("the third goes on after %q", got)
		}
	})
}

func TestWhereItBegins(t *testing.T) {
	for _, c := range []struct {
		start          tail.Start
		backlog, after string
	}{
		{tail.Start{}, "0", ""},
		{tail.Start{Lines: 3}, "3", ""},
		{tail.Start{All: true}, "", "0"},
		{tail.Start{Cursor: id(5, srcA)}, "", id(5, srcA)},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := perform(t, tail.Options{MaxRetries: -1, Start: c.start}, stream("", nil))
			req := p.requests[0]
			if req.URL.Query().Get("backlog") != c.backlog || req.Header.Get("Last-Event-ID") != c.after {
				t.Errorf("%+v asks for %s after %q", c.start, req.URL, req.Header.Get("Last-Event-ID"))
			}
		})
	}
}

func TestOnceEndsWithTheReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := forever()
		opts.Once = true
		p := perform(t, opts,
			stream(line(1, "one", srcA), io.ErrUnexpectedEOF), // cut
			stream("retry: 3000\n\n", io.EOF),                 // no end of a replay is without an id
			stream(line(2, "two", srcB)+"event: bye\ndata: {\"reason\":\"draining\"}\n\n", io.EOF),
			stream(line(3, "three", ""), io.EOF))
		if p.err != nil || p.all() != "one|two|three" || len(p.requests) != 4 {
			t.Errorf("%v after %d requests: %s", p.err, len(p.requests), p.all())
		}
		if p.requests[0].URL.Query().Get("follow") != "0" {
			t.Errorf("it asks for %s", p.requests[0].URL)
		}
	})
}

func TestWhatItGivesUpFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		is     error
		text   string
	}{
		{"401", refusal(401, `{"error":"not signed in"}`, "Content-Type", "application/json"), tail.ErrNotAuthenticated, "not authenticated: not signed in"},
		{"a login page", refusal(302, "", "Location", "/login"), tail.ErrNotAuthenticated, "login page"},
		{"403", refusal(403, `{"error":"not yours"}`, "Content-Type", "application/json"), tail.ErrForbidden, "forbidden: not yours"},
		{"400", refusal(400, "level: unknown"), tail.ErrRejected, "level: unknown"},
		{"404", refusal(404, "", "Content-Type", "text/html"), nil, "is the URL right"},
		{"elsewhere", refusal(308, "", "Location", "https://gateway.test/logs/"), nil, `leads to "https://gateway.test/logs/"`},
		{"a page", refusal(200, "<html>", "Content-Type", "text/html"), nil, "no Loglane gateway"},
		{"switched off", refusal(200, "Log streaming is switched off (stream-enabled=false)."), nil, "stream-enabled=false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := perform(t, forever(), c.answer)
				if p.err == nil || c.is != nil && !errors.Is(p.err, c.is) || !strings.Contains(p.err.Error(), c.text) || len(p.requests) != 1 {
					t.Errorf("%v after %d requests", p.err, len(p.requests))
				}
			})
		})
	}
}

func TestTheLoginEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := perform(t, forever(),
			stream(line(1, "one", srcA)+"event: auth\ndata: {\"reason\":\"revoked\"}\n\n", io.EOF),
			refusal(401, "no"))
		if !errors.Is(p.err, tail.ErrNotAuthenticated) || !strings.Contains(p.err.Error(), "revoked") {
			t.Errorf("%v", p.err)
		}
	})
}

func TestWhatItWaitsFor(t *testing.T) {
	for _, c := range []struct {
		name     string
		answer   func(*http.Request) (*http.Response, error)
		min, max time.Duration
		told     string
	}{
		{"no connection", noConnection, 0, 260 * time.Millisecond, "no connection to gateway.test: connection refused"},
		{"503", refusal(503, "Log stream is temporarily unavailable.", "Retry-After", "2"), 2 * time.Second, 2600 * time.Millisecond, "Log stream is temporarily unavailable."},
		{"429", refusal(429, "too many streams", "Retry-After", "7"), 7 * time.Second, 9 * time.Second, "too many streams"},
		{"502 of a proxy", refusal(502, "<html>", "Content-Type", "text/html"), 0, 260 * time.Millisecond, "502 Bad Gateway"},
		{"a cut", stream("", io.ErrUnexpectedEOF), 0, 260 * time.Millisecond, "the connection was cut"},
		{"a cut after retry", stream("retry: 3000\n\n", io.EOF), 0, 3100 * time.Millisecond, "the connection was cut"},
		{"bye", stream("retry: 1500\n\nevent: bye\ndata: {}\n\n", io.EOF), 1500 * time.Millisecond, 2 * time.Second, "the gateway goes away"},
		{"no answer", func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		}, 20 * time.Second, 21 * time.Second, "the gateway does not answer"},
		{"silence", stream("retry: 3000\n\n: keepalive\n\n", nil), 45 * time.Second, 49 * time.Second, "nothing was heard for 45 s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := perform(t, forever(), c.answer, stream(line(1, "one", srcA), nil))
				if len(p.at) < 2 || p.at[1] < c.min || p.at[1] > c.max || p.all() != "one" {
					t.Errorf("asked at %v, shown %q", p.at, p.all())
				}
				if !strings.Contains(p.notices[0], c.told+": trying again") || !strings.HasPrefix(p.notices[1], "connected after ") {
					t.Errorf("told %q", p.notices)
				}
			})
		})
	}
}

func TestWaitsGrowUpTo5s(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s script
		for range 200 {
			s = append(s, noConnection)
		}
		p := perform(t, forever(), s...)
		bound, longest, shortest := 250*time.Millisecond, time.Duration(0), time.Hour
		for i := 1; i < 200; i++ {
			wait := p.at[i] - p.at[i-1]
			if wait > bound+time.Millisecond {
				t.Errorf("wait %d is %v", i, wait)
			}
			if longest = max(longest, wait); bound == 5*time.Second {
				shortest = min(shortest, wait)
			}
			bound = min(2*bound, 5*time.Second)
		}
		if longest < 4*time.Second || shortest > time.Second {
			t.Errorf("waits are from %v to %v: where is the jitter?", shortest, longest)
		}
		if len(p.notices) != 1 && len(p.notices) != 2 { // the hour may end before the last try does
			t.Errorf("told %d times: %q", len(p.notices), p.notices[:3])
		}
	})
}

func TestRetriesEnd(t *testing.T) {
	for retries, want := range []int{1, 2, 3} {
		synctest.Test(t, func(t *testing.T) {
			opts := forever()
			opts.MaxRetries = retries
			p := perform(t, opts, noConnection, noConnection, noConnection, noConnection)
			if !errors.Is(p.err, tail.ErrLost) || len(p.requests) != want || !strings.Contains(p.err.Error(), "connection refused") {
				t.Errorf("%v after %d requests, want %d", p.err, len(p.requests), want)
			}
		})
	}
}

func TestRetriesCountInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opts := forever()
		opts.MaxRetries = 2
		p := perform(t, opts, stream(line(1, "one", ""), io.EOF), noConnection, stream(line(2, "two", ""), io.EOF), noConnection, stream(line(3, "three", ""), io.EOF), noConnection, noConnection)
		if !errors.Is(p.err, tail.ErrLost) || p.all() != "one|two|three" || len(p.requests) != 7 {
			t.Errorf("%v after %d requests: %s", p.err, len(p.requests), p.all())
		}
	})
}

func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := perform(t, forever(),
			stream(line(1, "one", "")+"event: status\ndata: {\"upstream\":\"down\"}\n\nevent: status\ndata: {\"upstream\":\"up\"}\n\n", io.EOF),
			noConnection, refusal(503, "soon", "Retry-After", "12"),
			stream(line(2, "two", ""), io.EOF), // whole
			stream("event: gap\nid: "+id(9, "")+"\ndata: {\"reason\":\"trimmed\",\"missed\":3}\n\n", nil))
		told := p.noticed()
		for _, want := range []string{
			"the gateway has lost its broker", "the gateway has its broker again", "the connection was cut: trying again",
			"no connection to gateway.test", "soon: trying again", " s, nothing lost|", "the connection was cut: trying again|resumed after ",
		} {
			if !strings.Contains(told, want) {
				t.Errorf("%q is missing in %s", want, told)
			}
		}
		if strings.Count(told, "nothing lost") != 1 {
			t.Errorf("told: %s", told)
		}
	})
}

// Who watches is told once for each change, and again of a new connection.
func TestWatchersAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watch := func(data string) string { return "event: watch\ndata: " + data + "\n\n" }
		p := perform(t, forever(),
			stream(watch(`{"watchers":0}`)+watch(`{"watchers":1}`)+line(1, "one", "")+watch(`{"watchers":1}`)+watch(`{"watchers":2}`)+watch(`{"watchers":0}`)+watch(`{"watchers":1}`), io.EOF),
			stream(watch(`{"watchers":1}`)+line(2, "two", ""), io.EOF),
			stream(watch(`{"watchers":3}`)+watch(`{"watchers":"many"}`)+watch(`{"watchers":-1}`), nil))
		told := slices.DeleteFunc(strings.Split(p.noticed(), "|"), func(text string) bool { return !strings.HasPrefix(text, "watched") })
		if got, want := strings.Join(told, ","), "watched by 1,watched by 2,watched by 0,watched by 1,watched by 1,watched by 3,watched by 0"; got != want || p.all() != "one|two" {
			t.Errorf("told %s\nwant %s; lines %s", got, want, p.all())
		}
	})
}

func TestAViewersErrorEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken pipe")
		p := &play{scripted: &scripted{begin: time.Now(), script: script{stream(line(1, "one", "")+line(2, "two", ""), nil)}}, recorder: newRecorder()}
		p.fail = func() error { return broken }
		p.run(t, forever())
		if !errors.Is(p.err, broken) || p.all() != "one" {
			t.Errorf("%v: %s", p.err, p.all())
		}
	})
}

// Only the gateway's silence is one: whoever reads may take longer than that.
func TestASlowViewerIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &play{recorder: newRecorder(), scripted: &scripted{begin: time.Now(), script: script{func(req *http.Request) (*http.Response, error) {
			r, w := io.Pipe()
			context.AfterFunc(req.Context(), func() { r.CloseWithError(req.Context().Err()) })
			go func() {
				_, _ = io.WriteString(w, line(1, "one", ""))
				_, _ = io.WriteString(w, line(2, "two", ""))
			}()
			return answer(req, 200, r, "Content-Type", "text/event-stream"), nil
		}}}}
		p.fail = func() error { time.Sleep(2 * time.Minute); return nil }
		p.run(t, forever())
		if silent := p.at[1] - 4*time.Minute; p.all() != "one|two" || silent < 45*time.Second || silent > 46*time.Second {
			t.Errorf("shown %s, asked at %v", p.all(), p.at[:2])
		}
	})
}

func TestOptionsThatCannotWork(t *testing.T) {
	for _, c := range []struct {
		opts tail.Options
		want string
	}{
		{tail.Options{URL: "127.0.0.1:8080"}, "cannot be read"},
		{tail.Options{URL: "gateway"}, "http://HOST:PORT"},
		{tail.Options{URL: "ftp://gateway"}, "http://HOST:PORT"},
		{tail.Options{URL: "http://alice:secret@gateway"}, "pass a token instead"},
		{tail.Options{URL: "http://gateway/?token=x"}, "more than a path"},
		{tail.Options{URL: "http://gateway", User: "a", Channel: "b"}, "take one of them"},
		{tail.Options{URL: "http://gateway", Level: "loud"}, "unknown"},
		{tail.Options{URL: "http://gateway", Start: tail.Start{Cursor: "a.b.c"}}, "malformed"},
	} {
		_, err := tail.New(c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v", c.opts, err)
		}
	}
}
