package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// startedFrom begins a sign-in from an address, and finishedFrom brings an answer back.
func (d *door) startedFrom(address string) error {
	r := d.request("/login/oidc")
	r.RemoteAddr = address
	return d.oidc.Start(httptest.NewRecorder(), r, origin, "/")
}

func (d *door) finishedFrom(address string, answer url.Values) error {
	r, w := d.request("/login/oidc/callback?"+answer.Encode()), httptest.NewRecorder()
	r.RemoteAddr = address
	_, _, err := d.oidc.Finish(w, r, origin)
	d.take(w)
	return err
}

// refusedTry is the setting that a refusal names, and when to come again.
func refusedTry(err error) (setting string, wait time.Duration) {
	var status *loglane.StatusError
	if errors.As(err, &status) && status.Code == http.StatusTooManyRequests {
		return status.Limit, status.RetryAfter
	}
	return "", 0
}

func someTries(o *auth.OIDCOptions) { o.Tries = auth.Tries{Burst: 3, Every: 2 * time.Second} }

// A sign-in that was refused holds after the wait, with the same answer of the provider's.
func TestOIDCTries(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), someTries).found()
	const here, elsewhere = "192.0.2.1:1234", "192.0.2.2:1"
	for i := range 3 {
		if err := d.finishedFrom(here, url.Values{"state": {"made up"}, "code": {"c"}}); status(err) != 400 {
			t.Fatalf("answer %d: %v", i, err)
		}
	}
	answer := d.answer(d.start("/")) // what is begun is counted by itself
	setting, wait := refusedTry(d.finishedFrom(here, answer))
	if setting != "oidc-tries-per-address" || wait <= 0 || wait > 2*time.Second {
		t.Fatalf("it names %q, and %v to wait", setting, wait)
	}
	if asked := d.provider.count("/token"); asked != 0 {
		t.Errorf("the provider was asked %d times", asked)
	}
	if err := d.finishedFrom(elsewhere, url.Values{"state": {"made up"}, "code": {"c"}}); status(err) != 400 {
		t.Errorf("another address: %v", err)
	}
	eventually(t, func() bool { return d.finishedFrom(here, answer) == nil })
	if p := d.whoever(); p == nil {
		t.Error("nobody is signed in")
	}
}

func TestOIDCStartsAreCounted(t *testing.T) {
	d := newDoor(t, newLyingProvider(t), func(o *auth.OIDCOptions) { o.Tries = auth.Tries{Burst: 3, Every: time.Hour} }).found()
	for i := range 3 {
		must(t, d.startedFrom("[2001:db8:0:1::1]:1"))
		if setting, _ := refusedTry(d.startedFrom("10.0.0.1:1")); setting != "" {
			t.Errorf("a proxy's address is counted after %d", i)
		}
	}
	if setting, _ := refusedTry(d.startedFrom("[2001:db8:0:1:ffff::2]:1")); setting != "oidc-tries-per-address" {
		t.Errorf("it names %q", setting)
	}
	must(t, d.startedFrom("[2001:db8:0:2::1]:1"))
	for i := range 10 { // of another address; those that hold do not count
		if _, err := d.finish(d.answer(d.start("/"))); err != nil {
			t.Fatalf("sign-in %d: %v", i, err)
		}
	}
}

func TestOIDCTriesByAddress(t *testing.T) {
	for _, test := range []struct {
		name         string
		first, other string
		limited      bool
	}{
		{"same address, other port", "192.0.2.1:1000", "192.0.2.1:2000", true},
		{"other address", "192.0.2.1:1000", "192.0.2.2:1000", false},
		{"mapped", "192.0.2.1:1000", "[::ffff:192.0.2.1]:1000", true},
		{"same /64", "[2001:db8:0:1::1]:1000", "[2001:db8:0:1:ffff::2]:1000", true},
		{"other /64", "[2001:db8:0:1::1]:1000", "[2001:db8:0:2::1]:1000", false},
		{"a proxy's", "127.0.0.1:1", "127.0.0.1:1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &door{gateway: newGateway(t, nil)}
				var err error
				d.oidc, err = auth.NewOIDC(auth.OIDCOptions{Login: d.Login, Issuer: "https://id.example.com", ClientID: "loglane", Tries: auth.Tries{Burst: 3, Every: time.Minute}})
				must(t, err)
				nothing := url.Values{"state": {"made up"}}
				for i := range 3 {
					if err := d.finishedFrom(test.first, nothing); status(err) != 400 {
						t.Fatalf("try %d: %v", i, err)
					}
				}
				err = d.finishedFrom(test.other, nothing)
				if _, wait := refusedTry(err); (wait == time.Minute) != test.limited || !test.limited && status(err) != 400 {
					t.Fatalf("%v, %v to wait", err, wait)
				}
				if !test.limited {
					return
				}
				time.Sleep(time.Minute)
				if err := d.finishedFrom(test.other, nothing); status(err) != 400 {
					t.Errorf("after the wait: %v", err)
				}
			})
		})
	}
}
