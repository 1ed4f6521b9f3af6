package door_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/door"
)

var (
	alice  = &auth.Principal{Name: "alice", Channel: "logs:User.alice"}
	adam   = &auth.Principal{Name: "adam", Channel: "logs:User.adam", Role: auth.Admin}
	sender = &auth.Principal{Name: "sender", Token: "t", Writes: []string{"User.alice"}}
)

func open(t *testing.T) *door.Door {
	t.Helper()
	broker, err := loglane.NewMemoryBroker(nil)
	must(t, err)
	hub, err := loglane.NewHub(broker, nil)
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close(context.Background())) })
	return door.New(hub, broker)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// uses are all that a pass may open; each returns why it did not.
func uses(d *door.Door) map[auth.Action]func(door.Pass) error {
	reading := func(handler func(func(*http.Request) (door.Reader, error), *loglane.StreamOptions) http.Handler) func(door.Pass) error {
		return func(p door.Pass) error {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodHead, "/", nil)
			handler(func(*http.Request) (door.Reader, error) { return door.Reader{Pass: p}, nil }, nil).ServeHTTP(w, r)
			if w.Code == http.StatusInternalServerError && !strings.Contains(w.Body.String(), "pass") {
				return door.ErrNoPass // which the caller is not told
			}
			return nil
		}
	}
	stream, history := reading(d.Stream), reading(d.History)
	return map[auth.Action]func(door.Pass) error{
		auth.Read:  func(p door.Pass) error { return errors.Join(stream(p), history(p)) },
		auth.Purge: func(p door.Pass) error { return d.Purge(context.Background(), p) },
		auth.List: func(p door.Pass) error {
			_, _, err := d.List(context.Background(), p, "", 1)
			return err
		},
		auth.Write: func(p door.Pass) error {
			_, err := d.Append(context.Background(), p, loglane.Batch{Producer: "AAAAAAAAAAAAAAAA", Lines: []loglane.Line{{K: 1, Record: []byte(`{"message":"x"}`)}}})
			return err
		},
	}
}

// A pass opens one thing of one door, and no pass opens nothing.
func TestAPassOpensOneThing(t *testing.T) {
	d, other := open(t), open(t)
	passes := map[auth.Action]door.Pass{}
	for action, p := range map[auth.Action]*auth.Principal{auth.Read: adam, auth.Purge: adam, auth.List: adam, auth.Write: sender} {
		pass, err := d.Authorize(p, "logs:User.alice", action)
		must(t, err)
		passes[action] = pass
	}
	for action, use := range uses(d) {
		if err := use(door.Pass{}); !errors.Is(err, door.ErrNoPass) {
			t.Errorf("action %d without a pass: %v", action, err)
		}
		for of, pass := range passes {
			if err := use(pass); (err == nil) != (of == action) || err != nil && !errors.Is(err, door.ErrNoPass) {
				t.Errorf("action %d with a pass for %d: %v", action, of, err)
			}
		}
	}
	for action, use := range uses(other) {
		if err := use(passes[action]); !errors.Is(err, door.ErrNoPass) {
			t.Errorf("action %d with another door's pass: %v", action, err)
		}
	}
	if err := uses(d)[auth.Write](passes[auth.Read].Copies()); !errors.Is(err, door.ErrNoPass) {
		t.Errorf("copies of what is read: %v", err)
	}
	if copies := passes[auth.Write].Copies(); copies.Channel() != loglane.GlobalChannel || uses(d)[auth.Write](copies) != nil {
		t.Errorf("copies of what is written go to %s", copies.Channel())
	}
}

func TestWhoMayNotGetsNoPass(t *testing.T) {
	d := open(t)
	for _, c := range []struct {
		who     *auth.Principal
		channel string
		action  auth.Action
	}{
		{alice, "logs:User.bob", auth.Read},
		{alice, loglane.GlobalChannel, auth.Read},
		{alice, "logs:User.alice", auth.Purge},
		{alice, "logs:User.alice", auth.Write},
		{alice, "logs:User.alice", auth.List},
		{alice, "logs:User.alice", 0},
		{sender, "logs:User.alice", auth.Read},
		{sender, "logs:User.bob", auth.Write},
		{adam, "logs:a b", auth.Read},
		{nil, "logs:User.alice", auth.Read},
	} {
		pass, err := d.Authorize(c.who, c.channel, c.action)
		var status *loglane.StatusError
		if !errors.As(err, &status) || status.Code != http.StatusForbidden || pass != (door.Pass{}) {
			t.Errorf("%+v, %s, %d: %+v, %v", c.who, c.channel, c.action, pass, err)
		}
	}
}
