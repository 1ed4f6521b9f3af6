package auth_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

func TestMemorySessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := auth.NewMemorySessions()
		data := []byte("one")
		must(t, s.Save(t.Context(), "a", data, time.Minute))
		data[0] = 'x'
		got, found, err := s.Load(t.Context(), "a")
		if string(got) != "one" || !found || err != nil {
			t.Fatalf("%q, %v, %v", got, found, err)
		}
		time.Sleep(30 * time.Second)
		must(t, s.Save(t.Context(), "a", []byte("two"), time.Minute))
		time.Sleep(time.Minute - 1)
		if got, found, _ = s.Load(t.Context(), "a"); string(got) != "two" || !found {
			t.Errorf("%q, %v", got, found)
		}
		time.Sleep(time.Nanosecond)
		if _, found, _ = s.Load(t.Context(), "a"); found {
			t.Error("outlived its time")
		}
		must(t, s.Save(t.Context(), "b", nil, time.Minute))
		must(t, s.Save(t.Context(), "c", nil, time.Minute))
		for i, want := range []bool{true, false} {
			if existed, err := s.Delete(t.Context(), "b"); existed != want || err != nil {
				t.Errorf("deletion %d: %v, %v", i, existed, err)
			}
		}
		time.Sleep(time.Minute)
		if existed, err := s.Delete(t.Context(), "c"); existed || err != nil {
			t.Errorf("what had expired: %v, %v", existed, err)
		}
		if _, found, _ = s.Load(t.Context(), "b"); found {
			t.Error("outlived its deletion")
		}
	})
}

func TestMemorySessionsForgetTheExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := auth.NewMemorySessions()
		for i := range 10_000 {
			must(t, s.Save(t.Context(), strconv.Itoa(i), nil, time.Second))
			time.Sleep(10 * time.Millisecond)
		}
		if n := auth.Kept(s); n > 2000 {
			t.Errorf("%d sessions are kept, though 100 live", n)
		}
	})
}

func TestMemoryNotices(t *testing.T) {
	n := auth.NewMemoryNotices()
	var a, b []string
	stopA := n.Listen(func(m []byte) { a = append(a, string(m)) })
	stopB := n.Listen(func(m []byte) { b = append(b, string(m)) })
	must(t, n.Notify(t.Context(), []byte("1")))
	stopA()
	must(t, n.Notify(t.Context(), []byte("2")))
	stopB()
	stopB()
	must(t, n.Notify(t.Context(), []byte("3")))
	if len(a) != 1 || len(b) != 2 {
		t.Errorf("heard %q and %q", a, b)
	}
}
