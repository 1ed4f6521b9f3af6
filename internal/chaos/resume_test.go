package chaos_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// A first is what a viewer who comes back is told first.
type first struct {
	reason string // of a gap, "" where there was none
	missed int64  // -1 is null
	line   string // the message of the first line, "" where there was none
}

// TestResumeEverywhere comes back at every place of a history whose older part is trimmed.
func TestResumeEverywhere(t *testing.T) {
	fault(t)
	for _, c := range []struct {
		name    string
		foreign func(n int) bool
	}{
		{"ours alone", func(int) bool { return false }},
		{"every third foreign", func(n int) bool { return n%3 == 0 }},
		{"every third foreign, the oldest kept too", func(n int) bool { return n%3 == 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := playLone(t)
			lines := sized(1000, 10_000)
			trimmed := lines * 2 / 5 / 3 * 3
			cursors := s.mixed(lines, c.foreign)
			if n := s.redis.MustDo("XTRIM", "stream:"+alice, "MAXLEN", strconv.Itoa(lines-trimmed)); n != strconv.Itoa(trimmed) {
				t.Fatalf("%s lines are trimmed", n)
			}
			anyForeign := c.foreign(3) || c.foreign(1)
			expect := func(at int) first {
				switch {
				case at < trimmed, at == trimmed && c.foreign(trimmed+1):
					f := first{reason: "trimmed", missed: int64(trimmed - at), line: strconv.Itoa(trimmed + 1)}
					if anyForeign {
						f.missed = -1
					}
					return f
				case at == lines:
					return first{}
				}
				return first{line: strconv.Itoa(at + 1)}
			}
			right, gaps := s.resumeAll(cursors, expect)
			if right != lines+1 {
				t.Errorf("right at %d of %d places", right, lines+1)
			}
			table.Add("resume at every place: "+c.name, fmt.Sprintf("%d lines, the oldest %d trimmed", lines, trimmed),
				fmt.Sprintf("status, count and first line right at %d of %d, with %d gaps", right, lines+1, gaps), !t.Failed())
		})
	}
}

// mixed writes lines, and returns the place before the first and after each.
func (s *lone) mixed(lines int, foreign func(n int) bool) []string {
	s.Helper()
	for n := 1; n <= lines; n++ {
		if foreign(n) {
			s.redis.MustDo("XADD", "stream:"+alice, "*", "data", fmt.Sprintf(`{"message":"%d"}`, n))
			s.k["User.alice"]++
			continue
		}
		s.append(s.broker, "User.alice")
	}
	var cursors []string
	for from := loglane.Oldest(); ; {
		page, err := s.broker.Read(s.Context(), alice, from, 1000)
		if err != nil {
			s.Fatal(err)
		}
		if cursors == nil {
			cursors = append(cursors, loglane.Cursor{Epoch: page.Epoch}.String())
		}
		for _, entry := range page.Entries {
			cursors = append(cursors, entry.Cursor.String())
			from = loglane.After(entry.Cursor)
		}
		if !page.More {
			return cursors
		}
	}
}

// resumeAll comes back at every place. It returns at how many all was as expected, and how
// many gaps were told.
func (s *lone) resumeAll(cursors []string, expect func(at int) first) (right, gaps int) {
	s.Helper()
	var working sync.WaitGroup
	var mu sync.Mutex
	turns := make(chan struct{}, 4)
	for at, cursor := range cursors {
		turns <- struct{}{}
		working.Go(func() {
			defer func() { <-turns }()
			got, err := resume(s.Context(), s.url+"?channel=User.alice", nil, cursor)
			mu.Lock()
			defer mu.Unlock()
			if got.reason != "" {
				gaps++
			}
			if want := expect(at); err == nil && got == want {
				right++
			} else if at-right < 5 {
				s.Errorf("after line %d, %s: %+v, %v, want %+v", at, cursor, got, err, want)
			}
		})
	}
	working.Wait()
	return right, gaps
}

// resume comes back to a stream at a place.
func resume(ctx context.Context, url string, header http.Header, cursor string) (got first, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return got, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Last-Event-ID", cursor)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return got, fmt.Errorf("status %d", resp.StatusCode)
	}
	decoder := sse.NewDecoder(resp.Body)
	for {
		event, err := decoder.Next()
		if err != nil {
			return got, err
		}
		switch {
		case event.Type == "gap":
			var gap struct {
				Reason string
				Missed *int64
			}
			if err := json.Unmarshal(event.Data, &gap); err != nil {
				return got, err
			}
			if got.reason, got.missed = gap.Reason, -1; gap.Missed != nil {
				got.missed = *gap.Missed
			}
		case event.Type == "message" && event.HasData:
			var record struct{ Message string }
			err := json.Unmarshal(event.Data, &record)
			got.line = record.Message
			return got, err
		case event.HasID && got.reason == "": // there is nothing after the place
			return got, nil
		}
	}
}
