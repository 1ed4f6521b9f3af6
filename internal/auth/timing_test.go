package auth_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

const (
	timingTries  = 1000
	timingRounds = 4
	// unlikely is the |t| of Welch's test that one comparison of a hundred exceeds though
	// nothing differs.
	unlikely = 2.576
)

// TestLoginTimeTellsNoNames compares how long a login with a wrong password takes for names
// that have an account and for names that have none. A machine that is busy may upset one
// round, but not each of several.
func TestLoginTimeTellsNoNames(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a few thousand hashes")
	}
	g := &gateway{t: t, file: newFile(t), store: newFakeStore(), notices: auth.NewMemoryNotices()}
	g.file.Cost.Memory = 128 // an operator's costs 150 times that, and a difference is as long
	for _, name := range []string{"alice", "olga", "adam"} {
		must(t, g.file.SetPassword(name, password))
	}
	g.build(func(o *auth.LoginOptions) {
		many := auth.Tries{Burst: 1 << 20, Every: time.Nanosecond}
		o.AccountTries, o.AddressTries, o.TotalTries = many, many, many
	})
	attempt := func(name string) float64 {
		w, r := httptest.NewRecorder(), request()
		began := time.Now()
		_, err := g.SignIn(w, r, name, "wrong horse")
		took := time.Since(began)
		if !errors.Is(err, auth.ErrCredentials) {
			t.Fatalf("%s: %v", name, err)
		}
		return float64(took)
	}
	told := 0
	for round := 0; round < timingRounds && told == round; round++ {
		known, unknown := compare(attempt, "alice", "elvis")
		score := welch(known, unknown)
		t.Logf("round %d: %.0f µs for a known name, %.0f µs for an unknown one, t = %.2f", round+1, mean(known)/1e3, mean(unknown)/1e3, score)
		if math.Abs(score) > unlikely {
			told++
		}
	}
	if told == timingRounds {
		t.Error("in every round the times tell which name has an account")
	}
	// The comparison sees a difference where there is one.
	longer := func(name string) float64 {
		took := attempt(name)
		if name == "alice" {
			took *= 1.2
		}
		return took
	}
	known, unknown := compare(longer, "alice", "elvis")
	if score := welch(known, unknown); math.Abs(score) < unlikely {
		t.Errorf("a fifth more time gives t = %.2f: this test sees nothing", score)
	}
}

// compare takes the times of two names by turns, in an order that nothing can follow.
func compare(attempt func(string) float64, a, b string) (of, other []float64) {
	for range timingTries {
		if rand.IntN(2) == 0 {
			of, other = append(of, attempt(a)), append(other, attempt(b))
		} else {
			other, of = append(other, attempt(b)), append(of, attempt(a))
		}
	}
	return crop(of, other)
}

// crop leaves out what took longer than most: the machine was at something else.
func crop(a, b []float64) (of, other []float64) {
	all := slices.Sorted(slices.Values(slices.Concat(a, b)))
	limit := all[len(all)*3/4]
	slow := func(took float64) bool { return took > limit }
	return slices.DeleteFunc(a, slow), slices.DeleteFunc(b, slow)
}

// welch is the statistic of Welch's t-test.
func welch(a, b []float64) float64 {
	return (mean(a) - mean(b)) / math.Sqrt(variance(a)/float64(len(a))+variance(b)/float64(len(b)))
}

func mean(all []float64) (m float64) {
	for _, x := range all {
		m += x / float64(len(all))
	}
	return m
}

func variance(all []float64) (v float64) {
	m := mean(all)
	for _, x := range all {
		v += (x - m) * (x - m) / float64(len(all)-1)
	}
	return v
}
