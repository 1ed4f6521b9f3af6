package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// granted is a way in of a viewer who may see a team's channel beside the own one.
type granted struct{}

func (granted) Authenticate(r *http.Request) (*auth.Principal, error) {
	if r.Header.Get("Guest") == "" {
		return nil, nil
	}
	return &auth.Principal{Name: "guest", Channel: "logs:User.guest", Channels: []string{"logs:team.a"}}, nil
}

// What the role viewer sees is cut everywhere; whoever is more sees all, in the own channel
// too.
func TestWhatViewersSee(t *testing.T) {
	floor := loglane.LevelInfo
	members, err := loglane.ParseMembers("message", "level")
	must(t, err)
	g := newGateway(t, func(s *setup) {
		s.ViewerFloor, s.ViewerMembers = &floor, members
		s.Ways = []auth.Authenticator{granted{}}
	})
	for k, channel := range []string{"logs:User.alice", "logs:User.olga", "logs:User.adam", "logs:team.a", loglane.GlobalChannel} {
		_, err := g.broker.Append(t.Context(), channel, loglane.Batch{Producer: loglane.NewProducer(), Lines: []loglane.Line{
			{K: uint64(2*k + 1), Record: []byte(`{"message":"CANARY","level":"debug"}`)},
			{K: uint64(2*k + 2), Record: []byte(`{"message":"shown","level":"info","secret":"CANARY"}`)},
		}})
		must(t, err)
	}
	as := map[string]*browser{"alice": g.as("alice"), "olga": g.as("olga"), "adam": g.as("adam"), "alice's token": g.with("read"), "a guest": g.as("")}
	as["a guest"].headers = http.Header{"Guest": {"yes"}}
	for _, b := range as {
		if b.headers == nil {
			b.headers = make(http.Header)
		}
		b.headers.Set("Accept", "application/x-ndjson")
	}
	for _, c := range []struct {
		who, query string
		all        bool
	}{
		{"alice's token", "", false},
		{"a guest", "?channel=team.a", false},
		{"alice", "", false},
		{"alice", "?level=trace", false},
		{"alice", "?channel=User.alice", false},
		{"olga", "", true},
		{"olga", "?channel=global", true},
		{"adam", "", true},
		{"adam", "?user=alice", true},
	} {
		for _, path := range []string{"api/v1/stream/", "api/v1/stream", "api/v1/logs"} {
			query := c.query
			if strings.Contains(path, "stream") {
				query = strings.TrimSuffix("?follow=0&"+strings.TrimPrefix(query, "?"), "&")
			}
			a := as[c.who].get(path + query)
			if canaries := strings.Count(a.body, "CANARY"); !strings.Contains(a.body, "shown") || canaries > 0 != c.all {
				t.Errorf("%s, %s%s: %d\n%s", c.who, path, query, a.code, a.body)
			}
		}
	}
	live := g.as("alice").open("api/v1/stream?backlog=0")
	live.until("id: ")
	_, err = g.broker.Append(t.Context(), "logs:User.alice", loglane.Batch{Producer: loglane.NewProducer(), Lines: []loglane.Line{
		{K: 1, Record: []byte(`{"message":"live","level":"info","secret":"CANARY"}`)},
	}})
	must(t, err)
	if line := live.until("live"); strings.Contains(line, "CANARY") {
		t.Errorf("live: %s", line)
	}
}
