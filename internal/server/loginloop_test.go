package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// A login page that leads back to a gateway which its cookie does not reach would do so for
// ever: after a few times there is a page that says why.
func TestALoginThatGoesRoundIsExplained(t *testing.T) {
	for _, c := range []struct{ cookie, says string }{
		{"", "sends no cookie"},
		{"sessionid=c4n4ry", "nobody's"},
	} {
		g := newGateway(t, func(s *setup) { s.LoginURL, s.BasePath = "https://app.example/login?key=c4n4ry&<x>", "/logs/" })
		b := g.as("")
		if c.cookie != "" {
			b.headers = http.Header{"Cookie": {c.cookie}}
		}
		for round := range 2 {
			for trip := 1; trip <= 4; trip++ {
				a := b.get("login?next=/logs/")
				if looping := trip == 4; looping != (a.code == http.StatusForbidden) || looping == (a.code == http.StatusFound) {
					t.Fatalf("round %d, trip %d: %d", round, trip, a.code)
				}
				if a.code == http.StatusForbidden {
					for _, want := range []string{c.says, "https://app.example/login<", "SESSION_COOKIE_DOMAIN", "--login-url", g.URL + "/logs/"} {
						if !strings.Contains(a.body, want) {
							t.Errorf("the page has no %q:\n%s", want, a.body)
						}
					}
					if strings.Contains(a.body, "c4n4ry") || strings.Contains(a.body, "<x>") || strings.Contains(g.log.String(), "c4n4ry") || !strings.Contains(g.log.String(), "--auth-url") {
						t.Errorf("%s\n%s", a.body, g.log)
					}
				}
				// As a browser keeps it.
				if len(a.cookies) != 1 || !a.cookies[0].HttpOnly || a.cookies[0].Path != "/logs/" {
					t.Fatalf("cookies: %v", a.cookies)
				}
				b.headers = http.Header{"Cookie": {strings.Trim(c.cookie+"; "+a.cookies[0].Name+"="+a.cookies[0].Value, "; ")}}
				if a.cookies[0].MaxAge < 0 {
					b.headers = http.Header{"Cookie": {c.cookie}}
				}
			}
		}
	}
}

// A count that is made up or old begins anew.
func TestOldTripsToTheLoginDoNotCount(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.LoginURL = "/app/login" })
	for _, value := range []string{"3.1000", "3.99999999999", "-3.1", "99999999999999999999.1", "x", "3", "3.x", "4.1", strings.Repeat("9", 4000)} {
		b := g.as("")
		b.headers = http.Header{"Cookie": {"loglane-trips=" + value}}
		if a := b.get("login"); a.code != http.StatusFound || !strings.HasPrefix(a.cookies[0].Value, "1.") {
			t.Errorf("%q: %d %v", value, a.code, a.cookies)
		}
	}
}
