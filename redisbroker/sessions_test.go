package redisbroker_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func TestSessions(t *testing.T) {
	server := redistest.Start(t)
	sessions, other := open(t, server, redisbroker.Options{}).Sessions(), open(t, server, redisbroker.Options{}).Sessions()
	ctx := t.Context()
	if _, found, err := sessions.Load(ctx, "a"); found || err != nil {
		t.Errorf("before: %v, %v", found, err)
	}
	data := "a\x00\xffb"
	if err := sessions.Save(ctx, "a", []byte(data), time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, found, err := other.Load(ctx, "a"); string(got) != data || !found || err != nil {
		t.Errorf("another gateway loads %q, %v, %v", got, found, err)
	}
	if ttl := server.MustDo("PTTL", "loglane:session:a"); len(ttl) != 5 {
		t.Errorf("lives for %s ms", ttl)
	}
	for i, want := range []bool{true, false} {
		if existed, err := other.Delete(ctx, "a"); existed != want || err != nil {
			t.Errorf("deletion %d: %v, %v", i, existed, err)
		}
	}
	if _, found, err := sessions.Load(ctx, "a"); found || err != nil {
		t.Errorf("after: %v, %v", found, err)
	}
	server.Kill()
	_, _, errLoad := sessions.Load(ctx, "a")
	_, errDelete := sessions.Delete(ctx, "a")
	for _, err := range []error{errLoad, sessions.Save(ctx, "a", nil, time.Second), errDelete} {
		if !errors.Is(err, loglane.ErrUnavailable) {
			t.Errorf("without Redis: %v", err)
		}
	}
}

// The newest sessions of an owner stay, whichever gateway they were made at.
func TestSessionsOfAnOwner(t *testing.T) {
	server := redistest.Start(t)
	stores := []*redisbroker.Sessions{open(t, server, redisbroker.Options{}).Sessions(), open(t, server, redisbroker.Options{}).Sessions()}
	for i, want := range [][]string{nil, nil, {"a"}, {"b"}} {
		key := string(rune('a' + i))
		surplus, err := stores[i%2].Enlist(t.Context(), "owner", key, time.Minute, 2)
		if err != nil || !slices.Equal(surplus, want) {
			t.Errorf("after %s: %q, %v; want %q", key, surplus, err, want)
		}
	}
	if surplus, err := stores[0].Enlist(t.Context(), "other", "x", time.Minute, 2); len(surplus) > 0 || err != nil {
		t.Errorf("another owner: %q, %v", surplus, err)
	}
	if ttl := server.MustDo("PTTL", "loglane:session:of:owner"); len(ttl) != 5 {
		t.Errorf("the list lives for %s ms", ttl)
	}
	server.Kill()
	if _, err := stores[0].Enlist(t.Context(), "owner", "e", time.Minute, 2); !errors.Is(err, loglane.ErrUnavailable) {
		t.Errorf("without Redis: %v", err)
	}
}

func TestNotices(t *testing.T) {
	server := redistest.Start(t)
	sender, receiver := open(t, server, redisbroker.Options{}).Notices(), open(t, server, redisbroker.Options{}).Notices()
	messages := make(chan string, 10)
	stop := receiver.Listen(func(message []byte) {
		if message == nil {
			messages <- "missed"
			return
		}
		messages <- string(message)
	})
	defer stop()
	await := func(want string) {
		t.Helper()
		select {
		case got := <-messages:
			if got != want {
				t.Errorf("%q came, not %q", got, want)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("%q did not come", want)
		}
	}
	await("missed")
	if err := sender.Notify(t.Context(), []byte("one")); err != nil {
		t.Fatal(err)
	}
	await("one")
	server.Kill()
	server.Restart()
	await("missed")
}
