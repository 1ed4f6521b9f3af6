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
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/chaos"
)

const floodMemory = 256 << 20

// A sender posts lines with a token of its own.
type sender struct {
	base, token string
	client      *http.Client
}

func (s *scene) sender() *sender {
	return &sender{base: s.gateway.Base, token: s.gateway.Writer("*"), client: &http.Client{Timeout: time.Minute}}
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
	endlessly, widely := s.sender(), s.sender()
	var tinily []*sender    // each takes what one token may send a second
	for range sized(1, 8) { // of which one alone would take eight minutes
		tinily = append(tinily, s.sender())
	}
	pause(2 * time.Second)
	s.watch(50)
	s.log(2, 20)
	pause(2 * time.Second)
	quiet := time.Now()
	pause(sized(8*time.Second, 30*time.Second))
	began, before := time.Now(), s.keys()
	var flooding sync.WaitGroup
	flooding.Go(func() {
		code, _, _, _, err := endlessly.post(t.Context(), "?channel=long", "text/plain", io.LimitReader(endless{}, line))
		if err == nil && code != http.StatusRequestEntityTooLarge { // an error: the connection is cut while it still sends
			t.Errorf("the line without an end: %d", code)
		}
	})
	var accepted, refused atomic.Int64
	for i, sender := range tinily {
		flooding.Go(func() {
			taken, waited, err := sender.tiny(t.Context(), fmt.Sprint("?channel=tiny", i), lines/len(tinily))
			if err != nil {
				t.Errorf("tiny lines: %v", err)
			}
			accepted.Add(int64(taken))
			refused.Add(int64(waited))
		})
	}
	limited := 0
	flooding.Go(func() {
		for i := 0; i < channels; i += 1000 {
			var body strings.Builder
			for k := range 1000 {
				fmt.Fprintf(&body, "{\"message\":\"x\",\"context\":\"made_up_%d\"}\n", i+k)
			}
			_, _, _, limit, err := widely.post(t.Context(), "", "application/x-ndjson", strings.NewReader(body.String()))
			if err != nil {
				t.Errorf("channels: %v", err)
			}
			if limit == "max-new-channels-per-minute" {
				limited++
			}
		}
	})
	over := make(chan struct{})
	go func() { flooding.Wait(); close(over) }()
	most := 0
	for flooded := false; !flooded; {
		select {
		case <-over:
			flooded = true
		case <-time.After(50 * time.Millisecond):
			most = max(most, s.resident())
		}
	}
	ended, made := time.Now(), s.keys()-before
	v := s.finish()
	b := s.besides([]span{{quiet, began}}, []span{{began, ended}})
	s.bears(b)
	if n := int(accepted.Load()); n != lines {
		t.Errorf("%d of %d tiny lines are taken", n, lines)
	}
	// A channel has two keys; the burst of 1,000, and two a second.
	if most := 2 * (1000 + 2*int(ended.Sub(began)/time.Second) + 20); made > most {
		t.Errorf("%d keys are made, at most %d may be", made, most)
	}
	if most > floodMemory {
		t.Errorf("the gateway takes %d MiB", most>>20)
	}
	s.report("a flood of lines and names", fmt.Sprintf("a line of %d MiB, %d tiny lines, %d channels", line>>20, lines, channels), v,
		"quiet: "+chaos.Spread(b.alone), "in the flood: "+chaos.Spread(b.attacked),
		fmt.Sprintf("p99 %.2f times, at most %d MiB; %d requests wait, %d name too many channels; %d keys are made", b.ratio, most>>20, refused.Load(), limited, made),
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
