package loglane

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/loglane/loglane/internal/jsonscan"
)

// A Grant is what a caller of [Hub.Stream] lets a request see.
type Grant struct {
	// Channel is the channel to stream, as [ChannelName] and [Template.Channel] name it.
	Channel string
	// Floor hides lines below a level, whatever the request asks for; nil hides nothing.
	// A line without a level counts as INFO; one whose level nobody knows is hidden.
	Floor *Level
	// Members are those of a record that may be seen; nil shows all. What is hidden cannot
	// be searched for or filtered by either.
	Members *Members
	// Expires ends the stream with an auth event; zero is never.
	Expires time.Time
	// Check says whether the grant still stands. It is asked once the stream is open, at least
	// every 30 s, and after an outage of the broker before the first line. A [*StatusError] with code 401 or 403
	// ends the stream; while any other error lasts, the stream stays and no line is
	// sent. nil never ends the stream.
	Check func(context.Context) error
	// Opened is called once a stream is about to send its first byte, and Ended once such a
	// stream has ended; nil is not called. Neither is for a search of the history.
	Opened func()
	Ended  func(Ended)
	// Tag is what [Hub.End] finds the stream by.
	Tag any
}

// Ended is how a stream has been.
type Ended struct {
	Lines  int64         // that were sent to the viewer
	Open   time.Duration // from its first byte on
	Reason string        // why it ended: "auth: " or "bye: " and what the event said, or "gone"
}

// A StatusError is an HTTP answer instead of a stream.
type StatusError struct {
	Code       int           // such as 401
	Message    string        // for the caller, without secrets; answered as JSON {"error":…}
	RetryAfter time.Duration // header Retry-After, rounded up to seconds; 0 is none
	Location   string        // of a redirect
	Limit      string        // the setting whose limit is reached, such as max-streams: header Loglane-Limit, member limit; "" is none
}

func (e *StatusError) Error() string { return e.Message }

// Write answers a request with the error.
func (e *StatusError) Write(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if e.Limit != "" {
		header.Set("Loglane-Limit", e.Limit)
	}
	if e.Location != "" {
		header.Set("Location", e.Location)
		w.WriteHeader(e.Code)
		return
	}
	body := jsonscan.Quote(e.Message)
	if e.Limit != "" {
		body = append(append(body, `,"limit":`...), jsonscan.Quote(e.Limit)...)
	}
	body = append(body, "}\n"...)
	header.Set("Content-Type", "application/json")
	w.WriteHeader(e.Code)
	_, _ = w.Write(append([]byte(`{"error":`), body...)) // a caller that has gone needs no answer
}
