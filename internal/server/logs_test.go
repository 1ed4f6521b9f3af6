package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

func TestHistoryIsTheOwnChannels(t *testing.T) {
	g := newGateway(t, nil)
	publish(t, g, "logs:User.alice", "for alice")
	publish(t, g, "logs:User.bob", "for bob")
	for _, c := range []struct{ who, path, has, not string }{
		{"alice", "api/v1/logs", "for alice", "for bob"},
		{"bob", "api/v1/logs?format=text", "for bob", "for alice"},
		{"adam", "api/v1/logs?user=alice&q=FOR", "for alice", "for bob"},
		{"adam", "api/v1/logs?channel=User.alice&q=/bob/", `"event":"end"`, "for"},
	} {
		a := g.as(c.who).get(c.path)
		if a.code != http.StatusOK || !strings.Contains(a.body, c.has) || strings.Contains(a.body, c.not) {
			t.Errorf("%s, %s: %d %s", c.who, c.path, a.code, a.body)
		}
	}
	if !strings.Contains(g.log.String(), "action=history outcome=allowed who=adam role=admin channel=logs:User.alice") {
		t.Errorf("that adam read alice's history is not noted:\n%s", g.log)
	}
}

func TestHistoryIsSwitchedOffWithTheStream(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.StreamDisabled = true })
	publish(t, g, "logs:User.alice", "secret")
	if a := g.as("alice").get("api/v1/logs"); a.code != http.StatusOK || !strings.Contains(a.body, "stream-enabled=false") {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// A purge on one gateway empties what the others keep.
func TestPurgeReachesAllGateways(t *testing.T) {
	broker, err := loglane.NewMemoryBroker(nil)
	must(t, err)
	notices := auth.NewMemoryNotices()
	share := func(s *setup) { s.broker, s.Notices = broker, notices }
	here, there := newGateway(t, share), newGateway(t, share)
	here.broker, there.broker = broker, broker
	t.Cleanup(server.ObeyNotices(there.hub, notices))
	watching := there.as("alice").open("api/v1/stream")
	watching.until("id: ")
	publish(t, here, "logs:User.alice", "a secret")
	watching.until("a secret")

	if a := here.as("alice").do(here.as("alice").request(http.MethodDelete, "api/v1/logs?user=alice", nil)); a.code != http.StatusForbidden {
		t.Errorf("alice may purge: %d", a.code)
	}
	adam := here.as("adam")
	if a := adam.do(adam.request(http.MethodDelete, "api/v1/logs?user=alice", nil)); a.code != http.StatusNoContent || a.body != "" {
		t.Fatalf("adam may not purge: %d %s", a.code, a.body)
	}
	for _, want := range []string{
		"action=purge outcome=refused who=alice role=viewer channel=logs:User.alice asked=alice from=127.0.0.1",
		"action=purge outcome=allowed who=adam role=admin channel=logs:User.alice asked=alice from=127.0.0.1",
	} {
		if !strings.Contains(here.log.String(), want) {
			t.Errorf("%q is not noted:\n%s", want, here.log)
		}
	}
	joining := there.as("alice").open("api/v1/stream")
	joining.until("id: ")
	publish(t, here, "logs:User.alice", "what follows")
	for _, v := range []*viewer{watching, joining} {
		deadline := time.After(5 * time.Second)
		for done := false; !done; {
			select {
			case line := <-v.lines:
				if strings.Contains(line, "secret") || strings.Contains(line, "gap") {
					t.Errorf("after the purge came %s", line)
				}
				done = strings.Contains(line, "what follows")
			case <-deadline:
				t.Fatal("the next line does not come")
			}
		}
	}
	if a := here.as("alice").get("api/v1/logs?format=text"); a.body != "what follows\n" {
		t.Errorf("the history is %q", a.body)
	}
	must(t, notices.Notify(t.Context(), []byte(`{"purge":7}`)))
	must(t, notices.Notify(t.Context(), nil))
}

// A leavingBroker purges for a caller who goes meanwhile.
type leavingBroker struct {
	*loglane.MemoryBroker
	leave func()
}

func (b *leavingBroker) Purge(ctx context.Context, channel string) error {
	err := b.MemoryBroker.Purge(ctx, channel)
	b.leave()
	return err
}

// countedNotices are sent as long as the context lasts.
type countedNotices struct {
	*auth.MemoryNotices
	sent int
}

func (n *countedNotices) Notify(ctx context.Context, message []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	n.sent++
	return n.MemoryNotices.Notify(ctx, message)
}

func TestPurgeReachesAllGatewaysWhereTheCallerHasGone(t *testing.T) {
	memory, err := loglane.NewMemoryBroker(nil)
	must(t, err)
	broker := &leavingBroker{MemoryBroker: memory}
	notices := &countedNotices{MemoryNotices: auth.NewMemoryNotices()}
	g := newGateway(t, func(s *setup) { s.broker, s.Notices = broker, notices })
	adam := g.as("adam")
	ctx, leave := context.WithCancel(t.Context())
	broker.leave = leave
	r := httptest.NewRequestWithContext(ctx, http.MethodDelete, "/api/v1/logs?user=alice", nil)
	for _, cookie := range adam.cookies {
		r.AddCookie(cookie)
	}
	answer := httptest.NewRecorder()
	g.server.Handler().ServeHTTP(answer, r)
	if answer.Code != http.StatusNoContent || notices.sent != 1 || ctx.Err() == nil {
		t.Errorf("%d %s, %d notices, the caller: %v", answer.Code, answer.Body, notices.sent, ctx.Err())
	}
}

// lostNotices cannot be sent.
type lostNotices struct{ *auth.MemoryNotices }

func (lostNotices) Notify(context.Context, []byte) error { return loglane.ErrUnavailable }

// A bareBroker can do no more than it must.
type bareBroker struct{ loglane.Broker }

// An unreachableBroker fails at all that admins ask.
type unreachableBroker struct{ loglane.Broker }

func (unreachableBroker) Purge(context.Context, string) error { return loglane.ErrUnavailable }

func (unreachableBroker) PurgeMark(context.Context, string) (string, error) {
	return "", loglane.ErrUnavailable
}

func (unreachableBroker) List(context.Context, string, int) ([]loglane.ChannelInfo, bool, error) {
	return nil, false, loglane.ErrUnavailable
}

func TestAdminsLearnThatTheStoreCannot(t *testing.T) {
	for name, c := range map[string]struct {
		setup       func(*setup)
		purge, list int
	}{
		"cannot":      {func(s *setup) { s.broker = bareBroker{s.broker} }, 501, 501},
		"unreachable": {func(s *setup) { s.broker = unreachableBroker{s.broker} }, 503, 503},
		"not told":    {func(s *setup) { s.Notices = lostNotices{auth.NewMemoryNotices()} }, 503, 200},
	} {
		g := newGateway(t, c.setup)
		adam := g.as("adam")
		if a := adam.do(adam.request(http.MethodDelete, "api/v1/logs?user=alice", nil)); a.code != c.purge {
			t.Errorf("%s: DELETE: %d %s, want %d", name, a.code, a.body, c.purge)
		}
		if a := adam.get("api/v1/channels"); a.code != c.list {
			t.Errorf("%s: GET channels: %d %s, want %d", name, a.code, a.body, c.list)
		}
	}
}

func TestChannels(t *testing.T) {
	g := newGateway(t, nil)
	for n := range 3 {
		publish(t, g, fmt.Sprintf("logs:User.u%d", n), "one")
		publish(t, g, fmt.Sprintf("logs:User.u%d", n), "two")
	}
	publish(t, g, "logs:job_1", "one")
	type list struct {
		Channels []struct {
			Channel string
			Lines   int
			Last    time.Time
		}
		More bool
	}
	for _, c := range []struct {
		query, want string
		more        bool
	}{
		{"", "User.u0 User.u1 User.u2 job_1", false},
		{"?prefix=User.", "User.u0 User.u1 User.u2", false},
		{"?prefix=User.&limit=2", "User.u0 User.u1", true},
		{"?prefix=nothing", "", false},
	} {
		a := g.as("adam").get("api/v1/channels" + c.query)
		var got list
		must(t, json.Unmarshal([]byte(a.body), &got))
		var names []string
		for _, channel := range got.Channels {
			names = append(names, channel.Channel)
			if strings.HasPrefix(channel.Channel, "User.") && channel.Lines != 2 || time.Since(channel.Last).Abs() > time.Minute {
				t.Errorf("%+v", channel)
			}
		}
		if strings.Join(names, " ") != c.want || got.More != c.more || got.Channels == nil {
			t.Errorf("%s: %s", c.query, a.body)
		}
	}
	if !strings.Contains(g.log.String(), "action=list outcome=allowed who=adam role=admin asked=User. from=127.0.0.1") {
		t.Errorf("the listing is not noted:\n%s", g.log)
	}
}

// A scopedLogin is a way in of one principal.
type scopedLogin struct {
	server.Login
	principal *auth.Principal
}

func (l scopedLogin) Authenticate(*http.Request) (*auth.Principal, error) { return l.principal, nil }

func TestTokensDoNeitherPurgeNorListBeyondTheirScope(t *testing.T) {
	broker, err := loglane.NewMemoryBroker(nil)
	must(t, err)
	hub, err := loglane.NewHub(broker, nil)
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close(context.Background())) })
	for _, c := range []struct {
		principal    *auth.Principal
		purge, lists int
	}{
		{&auth.Principal{Name: "adam", Role: auth.Admin}, 204, 200},
		{&auth.Principal{Name: "adam", Role: auth.Admin, Token: "reads"}, 403, 200},
		{&auth.Principal{Name: "adam", Role: auth.Admin, Token: "writes", Writes: []string{"*"}}, 403, 403},
	} {
		log := &record{}
		s, err := server.New(server.Options{Hub: hub, Login: scopedLogin{principal: c.principal}, Pages: pages, Logger: slog.New(slog.NewTextHandler(log, nil))})
		must(t, err)
		for request, want := range map[string]int{"DELETE /api/v1/logs?user=alice": c.purge, "GET /api/v1/channels": c.lists} {
			method, path, _ := strings.Cut(request, " ")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != want {
				t.Errorf("%+v: %s: %d, want %d", c.principal, request, w.Code, want)
			}
		}
		// The audit tells a token from whom it is called after.
		if noted := strings.Count(log.String(), " token="+c.principal.Token); c.principal.Token != "" && noted != 2 {
			t.Errorf("%+v: %d lines of the audit name the token:\n%s", c.principal, noted, log)
		}
	}
}
