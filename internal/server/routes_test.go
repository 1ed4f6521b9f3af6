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

// who are the columns of the table: nobody, the viewer whose channel it is, another viewer,
// an operator, an admin, a token that reads as that viewer and one that writes to her channel.
var who = []string{"nobody", "alice", "bob", "olga", "adam", "the read token", "the write token"}

// cells are the answers to all of them.
type cells [7]int

type row struct {
	request string // method and path
	want    cells
}

// everybody is a route that asks for no login.
func everybody(code int) cells { return cells{code, code, code, code, code, code, code} }

// readers is a route that answers nobody with 401, and a token that only writes with 403.
func readers(code int) cells { return cells{401, code, code, code, code, code, 403} }

var streamRows = []row{
	{"GET %s", readers(200)},
	{"HEAD %s", readers(200)},
	{"GET %s?user=alice", cells{401, 200, 403, 403, 200, 200, 403}},
	{"GET %s?channel=User.alice", cells{401, 200, 403, 403, 200, 200, 403}},
	{"GET %s?user=bob", cells{401, 403, 200, 403, 200, 403, 403}},
	{"GET %s?user=nobody", cells{401, 403, 403, 403, 200, 403, 403}},
	{"GET %s?channel=job_1", cells{401, 403, 403, 403, 200, 403, 403}},
	{"GET %s?channel=global", cells{401, 403, 403, 200, 200, 403, 403}},
	{"GET %s?channel=ll:control", cells{401, 403, 403, 403, 400, 403, 403}},
	{"GET %s?channel=a%%20b", cells{401, 403, 403, 403, 400, 403, 403}},
	{"GET %s?user=%%00%%ff", cells{401, 403, 403, 403, 400, 403, 403}},
	{"GET %s?channel=global&channel=User.alice", cells{401, 403, 403, 403, 400, 403, 403}},
	{"GET %s?channel=User.alice&user=bob", cells{401, 403, 403, 403, 400, 403, 403}},
	{"GET %s?channel=User.bob&channel=User.alice", cells{401, 403, 403, 403, 400, 403, 403}},
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
		{"GET api/v1/logs", readers(200)},
		{"HEAD api/v1/logs", readers(200)},
		{"GET api/v1/logs?format=csv", readers(200)},
		{"GET api/v1/logs?limit=0", readers(400)},
		{"GET api/v1/logs?user=alice", cells{401, 200, 403, 403, 200, 200, 403}},
		{"GET api/v1/logs?user=bob", cells{401, 403, 200, 403, 200, 403, 403}},
		{"GET api/v1/logs?channel=job_1", cells{401, 403, 403, 403, 200, 403, 403}},
		{"GET api/v1/logs?channel=global", cells{401, 403, 403, 200, 200, 403, 403}},
		{"GET api/v1/logs?channel=ll:control", cells{401, 403, 403, 403, 400, 403, 403}},
		{"GET api/v1/logs?channel=job_1&limit=0", cells{401, 403, 403, 403, 400, 403, 403}},
		{"PUT api/v1/logs", everybody(405)},
	},
	"DELETE /api/v1/logs": {
		{"DELETE api/v1/logs", cells{401, 403, 403, 403, 400, 403, 403}},
		{"DELETE api/v1/logs?user=alice", cells{401, 403, 403, 403, 204, 403, 403}},
		{"DELETE api/v1/logs?channel=global", cells{401, 403, 403, 403, 204, 403, 403}},
		{"DELETE api/v1/logs?channel=job_1", cells{401, 403, 403, 403, 204, 403, 403}},
		{"DELETE api/v1/logs?channel=ll:control", cells{401, 403, 403, 403, 400, 403, 403}},
		{"DELETE api/v1/logs?channel=job_1&channel=job_2", cells{401, 403, 403, 403, 400, 403, 403}},
	},
	"GET /api/v1/channels": {
		{"GET api/v1/channels", cells{401, 403, 403, 403, 200, 403, 403}},
		{"GET api/v1/channels?prefix=User.", cells{401, 403, 403, 403, 200, 403, 403}},
		{"GET api/v1/channels?limit=0", cells{401, 403, 403, 403, 400, 403, 403}},
		{"GET api/v1/channels?prefix=%ff", cells{401, 403, 403, 403, 400, 403, 403}},
		{"POST api/v1/channels", everybody(405)},
	},
	"GET /api/v1/me": {{"GET api/v1/me", cells{401, 200, 200, 200, 200, 200, 200}}, {"POST api/v1/me", everybody(405)}},
	"POST /api/v1/logs": {
		{"POST api/v1/logs", cells{401, 403, 403, 403, 403, 403, 400}}, // a body of text needs a channel in the query
		{"POST api/v1/logs?user=alice", cells{401, 403, 403, 403, 403, 403, 200}},
		{"POST api/v1/logs?user=bob", readers(403)},
		{"POST api/v1/logs?channel=job_1", readers(403)},
		{"POST api/v1/logs?channel=global", readers(403)},
		{"POST api/v1/logs?channel=ll:control", readers(403)},
	},
	"GET /login":                   {{"GET login", everybody(200)}, {"HEAD login", everybody(200)}, {"PUT login", everybody(405)}},
	"POST /login":                  {{"POST login", everybody(401)}},
	"GET /login/oidc":              {{"GET login/oidc", everybody(404)}, {"HEAD login/oidc", everybody(404)}, {"POST login/oidc", everybody(405)}},
	"GET /login/oidc/callback":     {{"GET login/oidc/callback", everybody(404)}, {"HEAD login/oidc/callback", everybody(404)}, {"POST login/oidc/callback", everybody(405)}},
	"POST /login/oidc/backchannel": {{"POST login/oidc/backchannel", everybody(404)}, {"GET login/oidc/backchannel", everybody(405)}},
	"POST /logout":                 {{"GET logout", everybody(405)}, {"POST logout", everybody(303)}},
	"GET /healthz":                 {{"GET healthz", everybody(200)}},
	"GET /readyz":                  {{"GET readyz", everybody(200)}},
	"GET /assets/{name...}":        {{"GET assets/app-abc123.js", everybody(200)}, {"GET assets/", everybody(404)}, {"GET assets/x.js", everybody(404)}},
	"GET /{$}":                     {{"GET ", cells{302, 200, 200, 200, 200, 200, 200}}, {"GET nothing", everybody(404)}, {"POST ", everybody(405)}},
	"GET /beside/{anything}":       {{"GET beside/x", everybody(204)}},
}

