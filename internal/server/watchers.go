package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

const (
	// watchEvery is how often gateways tell each other who is watched, beside changes.
	watchEvery = 30 * time.Second
	// watchLife is how long what another gateway told holds without its word.
	watchLife = 75 * time.Second
	// maxWatched bounds the channels that are counted.
	maxWatched = 10_000
	// notifyTime bounds one notice.
	notifyTime = 2 * time.Second
)

// watched is a notice of how many streams a gateway has of a channel that are not its
// owner's.
type watched struct {
	Gateway  string `json:"gateway"`
	Channel  string `json:"channel"` // full name
	Watchers int    `json:"watchers"`
}

// watchers count who watches others' channels, on all gateways, and tell the owners.
type watchers struct {
	id      string
	notices auth.Notices // nil: there are no other gateways
	tell    func(channel string, watchers int)
	changed chan struct{}

	mu    sync.Mutex
	here  map[string]int
	there map[string]map[string]watchReport // by channel and gateway
	news  map[string]bool                   // channels of here that the others have not heard of
}

type watchReport struct {
	watchers int
	ends     time.Time
}

func newWatchers(notices auth.Notices, tell func(string, int)) *watchers {
	return &watchers{
		id: rand.Text(), notices: notices, tell: tell, changed: make(chan struct{}, 1),
		here: map[string]int{}, there: map[string]map[string]watchReport{}, news: map[string]bool{},
	}
}

// add counts streams in or out.
func (w *watchers) add(channel string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, counted := w.here[channel]; !counted && (n < 0 || len(w.here) >= maxWatched) {
		return
	}
	if w.here[channel] += n; w.here[channel] <= 0 {
		delete(w.here, channel)
	}
	w.news[channel] = true
	w.tell(channel, w.count(channel))
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// count is how many streams of a channel are not its owner's. mu is held.
func (w *watchers) count(channel string) int {
	n := w.here[channel]
	for _, report := range w.there[channel] {
		n += report.watchers
	}
	return n
}

// greet calls tell for an owner's stream that has just opened, where there is anything to be
// told.
func (w *watchers) greet(channel string, tell func(watchers int)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.count(channel); n > 0 {
		tell(n)
	}
}

// run speaks with the other gateways until ctx ends.
func (w *watchers) run(ctx context.Context) {
	if w.notices == nil {
		return
	}
	defer w.notices.Listen(w.hear)()
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
		case <-ticker.C:
			w.remember()
		}
		for _, message := range w.messages() {
			notifying, cancel := context.WithTimeout(ctx, notifyTime)
			err := w.notices.Notify(notifying, message)
			cancel()
			if err != nil {
				break // all are told again in a while
			}
		}
	}
}

// messages are what the others have not heard of.
func (w *watchers) messages() (messages [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for channel := range w.news {
		message, err := json.Marshal(notice{Watch: &watched{Gateway: w.id, Channel: channel, Watchers: w.here[channel]}})
		if err != nil {
			panic(err) // texts and numbers can be marshalled
		}
		messages = append(messages, message)
	}
	clear(w.news)
	return messages
}

// remember lets all be told again, and forgets what nobody has told for long.
func (w *watchers) remember() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for channel := range w.here {
		w.news[channel] = true
	}
	now := time.Now()
	for channel, reports := range w.there {
		before := len(reports)
		for gateway, report := range reports {
			if now.After(report.ends) {
				delete(reports, gateway)
			}
		}
		if len(reports) == before {
			continue
		}
		if len(reports) == 0 {
			delete(w.there, channel)
		}
		w.tell(channel, w.count(channel))
	}
}

// hear takes another gateway's notice.
func (w *watchers) hear(message []byte) {
	var n notice
	if json.Unmarshal(message, &n) != nil || n.Watch == nil || n.Watch.Gateway == w.id || n.Watch.Watchers < 0 || len(n.Watch.Gateway) > 64 {
		return
	}
	channel := n.Watch.Channel
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.count(channel)
	reports := w.there[channel]
	switch {
	case n.Watch.Watchers == 0:
		if delete(reports, n.Watch.Gateway); len(reports) == 0 {
			delete(w.there, channel)
		}
	case reports == nil && len(w.there) >= maxWatched:
		return
	default:
		if reports == nil {
			reports = map[string]watchReport{}
			w.there[channel] = reports
		}
		reports[n.Watch.Gateway] = watchReport{watchers: n.Watch.Watchers, ends: time.Now().Add(watchLife)}
	}
	if after := w.count(channel); after != before {
		w.tell(channel, after)
	}
}

// watching counts a stream of somebody else's channel in or out.
func (s *Server) watching(channel string, n int) {
	if s.opts.ShowWatchers {
		s.watchers.add(channel, n)
	}
}

// greet tells an owner's new stream how many others watch the channel.
func (s *Server) greet(tag any, channel string) {
	s.watchers.greet(channel, func(n int) { s.tellWatchers(func(other any) bool { return other == tag }, n) })
}

// tellOwner tells the open streams of a channel's owner how many others there are.
func (s *Server) tellOwner(channel string, n int) {
	s.tellWatchers(func(tag any) bool {
		t, ok := tag.(streamTag)
		return ok && t.own == channel
	}, n)
}

func (s *Server) tellWatchers(match func(tag any) bool, n int) {
	data, err := json.Marshal(struct {
		Watchers int `json:"watchers"`
	}{n})
	if err != nil {
		panic(err) // a number can be marshalled
	}
	s.door.Tell(match, "watch", data)
}

// Watch lets gateways tell each other who is watched, until ctx ends; with
// [Options.ShowWatchers] it has to run. At most one may.
func (s *Server) Watch(ctx context.Context) error {
	s.watchers.run(ctx)
	return nil
}
