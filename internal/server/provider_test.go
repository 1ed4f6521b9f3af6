package server_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// A site is a provider that does as it is told.
type site struct {
	straight bool
	err      error
	origin   string
}

func (*site) Title() string                 { return `Example "Corp" <b>` }
func (s *site) Straight(*http.Request) bool { return s.straight }

func (s *site) Start(w http.ResponseWriter, r *http.Request, origin, next string) error {
	s.origin = origin
	if s.err == nil {
		http.Redirect(w, r, "https://id.example.com/?next="+next, http.StatusFound)
	}
	return s.err
}

func (s *site) Finish(http.ResponseWriter, *http.Request, string) (*auth.Principal, string, error) {
	return &auth.Principal{Name: "alice"}, "/", s.err
}

func (s *site) SignOut(http.ResponseWriter, *http.Request, string) (string, error) {
	return `https://id.example.com/out?a=1&b="><script>`, s.err
}

func (s *site) BackChannel(http.ResponseWriter, *http.Request) error { return s.err }

func TestTheProviderIsTheOnlyWay(t *testing.T) {
	s := &site{straight: true}
	h := bare(t, func(o *server.Options) { o.Provider = s })
	if w := ask(h, "GET", "http://gw/login?next=/%3Fuser=bob"); w.Code != http.StatusFound || w.Header().Get("Location") != "/login/oidc?next=%2F%3Fuser%3Dbob" {
		t.Errorf("the login page: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := ask(h, "GET", "http://gw/login/oidc?next=/x"); w.Code != http.StatusFound || s.origin != "http://gw" {
		t.Errorf("the start: %d at %s", w.Code, s.origin)
	}
	if w := ask(h, "GET", "http://gw/login/oidc/callback"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("the end: %d to %s", w.Code, w.Header().Get("Location"))
	}
	if w := ask(h, "HEAD", "http://gw/login/oidc/callback"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a look at the end: %d", w.Code)
	}
	s.straight = false // after a sign-out
	w := ask(h, "GET", "http://gw/login")
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, `loglane-provider" content="Example &#34;Corp&#34; &lt;b&gt;"`) || !strings.Contains(body, `loglane-password" content="off"`) {
		t.Errorf("the login page: %d %s", w.Code, body)
	}
	if w := ask(h, "POST", "http://gw/login"); w.Code != http.StatusNotFound {
		t.Errorf("a password: %d", w.Code)
	}
}

func TestAProvidersErrorsAreAPage(t *testing.T) {
	s := &site{err: &loglane.StatusError{Code: http.StatusBadRequest, Message: "<b>no</b>"}}
	h := bare(t, func(o *server.Options) { o.Provider = s })
	for _, path := range []string{"login/oidc", "login/oidc/callback"} {
		w := ask(h, "GET", "http://gw/"+path)
		if body := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(body, `loglane-login" content="&lt;b&gt;no&lt;/b&gt;"`) || strings.Contains(body, "<b>") {
			t.Errorf("%s: %d %s", path, w.Code, body)
		}
	}
	if w := ask(h, "POST", "http://gw/login/oidc/backchannel"); w.Code != http.StatusBadRequest || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the provider's own door: %d %s", w.Code, w.Body)
	}
}

// The page's form may lead to the own site only, in every redirect: a page leads out.
func TestSigningOutLeadsToTheProvider(t *testing.T) {
	s := &site{}
	h := bare(t, func(o *server.Options) { o.Provider = s })
	w := ask(h, "POST", "http://gw/logout")
	body := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(body, `content="0; url=https://id.example.com/out?a=1&amp;b=&#34;&gt;&lt;script&gt;"`) ||
		strings.Contains(body, "<script>") || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%d %v %s", w.Code, w.Header(), body)
	}
}

// Who is refused by a limit is told which, and the audit hears of it.
func TestSignInsBeyondALimit(t *testing.T) {
	s := &site{err: &loglane.StatusError{Code: http.StatusTooManyRequests, Message: "Too many.", RetryAfter: 1500 * time.Millisecond, Limit: "oidc-tries-per-address"}}
	var log record
	h := bare(t, func(o *server.Options) { o.Provider, o.Logger = s, slog.New(slog.NewTextHandler(&log, nil)) })
	for i, path := range []string{"login/oidc", "login/oidc/callback?code=c4n4ry"} {
		w := ask(h, "GET", "http://gw/"+path)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "2" || w.Header().Get("Loglane-Limit") != "oidc-tries-per-address" || !strings.Contains(w.Body.String(), `loglane-login" content="Too many."`) {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		if noted := strings.Count(log.String(), `action=sign-in outcome=refused`); noted != i+1 || strings.Contains(log.String(), "c4n4ry") {
			t.Errorf("%s: the audit is %s", path, log.String())
		}
	}
}
