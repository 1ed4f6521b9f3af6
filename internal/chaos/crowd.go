package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// A Crowd is the viewers of one stream.
type Crowd struct {
	Viewers []*Viewer

	cancels  []context.CancelFunc
	own      *http.Transport // nil where the client is another's
	watching sync.WaitGroup
}

// readBuffer is what a viewer takes from its connection at once: a crowd that cannot keep
// up with the gateway would measure itself.
const readBuffer = 64 << 10

// Gather lets n viewers watch a stream until [Crowd.Leave]; client nil is one of their own.
func Gather(ctx context.Context, n int, url string, header http.Header, client *http.Client) *Crowd {
	c := &Crowd{}
	c.Join(ctx, n, url, header, client)
	return c
}

// Join lets n more viewers watch a stream, which may be another, and returns them.
func (c *Crowd) Join(ctx context.Context, n int, url string, header http.Header, client *http.Client) []*Viewer {
	ctx, cancel := context.WithCancel(ctx)
	c.cancels = append(c.cancels, cancel)
	if client == nil {
		client = c.ownClient()
	}
	script := newScript()
	for range n {
		v := newViewer(url, header, script)
		v.Client = client
		c.Viewers = append(c.Viewers, v)
		c.watching.Go(func() { v.Watch(ctx) })
	}
	return c.Viewers[len(c.Viewers)-n:]
}

func (c *Crowd) ownClient() *http.Client {
	if c.own == nil {
		c.own = &http.Transport{ReadBufferSize: readBuffer}
	}
	return &http.Client{Transport: c.own}
}

// Opened waits until each viewer has a stream.
func (c *Crowd) Opened(within time.Duration) error {
	deadline := time.Now().Add(within)
	for {
		open := 0
		for _, v := range c.Viewers {
			v.mu.Lock()
			if len(v.opened) > 0 {
				open++
			}
			v.mu.Unlock()
		}
		if open == len(c.Viewers) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d streams are open after %v", open, len(c.Viewers), within)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Mark begins a measurement at every viewer.
func (c *Crowd) Mark(at time.Time) {
	for _, v := range c.Viewers {
		v.Mark(at)
	}
}

// Finish waits until every viewer has been shown some lines, and lets all leave. It returns
// how many had not.
func (c *Crowd) Finish(lines []loglane.Src, within time.Duration) (late int) {
	for _, v := range c.Viewers {
		v.Expect(lines)
	}
	deadline := time.After(within)
	for _, v := range c.Viewers {
		select {
		case <-v.CaughtUp():
			continue
		case <-deadline:
			closed := make(chan time.Time)
			close(closed)
			deadline = closed
			late++
		}
	}
	c.Leave()
	return late
}

// Leave ends all streams.
func (c *Crowd) Leave() {
	for _, cancel := range c.cancels {
		cancel()
	}
	c.watching.Wait()
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// Check judges all viewers; each was there from the start.
func (c *Crowd) Check(published Published) Verdict {
	checker := NewChecker(published)
	verdicts := make([]Verdict, len(c.Viewers))
	var checking sync.WaitGroup
	turns := make(chan struct{}, 2)
	for i, v := range c.Viewers {
		checking.Go(func() {
			turns <- struct{}{}
			verdicts[i] = checker.Check(v.Sights(), true)
			<-turns
		})
	}
	checking.Wait()
	var all Verdict
	for _, v := range verdicts {
		all.Add(v)
	}
	return all
}

// Resumed returns the times of all measurements, shortest first.
func (c *Crowd) Resumed() (all []time.Duration) {
	for _, v := range c.Viewers {
		all = append(all, v.Resumed()...)
	}
	slices.Sort(all)
	return all
}

// Tally adds up what the viewers counted.
func (c *Crowd) Tally() Tally {
	all := Tally{Gaps: make(map[Reason]int), Statuses: make(map[string]int)}
	for _, v := range c.Viewers {
		t := v.Tally()
		all.Opened += t.Opened
		all.Ended += t.Ended
		all.Dropped += t.Dropped
		all.Ends = append(all.Ends, t.Ends...)
		for reason, n := range t.Gaps {
			all.Gaps[reason] += n
		}
		for data, n := range t.Statuses {
			all.Statuses[data] += n
		}
	}
	return all
}

// Percentile returns the time that p of 100 do not exceed; times are sorted.
func Percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	i := int(float64(len(times))*p/100+0.999999) - 1
	return times[min(max(i, 0), len(times)-1)]
}
