package auth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// Cookie and Authorization are one credential, and where one ends counts.
func TestForwardKeepsAnswersApart(t *testing.T) {
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		name := fmt.Sprintf("%s,%s", r.Header.Get("Cookie"), r.Header.Get("Authorization"))
		remoteUser("Remote-User", name)(w, r)
	})
	for _, c := range []struct{ cookie, authorization string }{{"a=b", ""}, {"a=bc", ""}, {"a=b", "c"}, {"", "a=bc"}, {"a=b", ""}} {
		r := withCookie(c.cookie)
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		p, err := a.Authenticate(r)
		must(t, err)
		if want := c.cookie + "," + c.authorization; p.Name != want {
			t.Errorf("%q is taken for %q", want, p.Name)
		}
	}
	if n := a.asked.Load(); n != 4 {
		t.Errorf("the application was asked %d times, want 4", n)
	}
}

func TestForwardAsksOnceForAll(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{"somebody": {says(`{"name":"alice"}`), "alice"}, "nobody": {code(401), ""}} {
		hold := make(chan struct{})
		release := sync.OnceFunc(func() { close(hold) })
		defer release()
		a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
			<-hold
			c.answer(w, r)
		})
		// The first leaves before there is an answer; the others still get it.
		leaving, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := a.Authenticate(withCookie("session=1").WithContext(leaving)); status(err) != 503 {
				t.Errorf("%s: who left: %v", name, err)
			}
		})
		eventually(t, func() bool { return a.asked.Load() == 1 })
		for range 100 {
			all.Go(func() {
				p, err := a.Authenticate(withCookie("session=1"))
				if err != nil || (p == nil) != (c.want == "") || p != nil && p.Name != c.want {
					t.Errorf("%s: %+v, %v", name, p, err)
				}
			})
		}
		leave()
		release()
		all.Wait()
		if n := a.asked.Load(); n != 1 {
			t.Errorf("%s: the application was asked %d times", name, n)
		}
	}
}

func TestForwardKeepsNoErrors(t *testing.T) {
	a := newApp(t, code(500))
	for i := range 3 {
		if _, err := a.Authenticate(withCookie("session=1")); status(err) != 503 || int(a.asked.Load()) != i+1 {
			t.Errorf("%v after %d questions", err, a.asked.Load())
		}
	}
	a.answer(says(`{"name":"alice"}`))
	if p, err := a.Authenticate(withCookie("session=1")); err != nil || p == nil {
		t.Errorf("after it is back: %+v, %v", p, err)
	}
	if n := a.log.count("level=ERROR"); n != 1 {
		t.Errorf("%d errors are logged in a moment", n)
	}
}

func TestForwardChecks(t *testing.T) {
	a := newApp(t, says(`{"name":"alice","roles":["operator"],"channels":["job_1"]}`))
	p, err := a.Authenticate(withCookie("session=1"))
	must(t, err)
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   int
	}{
		{"the same", says(`{"name":"alice","roles":["operator","new"],"channels":["job_1"]}`), 0},
		{"away", code(502), 503},
		{"signed out", code(401), 401},
		{"another", says(`{"name":"bob","roles":["operator"],"channels":["job_1"]}`), 401},
		{"another role", says(`{"name":"alice","roles":["viewer"],"channels":["job_1"]}`), 401},
		{"another channel", says(`{"name":"alice","roles":["operator"],"channels":["job_2"]}`), 401},
		{"back again", says(`{"name":"alice","roles":["operator"],"channels":["job_1"]}`), 0},
	} {
		auth.ForgetAnswers(a.Forward)
		a.answer(c.answer)
		if err := p.Check(t.Context()); status(err) != c.want {
			t.Errorf("%s: %v, want %d", c.name, err, c.want)
		}
	}
}

