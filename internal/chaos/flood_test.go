package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

const floodMemory = 256 << 20

// A flood is what a process of its own sends to a gateway.
type flood struct {
	Base     string
	Endless  string   // the token of who sends a line without an end, cut off after …
	Line     int64    // … so many bytes
	Tiny     []string // those of who send …
	Lines    int      // … so many lines of one byte, each its share
	Wide     string   // that of who names …
	Channels int      // … so many channels
}

// A flooded is what became of it.
type flooded struct {
	Accepted int      // of the tiny lines
	Waited   int      // how often their senders were told to
	Limited  int      // requests that named too many channels
	Faults   []string // answers that should not be
}

// TestFloodItself is no test: it is the flood, see unleash.
func TestFloodItself(t *testing.T) {
	tell(t, ordered[flood](t).pour(t.Context()))
}

// A sender posts lines with a token of its own.
type sender struct {
	base, token string
	client      *http.Client
}

func newSender(base, token string) *sender {
	return &sender{base: base, token: token, client: &http.Client{Timeout: time.Minute}}
}

func (f flood) pour(ctx context.Context) (out flooded) {
	var mu sync.Mutex
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		out.Faults = append(out.Faults, fmt.Sprintf(format, args...))
	}
	var pouring sync.WaitGroup
	pouring.Go(func() {
		code, _, _, _, err := newSender(f.Base, f.Endless).post(ctx, "?channel=long", "text/plain", io.LimitReader(endless{}, f.Line))
		if err == nil && code != http.StatusRequestEntityTooLarge { // an error: the connection is cut while it still sends
			note("the line without an end: %d", code)
		}
	})
	for i, token := range f.Tiny {
		pouring.Go(func() {
			taken, waited, err := newSender(f.Base, token).tiny(ctx, fmt.Sprint("?channel=tiny", i), f.Lines/len(f.Tiny))
			if err != nil {
				note("tiny lines: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			out.Accepted += taken
			out.Waited += waited
		})
	}
	pouring.Go(func() {
		limited, err := newSender(f.Base, f.Wide).wide(ctx, f.Channels)
		if err != nil {
			note("channels: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		out.Limited = limited
	})
	pouring.Wait()
	return out
}

// post sends a body, and returns the answer's code, how many lines were taken, and how long
// to wait.
func (s *sender) post(ctx context.Context, query, kind string, body io.Reader) (code, accepted int, wait time.Duration, limit string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"api/v1/logs"+query, body)
	if err != nil {
		return 0, 0, 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Content-Type", kind)
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, 0, 0, "", err
	}
	defer resp.Body.Close()
	var answer struct{ Accepted int }
	_ = json.NewDecoder(resp.Body).Decode(&answer) // a refusal has none
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return resp.StatusCode, answer.Accepted, time.Duration(seconds) * time.Second, resp.Header.Get("Loglane-Limit"), nil
}

// tiny sends so many lines of one byte, and waits where it is told to.
func (s *sender) tiny(ctx context.Context, query string, lines int) (accepted, refused int, err error) {
	const each = 10_000
	body := strings.Repeat("x\n", each)
	for range lines / each {
		for {
			code, n, wait, _, err := s.post(ctx, query, "text/plain", strings.NewReader(body))
			if err != nil {
				return accepted, refused, err
			}
			if accepted += n; code == http.StatusOK {
				break
			}
			refused++
			pause(max(wait, 100*time.Millisecond))
		}
	}
	return accepted, refused, nil
}

// wide names so many channels, and returns how often they were too many.
func (s *sender) wide(ctx context.Context, channels int) (limited int, err error) {
	for i := 0; i < channels; i += 1000 {
		var body strings.Builder
		for k := range 1000 {
			fmt.Fprintf(&body, "{\"message\":\"x\",\"context\":\"made_up_%d\"}\n", i+k)
		}
		_, _, _, limit, err := s.post(ctx, "", "application/x-ndjson", strings.NewReader(body.String()))
		if err != nil {
			return limited, err
		}
		if limit == "max-new-channels-per-minute" {
			limited++
		}
	}
	return limited, nil
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// TestFlood sends a line without an end, very many tiny ones, as many channels as names can
// be made up for, and bodies that do not go on: the gateway keeps its memory, and those who
// watch their latency.
func TestFlood(t *testing.T) {
	line, lines, channels := int64(sized(128<<20, 1<<30)), sized(200_000, 10_000_000), sized(20_000, 100_000)
	s := stage(t)
	attack := flood{
		Base: s.gateway.Base, Endless: s.gateway.Writer("*"), Line: line,
		Lines: lines, Wide: s.gateway.Writer("*"), Channels: channels,
	}
	for range sized(1, 8) { // each takes what one token may send a second: one alone would take eight minutes
		attack.Tiny = append(attack.Tiny, s.gateway.Writer("*"))
	}
	pause(2 * time.Second)
	s.watch(50)
	s.log(2, 20)
	pause(2 * time.Second)
	quiet := time.Now()
	pause(sized(8*time.Second, 30*time.Second))
	began, before := time.Now(), s.keys()
	out := unleash[flood, flooded](t, "TestFloodItself", attack)
	resident := s.mostResident()
	ended, made := time.Now(), s.keys()-before
	v := s.finish()
	b := s.besides([]span{{quiet, began}}, []span{{began, ended}})
	s.bears(b)
	if out.Accepted != lines || len(out.Faults) > 0 {
		t.Errorf("%d of %d tiny lines are taken, %q", out.Accepted, lines, out.Faults)
	}
	// A channel has two keys; the burst of 1,000, and two a second.
	if most := 2 * (1000 + 2*int(ended.Sub(began)/time.Second) + 20); made > most {
		t.Errorf("%d keys are made, at most %d may be", made, most)
	}
	if resident > floodMemory {
		t.Errorf("the gateway takes %d MiB", resident>>20)
	}
	s.report("a flood of lines and names", fmt.Sprintf("a line of %d MiB, %d tiny lines, %d channels", line>>20, lines, channels), v,
		"quiet: "+chaos.Spread(b.alone), "in the flood: "+chaos.Spread(b.attacked),
		fmt.Sprintf("p99 %.2f times, at most %d MiB; %d requests wait, %d name too many channels; %d keys are made", b.ratio, resident>>20, out.Waited, out.Limited, made),
		fmt.Sprintf("it took %v", ended.Sub(began).Round(time.Second)))
}

// keys is how many the database has.
func (s *scene) keys() int {
	n, err := strconv.Atoi(s.redis.MustDo("DBSIZE"))
	if err != nil {
		s.Fatal(err)
	}
	return n
}
