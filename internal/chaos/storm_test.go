package chaos_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
)

// A storm is what a process of its own does to a gateway, so that it takes nothing from the
// viewers whose lines are timed.
type storm struct {
	Base    string
	Logins  int           // tries to sign in with wrong names from as many addresses …
	Over    time.Duration // … spread over this time
	Tokens  []string      // of users who come back …
	Cursors []string      // … from these places …
	Streams int           // … so many of them at once
	Queries bool          // each stream looks for an expression of its own
}

// A stormed is what became of it.
type stormed struct {
	Logins  map[int]int // answers by code
	Refused map[string]int
	Opened  int
	Took    time.Duration // until all streams were open and all logins answered
}

// TestStormItself is no test: it is the storm, see unleash.
func TestStormItself(t *testing.T) {
	tell(t, ordered[storm](t).rage(t.Context()))
}

func (s storm) rage(ctx context.Context) stormed {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	out := stormed{Logins: make(map[int]int), Refused: make(map[string]int)}
	var mu sync.Mutex
	var opened atomic.Int64
	began := time.Now()
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var logins, streams, opening sync.WaitGroup
	opening.Add(s.Streams)
	for i := range s.Streams {
		streams.Go(func() {
			once := sync.OnceFunc(opening.Done)
			defer once()
			s.comeBack(ctx, client, i, func(limit string) {
				if limit == "" {
					opened.Add(1)
					once()
					return
				}
				mu.Lock()
				defer mu.Unlock()
				out.Refused[limit]++
			})
		})
	}
	for i := range s.Logins {
		wait := time.Until(began.Add(s.Over * time.Duration(i) / time.Duration(s.Logins)))
		logins.Go(func() {
			code := s.guess(ctx, client, i)
			mu.Lock()
			defer mu.Unlock()
			out.Logins[code]++
		})
		pause(wait)
	}
	logins.Wait()
	opening.Wait()
	out.Took, out.Opened = time.Since(began), int(opened.Load())
	cancel()
	streams.Wait()
	client.CloseIdleConnections()
	return out
}

func forwardedFrom(i int) string { return fmt.Sprintf("203.%d.%d.%d", i>>16&255, i>>8&255, i&255) }

// guess tries to sign in, and returns the answer's code; 0 is none.
func (s storm) guess(ctx context.Context, client *http.Client, i int) int {
	form := url.Values{"username": {fmt.Sprintf("nobody-%d", i)}, "password": {"wrong horse"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Base+"login", strings.NewReader(form.Encode()))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", forwardedFrom(i))
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // only the code counts
	return resp.StatusCode
}

// comeBack opens a stream from an old place, as often as it is refused, and reads it.
func (s storm) comeBack(ctx context.Context, client *http.Client, i int, answered func(limit string)) {
	stream := s.Base + "api/v1/stream"
	if s.Queries {
		stream += "?q=" + url.QueryEscape(fmt.Sprintf("/(?:0?){100}%dy/", i)) // milliseconds for a line of zeros
	}
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, stream, nil)
		if err != nil {
			return
		}
		req.Header.Set("Authorization", "Bearer "+s.Tokens[i%len(s.Tokens)])
		req.Header.Set("Last-Event-ID", s.Cursors[i%len(s.Cursors)])
		req.Header.Set("X-Forwarded-For", forwardedFrom(1<<20+i))
		resp, err := client.Do(req)
		if err != nil {
			answered("no answer")
			pause(time.Second)
			continue
		}
		if resp.StatusCode == http.StatusOK {
			answered("")
			_, _ = io.Copy(io.Discard, resp.Body) // until the storm is over
			resp.Body.Close()
			return
		}
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		answered(fmt.Sprintf("%d %s", resp.StatusCode, resp.Header.Get("Loglane-Limit")))
		_, _ = io.Copy(io.Discard, resp.Body) // the connection is to be used again
		resp.Body.Close()
		select {
		case <-time.After(time.Duration(max(seconds, 1)) * time.Second):
		case <-ctx.Done():
		}
	}
}

