package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/server"
)

// who are the columns of the table: nobody, the viewer whose channel it is, another
// viewer, an operator and an admin.
var who = []string{"", "alice", "bob", "olga", "adam"}

type row struct {
	request string // method and path
	want    [5]int
}

// withTokens are the answers to alice's read token and to a token that writes to her
// channel, where they are not what follows from the row: a read token is answered like
// alice, and a write token like her where nobody is too, else with 403.
var withTokens = map[string][2]int{
	"GET api/v1/me":               {200, 200},
	"POST api/v1/logs":            {403, 400}, // a body of text needs a channel in the query
	"POST api/v1/logs?user=alice": {403, 200},
	"GET ":                        {200, 200}, // the page, which holds no secret
}

// everybody is a route that asks for no login.
func everybody(code int) [5]int { return [5]int{code, code, code, code, code} }

// signedIn is a route that answers nobody with 401.
func signedIn(code int) [5]int { return [5]int{401, code, code, code, code} }

var streamRows = []row{
	{"GET %s", signedIn(200)},
	{"HEAD %s", signedIn(200)},
	{"GET %s?user=alice", [5]int{401, 200, 403, 403, 200}},
	{"GET %s?channel=User.alice", [5]int{401, 200, 403, 403, 200}},
	{"GET %s?user=nobody", [5]int{401, 403, 403, 403, 200}},
	{"GET %s?channel=job_1", [5]int{401, 403, 403, 403, 200}},
	{"GET %s?channel=global", [5]int{401, 403, 403, 200, 200}},
	{"GET %s?channel=ll:control", [5]int{401, 403, 403, 403, 400}},
	{"GET %s?channel=a%%20b", [5]int{401, 403, 403, 403, 400}},
	{"GET %s?user=%%00%%ff", [5]int{401, 403, 403, 403, 400}},
	{"GET %s?channel=global&channel=User.alice", [5]int{401, 403, 403, 403, 400}},
	{"GET %s?channel=User.alice&user=bob", [5]int{401, 403, 403, 403, 400}},
	{"GET %s?channel=User.bob&channel=User.alice", [5]int{401, 403, 403, 403, 400}},
	{"POST %s", everybody(405)},
	{"DELETE %s", everybody(405)},
}

func streamTable(path string) (rows []row) {
	for _, r := range streamRows {
		rows = append(rows, row{fmt.Sprintf(r.request, path), r.want})
	}
	return rows
}

// table has rows for every route.
var table = map[string][]row{
	"/api/v1/stream":     streamTable("api/v1/stream"),
	"/api/v1/stream/{$}": streamTable("api/v1/stream/"),
	"GET /api/v1/logs": {
		{"GET api/v1/logs", signedIn(200)},
		{"HEAD api/v1/logs", signedIn(200)},
		{"GET api/v1/logs?format=csv", signedIn(200)},
		{"GET api/v1/logs?limit=0", signedIn(400)},
		{"GET api/v1/logs?user=alice", [5]int{401, 200, 403, 403, 200}},
		{"GET api/v1/logs?channel=global", [5]int{401, 403, 403, 200, 200}},
		{"GET api/v1/logs?channel=ll:control", [5]int{401, 403, 403, 403, 400}},
		{"GET api/v1/logs?channel=job_1&limit=0", [5]int{401, 403, 403, 403, 400}},
		{"PUT api/v1/logs", everybody(405)},
	},
	"DELETE /api/v1/logs": {
		{"DELETE api/v1/logs", [5]int{401, 403, 403, 403, 400}},
		{"DELETE api/v1/logs?user=alice", [5]int{401, 403, 403, 403, 204}},
		{"DELETE api/v1/logs?channel=global", [5]int{401, 403, 403, 403, 204}},
		{"DELETE api/v1/logs?channel=job_1", [5]int{401, 403, 403, 403, 204}},
		{"DELETE api/v1/logs?channel=ll:control", [5]int{401, 403, 403, 403, 400}},
		{"DELETE api/v1/logs?channel=job_1&channel=job_2", [5]int{401, 403, 403, 403, 400}},
	},
	"GET /api/v1/channels": {
		{"GET api/v1/channels", [5]int{401, 403, 403, 403, 200}},
		{"GET api/v1/channels?prefix=User.", [5]int{401, 403, 403, 403, 200}},
		{"GET api/v1/channels?limit=0", [5]int{401, 403, 403, 403, 400}},
		{"GET api/v1/channels?prefix=%ff", [5]int{401, 403, 403, 403, 400}},
		{"POST api/v1/channels", everybody(405)},
	},
	"GET /api/v1/me":               {{"GET api/v1/me", signedIn(200)}, {"POST api/v1/me", everybody(405)}},
	"POST /api/v1/logs":            {{"POST api/v1/logs", signedIn(403)}, {"POST api/v1/logs?user=alice", signedIn(403)}, {"POST api/v1/logs?channel=global", signedIn(403)}, {"POST api/v1/logs?channel=ll:control", signedIn(403)}},
	"GET /login":                   {{"GET login", everybody(200)}, {"HEAD login", everybody(200)}, {"PUT login", everybody(405)}},
	"POST /login":                  {{"POST login", everybody(401)}},
	"POST /logout":                 {{"GET logout", everybody(405)}, {"POST logout", everybody(303)}},
	"GET /login/oidc":              {{"GET login/oidc", everybody(404)}, {"HEAD login/oidc", everybody(404)}, {"POST login/oidc", everybody(405)}},
	"GET /login/oidc/callback":     {{"GET login/oidc/callback", everybody(404)}, {"HEAD login/oidc/callback", everybody(404)}, {"POST login/oidc/callback", everybody(405)}},
	"POST /login/oidc/backchannel": {{"POST login/oidc/backchannel", everybody(404)}, {"GET login/oidc/backchannel", everybody(405)}},
	"GET /healthz":                 {{"GET healthz", everybody(200)}},
	"GET /readyz":                  {{"GET readyz", everybody(200)}},
	"GET /assets/{name...}":        {{"GET assets/app-abc123.js", everybody(200)}, {"GET assets/", everybody(404)}, {"GET assets/x.js", everybody(404)}},
	"GET /{$}":                     {{"GET ", [5]int{302, 200, 200, 200, 200}}, {"GET nothing", everybody(404)}, {"POST ", everybody(405)}},
	"GET /beside/{anything}":       {{"GET beside/x", everybody(204)}},
}