// askable are the routes where a channel can be asked for; each has rows for the viewer's
// own channel, another's and the global one.
var askable = []string{"/api/v1/stream", "/api/v1/stream/{$}", "GET /api/v1/logs", "DELETE /api/v1/logs", "POST /api/v1/logs"}

// tableFaults says what the table has too little of for the routes, or too much.
func tableFaults(patterns []string) (faults []string) {
	unused := maps.Clone(table)
	for _, pattern := range patterns {
		rows, found := table[pattern]
		delete(unused, pattern)
		if !found {
			faults = append(faults, fmt.Sprintf("the route %q has no row in the table", pattern))
		}
		if !slices.Contains(askable, pattern) {
			continue
		}
		for _, asked := range []string{"user=alice", "channel=job_1", "channel=global"} {
			if !slices.ContainsFunc(rows, func(r row) bool { return strings.HasSuffix(r.request, "?"+asked) }) {
				faults = append(faults, fmt.Sprintf("the route %q has no row with %s", pattern, asked))
			}
		}
	}
	for pattern := range unused {
		faults = append(faults, fmt.Sprintf("the rows of %q have no route", pattern))
	}
	return faults
}

// patterns are those of a gateway's routes as the table has them.
func (g *gateway) patterns() (patterns []string) {
	for _, pattern := range g.server.Patterns() {
		patterns = append(patterns, strings.Replace(pattern, g.base, "/", 1))
	}
	return patterns
}

var nothing = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

func TestEveryRouteForEveryPrincipal(t *testing.T) {
	for _, base := range []string{"/", "/logs/"} {
		t.Run(base, func(t *testing.T) {
			g := newGateway(t, func(s *setup) {
				s.BasePath = base
				s.Beside = []server.Route{{Pattern: "GET " + base + "beside/{anything}", Handler: nothing}}
			})
			browsers := []*browser{g.as(""), g.as("alice"), g.as("bob"), g.as("olga"), g.as("adam"), g.with("read"), g.with("write")}
			for _, fault := range tableFaults(g.patterns()) {
				t.Error(fault)
			}
			for _, pattern := range g.patterns() {
				for _, r := range table[pattern] {
					if !strings.HasPrefix(r.request, "POST logout") { // it ends the sessions of the table; see the last rows below
						checkRow(t, browsers, r)
					}
				}
			}
			checkRow(t, browsers, row{"POST logout", everybody(303)})
			checkRow(t, browsers, row{"GET api/v1/me", cells{401, 401, 401, 401, 401, 200, 200}})
		})
	}
}

// A route that is added fails the table until it has its rows.
func TestTheTableNoticesANewRoute(t *testing.T) {
	for added, want := range map[string]string{
		"GET /beside/{anything}": "",
		"GET /api/v1/users":      `the route "GET /api/v1/users" has no row`,
	} {
		g := newGateway(t, func(s *setup) { s.Beside = []server.Route{{Pattern: added, Handler: nothing}} })
		got := strings.Join(tableFaults(g.patterns()), "\n")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("with %s the table says %q, want %q", added, got, want)
		}
	}
}

func checkRow(t *testing.T, browsers []*browser, r row) {
	t.Helper()
	method, path, _ := strings.Cut(r.request, " ")
	for i, b := range browsers {
		got := b.do(b.request(method, path, nil))
		if got.code != r.want[i] {
			t.Errorf("%s as %s: %d, want %d: %s", r.request, who[i], got.code, r.want[i], got.body)
		}
		checkHeaders(t, r.request, got)
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
