package auth_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// try signs in from an address and returns the answer's code, 200 for success.
func (g *gateway) try(address, name, password string) (code int, retryAfter time.Duration) {
	r := request()
	r.RemoteAddr = address
	_, err := g.SignIn(httptest.NewRecorder(), r, name, password)
	var s *loglane.StatusError
	if errors.As(err, &s) {
		return s.Code, s.RetryAfter
	}
	return 200, 0
}

func TestAccountTries(t *testing.T) {
	for _, name := range []string{"alice", "nobody"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, nil)
				for i := range 10 {
					if code, _ := g.try(fmt.Sprintf("192.0.2.1:%d", i), name, "wrong"); code != 401 {
						t.Fatalf("try %d: %d", i, code)
					}
				}
				if code, after := g.try("192.0.2.1:99", name, password); code != 429 || after != 10*time.Second {
					t.Errorf("one too many: %d, retry after %v", code, after)
				}
				if code, _ := g.try("192.0.2.1:1", "olga", password); code != 200 {
					t.Errorf("another name: %d", code)
				}
				time.Sleep(10 * time.Second)
				if code, _ := g.try("192.0.2.1:1", name, "wrong"); code != 401 {
					t.Errorf("after the wait: %d", code)
				}
				if code, _ := g.try("192.0.2.1:1", name, "wrong"); code != 429 {
					t.Errorf("right after that: %d", code)
				}
			})
		})
	}
}

func TestWhoGuessesLocksNobodyElseOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		for range 1000 {
			g.try("192.0.2.1:1", "alice", "wrong")
		}
		if code, _ := g.try("192.0.2.2:1", "alice", password); code != 200 {
			t.Errorf("alice, from elsewhere: %d", code)
		}
	})
}

// Guesses that are spread over many addresses are few all the same.
func TestTotalTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		for i := range 100 {
			if code, _ := g.try(fmt.Sprintf("192.0.2.%d:1", i), "alice", "wrong"); code != 401 {
				t.Fatalf("try %d: %d", i, code)
			}
		}
		if code, after := g.try("192.0.2.200:1", "alice", password); code != 429 || after != time.Second {
			t.Errorf("one too many: %d, retry after %v", code, after)
		}
		if code, _ := g.try("192.0.2.200:1", "olga", password); code != 200 {
			t.Errorf("another name: %d", code)
		}
		time.Sleep(time.Second)
		if code, _ := g.try("192.0.2.200:1", "alice", password); code != 200 {
			t.Errorf("after the wait: %d", code)
		}
	})
}

// Behind a proxy, everybody has its address.
func TestAProxysAddressIsNotCounted(t *testing.T) {
	for _, address := range []string{"127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "172.16.0.1:1", "192.168.1.1:1", "[fd00::1]:1", "[::ffff:10.0.0.1]:1", "@", ""} {
		synctest.Test(t, func(t *testing.T) {
			g := newGateway(t, nil)
			for i := range 500 {
				if code, _ := g.try(address, fmt.Sprint("name", i), "wrong"); code != 401 {
					t.Fatalf("%s, try %d: %d", address, i, code)
				}
			}
			for i := range 50 {
				if code, _ := g.try(address, "alice", "wrong"); code != 401 {
					t.Fatalf("%s, alice, try %d: %d", address, i, code)
				}
			}
			if code, _ := g.try(address, "alice", password); code != 200 {
				t.Errorf("%s: alice is locked out: %d", address, code)
			}
			for range 100 {
				g.try(address, "alice", "wrong")
			}
			if code, _ := g.try(address, "alice", password); code != 429 {
				t.Errorf("%s: nobody stops who guesses: %d", address, code)
			}
		})
	}
}

func TestAddressTries(t *testing.T) {
	tests := []struct {
		name         string
		first, other string
		limited      bool
	}{
		{"same address, other port", "192.0.2.1:1000", "192.0.2.1:2000", true},
		{"other address", "192.0.2.1:1000", "192.0.2.2:1000", false},
		{"mapped", "192.0.2.1:1000", "[::ffff:192.0.2.1]:1000", true},
		{"same /64", "[2001:db8:0:1::1]:1000", "[2001:db8:0:1:ffff::2]:1000", true},
		{"other /64", "[2001:db8:0:1::1]:1000", "[2001:db8:0:2::1]:1000", false},
		{"other zone", "[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, func(o *auth.LoginOptions) { o.AddressTries = auth.Tries{Burst: 3, Every: time.Minute} })
				for i := range 3 {
					if code, _ := g.try(test.first, fmt.Sprint("name", i), "wrong"); code != 401 {
						t.Fatalf("try %d: %d", i, code)
					}
				}
				if code, _ := g.try(test.other, "alice", password); (code == 429) != test.limited {
					t.Errorf("answer %d", code)
				}
			})
		})
	}
}

func TestRightPasswordsAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		for i := range 200 {
			if code, _ := g.try("192.0.2.1:1", "alice", password); code != 200 {
				t.Fatalf("login %d: %d", i, code)
			}
		}
		if accounts, addresses, totals := auth.Buckets(g.Login); accounts != 0 || addresses != 0 || totals != 0 {
			t.Errorf("%d accounts, %d addresses and %d names are counted", accounts, addresses, totals)
		}
	})
}

func TestTriesAreBoundedInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		for range 10 {
			g.try("192.0.2.1:1", "alice", "wrong")
		}
		for i := range 10_200 {
			if code, _ := g.try(fmt.Sprintf("198.18.%d.%d:1", i/256, i%256), fmt.Sprint("name", i), "wrong"); code != 401 {
				t.Fatalf("login %d: %d", i, code)
			}
		}
		if accounts, addresses, totals := auth.Buckets(g.Login); accounts > 10_000 || addresses > 10_000 || totals > 10_000 {
			t.Errorf("%d accounts, %d addresses and %d names are counted", accounts, addresses, totals)
		}
		if code, _ := g.try("192.0.2.1:1", "alice", password); code != 429 {
			t.Errorf("others' tries let alice off: %d", code)
		}
	})
}

func TestTooManyAtOnce(t *testing.T) {
	g := newGateway(t, nil)
	users := openUsers(t, g.file, nil)
	busy := g.peer(func(o *auth.LoginOptions) { o.Users = users })

	release := auth.OccupyHashing(users, 0)
	for range 20 { // it is not the caller's failure, so it does not count
		if code, after := busy.try("192.0.2.1:1", "alice", password); code != 503 || after <= 0 {
			t.Fatalf("with a full queue: %d, retry after %v", code, after)
		}
	}
	release()
	if code, _ := busy.try("192.0.2.1:1", "alice", password); code != 200 {
		t.Errorf("after that: %d", code)
	}
}

func TestWaitingForAHashEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := openUsers(t, newFile(t), nil)
		release := auth.OccupyHashing(users, 1)
		waited := make(chan error)
		go func() {
			_, err := users.Verify(t.Context(), "alice", password)
			waited <- err
		}()
		time.Sleep(time.Second)
		release()
		must(t, <-waited)
	})
}

// However many guess at a name from however many addresses, its owner comes in from where
// they have been before; and their failures there are still counted.
func TestAFloodDoesNotLockTheOwnerOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, nil)
		if code, _ := g.try("198.51.100.7:1", "alice", password); code != 200 {
			t.Fatalf("before: %d", code)
		}
		for i := range 2000 {
			g.try(fmt.Sprintf("203.0.%d.%d:1", i/250, i%250), "alice", "wrong")
		}
		if code, _ := g.try("192.0.2.1:1", "alice", password); code != 429 {
			t.Errorf("from a new address: %d", code)
		}
		if code, _ := g.try("198.51.100.7:2", "alice", password); code != 200 {
			t.Errorf("from her own: %d", code)
		}
		for range 10 {
			g.try("198.51.100.7:3", "alice", "wrong")
		}
		if code, _ := g.try("198.51.100.7:4", "alice", password); code != 429 {
			t.Errorf("after failures from her own: %d", code)
		}
	})
}

// One session too many ends the oldest, with its streams.
func TestSessionsOfAUserAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, func(o *auth.LoginOptions) { o.MaxSessions = 2 })
		var cookies [][]*http.Cookie
		for range 3 {
			w := httptest.NewRecorder()
			_, err := g.SignIn(w, request(), "alice", password)
			must(t, err)
			cookies = append(cookies, w.Result().Cookies())
		}
		for i, want := range []bool{false, true, true} {
			r := request()
			for _, c := range cookies[i] {
				r.AddCookie(c)
			}
			p, err := g.Authenticate(r)
			must(t, err)
			if stands := p != nil; stands != want {
				t.Errorf("session %d stands: %v", i+1, stands)
			}
		}
	})
}