// guests are users with a history each and a token; it returns these and old places, of which
// every second one has been trimmed away with ten lines after it.
func (s *scene) guests(n, lines int) (tokens, cursors []string) {
	s.Helper()
	for i := range n {
		channel := fmt.Sprintf("logs:User.guest%d", i)
		batch := loglane.Batch{Producer: loglane.NewProducer()}
		for k := uint64(1); k <= uint64(lines); k++ {
			batch.Lines = append(batch.Lines, loglane.Line{K: k, Record: fmt.Appendf(nil, `{"message":"%0100d"}`, k)})
			if len(batch.Lines) < 100 && k < uint64(lines) {
				continue
			}
			if _, err := s.broker.Append(s.Context(), channel, batch); err != nil {
				s.Fatal(err)
			}
			batch.Lines, batch.After = nil, k
		}
		page, err := s.broker.Read(s.Context(), channel, loglane.Oldest(), 1)
		if err != nil || len(page.Entries) == 0 {
			s.Fatal(err)
		}
		cursors = append(cursors, page.Entries[0].Cursor.String())
		if i%2 == 1 {
			s.redis.MustDo("XTRIM", "stream:"+channel, "MAXLEN", strconv.Itoa(lines-11))
		}
		tokens = append(tokens, s.gateway.Token(fmt.Sprintf("guest%d", i)))
	}
	return tokens, cursors
}

// stage is a scene whose gateway has the limits of a deployment behind a proxy.
func stage(t *testing.T, args ...string) *scene {
	t.Helper()
	return playWith(t, keepMuch, nil, append([]string{"--trusted-proxies", "127.0.0.1", "--insecure-cookies", "--max-opens-per-second", "100"}, args...))
}

// processor is how much of the processor the gateway has used.
func (s *scene) processor() time.Duration {
	s.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.gateway.Pid()))
	if err != nil {
		s.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // the kernel counts hundredths
}

// TestStorm lets many guess passwords and come back with old places, half of them too old, round for round beside
// quiet ones: those who watch keep their latency.
func TestStorm(t *testing.T) {
	rounds, viewers := sized(2, 3), sized(50, 100)
	s := stage(t)
	tokens, cursors := s.guests(sized(10, 50), 500)
	attack := storm{Base: s.gateway.Base, Tokens: tokens, Cursors: cursors, Logins: sized(1000, 10_000), Over: sized(4*time.Second, 20*time.Second), Streams: sized(500, 5000)}
	pause(2 * time.Second) // until the gateway has read the tokens
	s.watch(viewers)
	s.log(2, 20)
	pause(2 * time.Second)
	var calm, stormy []span
	var all stormed
	for range rounds {
		quiet := time.Now()
		pause(attack.Over)
		began := time.Now()
		used := s.processor()
		out := unleash[storm, stormed](t, "TestStormItself", attack)
		t.Logf("the gateway took %v of the processor", s.processor()-used)
		calm, stormy = append(calm, span{quiet, began}), append(stormy, span{began, time.Now()})
		t.Logf("%+v", out)
		all.Opened += out.Opened
		all.Took = max(all.Took, out.Took)
		// Where the machine has more to do, the storm is too slow for its own connections now and then.
		if answered := out.Logins[401] + out.Logins[429] + out.Logins[503]; answered < attack.Logins*9/10 || answered+out.Logins[0] != attack.Logins {
			t.Errorf("%d of %d logins are answered as they should: %v", answered, attack.Logins, out.Logins)
		}
		if out.Opened != attack.Streams {
			t.Errorf("%d of %d streams came back: %v", out.Opened, attack.Streams, out.Refused)
		}
		pause(3 * time.Second) // the streams of the storm end
	}
	v := s.finish()
	b := s.besides(calm, stormy)
	s.bears(b)
	if tally := s.crowd.Tally(); tally.Ended > viewers {
		t.Errorf("%d streams of viewers ended", tally.Ended-viewers)
	}
	s.report("login and reconnect storm", fmt.Sprintf("%d × (%d logins, %d streams at once), %d viewers", rounds, attack.Logins, attack.Streams, viewers), v,
		"quiet: "+chaos.Spread(b.alone), "in the storm: "+chaos.Spread(b.attacked),
		fmt.Sprintf("p99 %.2f times; all back after %v", b.ratio, all.Took.Round(100*time.Millisecond)))
}