func TestForwardDoesNotWaitForASlowApplication(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	for name, answer := range map[string]http.HandlerFunc{
		"no answer": func(http.ResponseWriter, *http.Request) { <-hold },
		"an answer that never ends": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"name":"alice"`)
			_ = http.NewResponseController(w).Flush()
			<-hold
		},
	} {
		a := newApp(t, answer)
		begin := time.Now()
		_, err := a.Authenticate(withCookie("session=1"))
		if took := time.Since(begin); status(err) != 503 || took > 4*time.Second {
			t.Errorf("%s: %v after %v", name, err, took)
		}
		if !strings.Contains(a.log.String(), "within 2s") {
			t.Errorf("%s: the log is %s", name, a.log)
		}
	}
	a := newApp(t, func(http.ResponseWriter, *http.Request) { <-hold })
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if _, err := a.Authenticate(withCookie("session=1")); status(err) != 503 {
			t.Errorf("who waits at the end: %v", err)
		}
	})
	eventually(t, func() bool { return a.asked.Load() == 1 })
	begin := time.Now()
	a.Close()
	waiting.Wait()
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the end took %v", took)
	}
	if _, err := a.Authenticate(withCookie("session=2")); status(err) != 503 {
		t.Errorf("after the end: %v", err)
	}
	if a.log.String() != "" {
		t.Errorf("the end is logged: %s", a.log)
	}
}

// Whoever comes with many made-up cookies must not keep the logins of open streams from
// being checked.
func TestStrangersDoNotHoldUpTheChecks(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Cookie"), "made-up") {
			<-hold
		}
		says(`{"name":"alice"}`)(w, r)
	})
	p, err := a.Authenticate(withCookie("session=1"))
	must(t, err)
	auth.ForgetAnswers(a.Forward)
	ctx, leave := context.WithCancel(t.Context())
	var strangers sync.WaitGroup
	for i := range 200 {
		strangers.Go(func() {
			r := withCookie(fmt.Sprint("made-up=", i)).WithContext(ctx)
			r.RemoteAddr = fmt.Sprintf("203.0.113.%d:1", i)
			_, _ = a.Authenticate(r)
		})
	}
	eventually(t, func() bool { return a.asked.Load() == 1+48 })
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("the check: %v", err)
	}
	leave()
	strangers.Wait()
}

func TestForwardAnswersHoldForFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := auth.NewForward(auth.ForwardOptions{URL: "http://127.0.0.1:1/"})
		must(t, err)
		defer f.Close()
		asked, name := 0, "alice"
		auth.AskWith(f, func(string) string {
			asked++
			return name
		})
		expect := func(what string, questions int, want string) {
			t.Helper()
			p, err := f.Authenticate(withCookie("session=1"))
			must(t, err)
			got := ""
			if p != nil {
				got = p.Name
			}
			if asked != questions || got != want {
				t.Errorf("%s: %q after %d questions, want %q after %d", what, got, asked, want, questions)
			}
		}
		expect("at first", 1, "alice")
		name = ""
		time.Sleep(4999 * time.Millisecond)
		expect("before they are over", 1, "alice")
		time.Sleep(time.Millisecond)
		expect("afterwards", 2, "")
		name = "alice"
		expect("nobody is kept too", 2, "")
		time.Sleep(5 * time.Second)
		expect("once more", 3, "alice")
		for i := range 11_000 {
			_, err := f.Authenticate(withCookie(fmt.Sprint("other=", i)))
			must(t, err)
		}
		if n := auth.KeptAnswers(f); n != 10_000 {
			t.Errorf("%d answers are kept", n)
		}
	})
}

// An answer is as old as its question: who signs out while it is on its way is gone 5 s later.
func TestASlowAnswerHoldsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := auth.NewForward(auth.ForwardOptions{URL: "http://127.0.0.1:1/"})
		must(t, err)
		defer f.Close()
		name := "alice"
		auth.AskWith(f, func(string) string {
			said := name
			name = "" // signed out
			time.Sleep(1900 * time.Millisecond)
			return said
		})
		for _, c := range []struct {
			wait time.Duration
			want bool
		}{{0, true}, {3099 * time.Millisecond, true}, {time.Millisecond, false}} {
			time.Sleep(c.wait)
			p, err := f.Authenticate(withCookie("session=1"))
			must(t, err)
			if (p != nil) != c.want {
				t.Errorf("%v later: %+v", c.wait, p)
			}
		}
	})
}