func TestEveryRouteForEveryPrincipal(t *testing.T) {
	beside := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, base := range []string{"/", "/logs/"} {
		t.Run(base, func(t *testing.T) {
			g := newGateway(t, func(s *setup) {
				s.BasePath = base
				s.Beside = []server.Route{{Pattern: "GET " + base + "beside/{anything}", Handler: beside}}
			})
			browsers := make([]*browser, len(who))
			for i, name := range who {
				browsers[i] = g.as(name)
			}
			unused := maps.Clone(table)
			for _, pattern := range g.server.Patterns() {
				pattern = strings.Replace(pattern, base, "/", 1)
				rows, found := table[pattern]
				delete(unused, pattern)
				if !found {
					t.Errorf("the route %q has no row in the table", pattern)
				}
				for _, r := range rows {
					if strings.HasPrefix(r.request, "POST logout") {
						continue // it ends the sessions of the table; see the last row below
					}
					checkRow(t, browsers, r)
					checkTokens(t, g, r)
				}
			}
			if len(unused) > 0 {
				t.Errorf("rows without a route: %v", slices.Collect(maps.Keys(unused)))
			}
			checkRow(t, browsers, row{"POST logout", everybody(303)})
			checkRow(t, browsers, row{"GET api/v1/me", everybody(401)})
		})
	}
}

func checkRow(t *testing.T, browsers []*browser, r row) {
	t.Helper()
	method, path, _ := strings.Cut(r.request, " ")
	for i, b := range browsers {
		got := b.do(b.request(method, path, nil))
		if got.code != r.want[i] {
			t.Errorf("%s as %q: %d, want %d: %s", r.request, who[i], got.code, r.want[i], got.body)
		}
		checkHeaders(t, r.request, got)
	}
}

func checkTokens(t *testing.T, g *gateway, r row) {
	t.Helper()
	method, path, _ := strings.Cut(r.request, " ")
	want, found := withTokens[r.request]
	if !found {
		want = [2]int{r.want[1], r.want[1]}
		if r.want[0] != r.want[1] {
			want[1] = http.StatusForbidden
		}
	}
	for i, token := range []string{"read", "write"} {
		b := g.with(token)
		if got := b.do(b.request(method, path, nil)); got.code != want[i] {
			t.Errorf("%s with a %s token: %d, want %d: %s", r.request, token, got.code, want[i], got.body)
		}
	}
}

// checkHeaders checks what every answer has.
func checkHeaders(t *testing.T, request string, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "same-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
		"X-Frame-Options":            "DENY",
	} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", request, name, got, want)
		}
	}
	keeps := strings.HasPrefix(request, "GET assets/app") || a.header.Get("Content-Type") == "text/event-stream"
	if got := a.header.Get("Cache-Control"); got == "" || !keeps && got != "no-store" {
		t.Errorf("%s: Cache-Control is %q", request, got)
	}
	policy := a.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.HasSuffix(policy, "; base-uri 'none'; frame-ancestors 'none'") {
		t.Errorf("%s: Content-Security-Policy is %q", request, policy)
	}
	for _, name := range []string{"Access-Control-Allow-Origin", "Server"} {
		if got := a.header.Get(name); got != "" {
			t.Errorf("%s: %s is %q", request, name, got)
		}
	}
}
