package logship

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

const (
	maxAnswer = 1 << 20 // bytes of an answer that are read
	maxReason = 300     // bytes of what a gateway says that errors show
)

// A GatewayError is an answer of a gateway, or of something before it, that did not take
// a request.
type GatewayError struct {
	URL    string        // of the gateway
	Status int           // of HTTP
	Reason string        // what the answer says, if it says anything; in one line, and bounded
	Wait   time.Duration // what its Retry-After says; 0 is nothing
	mend   string
}

func (e *GatewayError) Error() string {
	text := "the gateway at " + e.URL + " " + e.said()
	if e.mend != "" {
		text += ": " + e.mend
	}
	return text
}

// said is the part of it that those may read who see the channel.
func (e *GatewayError) said() string {
	if e.Reason == "" {
		return fmt.Sprintf("answers %d", e.Status)
	}
	return fmt.Sprintf("answers %d (%s)", e.Status, e.Reason)
}

// RetryAfter implements [Delayed].
func (e *GatewayError) RetryAfter() time.Duration { return e.Wait }

// A stored answer says what became of a request's lines.
type storedAnswer struct {
	Duplicates int    `json:"duplicates"`
	After      string `json:"after"` // "<k in the channel>,<k in the global one>"
	Rejected   []struct {
		Line  int    `json:"line"` // from 1
		Error string `json:"error"`
	} `json:"rejected"`
}

type refusal struct {
	Channel string  `json:"channel"` // a context
	After   *uint64 `json:"after"`
}

// take reads the answer to a run.
func (d *delivery) take(response *http.Response, run []loglane.Line) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("the answer of the gateway at %s broke off: %w", d.gateway.base, err)
	}
	switch response.StatusCode {
	case http.StatusOK:
		return d.stored(body, run)
	case http.StatusConflict:
		var r refusal
		if json.Unmarshal(body, &r) == nil && r.After != nil {
			if r.Channel == loglane.GlobalContext {
				d.gateway.remember(d.producer, *r.After)
			}
			return &loglane.RefusedError{Channel: d.channel, After: *r.After}
		}
	case http.StatusUnauthorized:
		d.gateway.token.reload()
	}
	return d.failure(response, body)
}

func (d *delivery) stored(body []byte, run []loglane.Line) error {
	var answer storedAnswer
	err := json.Unmarshal(body, &answer)
	channel, global, ok := parseAfter(answer.After)
	if err != nil || !ok {
		return fmt.Errorf("what answers at %s is no gateway, or one that does not number lines: is the URL the gateway's, with its --base-path?", d.gateway.base)
	}
	rejected := make(map[int]string, len(answer.Rejected))
	for _, r := range answer.Rejected {
		if r.Line < 1 || r.Line > len(run) {
			return fmt.Errorf("the gateway at %s rejects line %d of %d", d.gateway.base, r.Line, len(run))
		}
		rejected[r.Line-1] = d.gateway.clean(r.Error)
	}
	last := d.after
	for i, l := range run {
		if reason, is := rejected[i]; is {
			d.rejected = append(d.rejected, RejectedLine{K: l.K, Reason: reason})
		} else {
			last = l.K
		}
	}
	if channel < last {
		return fmt.Errorf("the gateway at %s has the lines only up to number %d after it took those up to %d", d.gateway.base, channel, last)
	}
	d.after = last
	d.receipt.K = max(d.receipt.K, channel)
	d.receipt.Stored += max(len(run)-len(rejected)-answer.Duplicates, 0)
	d.receipt.Duplicates += answer.Duplicates
	d.gateway.remember(d.producer, global)
	return nil
}

// parseAfter reads "<k in the channel>,<k in the global one>".
func parseAfter(s string) (channel, global uint64, ok bool) {
	first, second, _ := strings.Cut(s, ",")
	channel, err := strconv.ParseUint(first, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	global, err = strconv.ParseUint(second, 10, 64)
	return channel, global, err == nil
}

// failure is the error of an answer that takes nothing, with what mends it.
func (d *delivery) failure(response *http.Response, body []byte) error {
	e := &GatewayError{URL: d.gateway.base, Status: response.StatusCode, Wait: waitOf(response.Header.Get("Retry-After"))}
	var said struct{ Error string }
	if json.Unmarshal(body, &said) == nil {
		e.Reason = d.gateway.clean(said.Error)
	}
	context := loglane.ContextOf(d.channel)
	switch e.Status {
	case http.StatusUnauthorized:
		e.mend = "set GatewayOptions.Token or TokenFile to a token that 'loglane token create --scope write' printed"
	case http.StatusForbidden:
		e.mend = fmt.Sprintf("the token may not write to %s: make one with 'loglane token create --scope write --channel %s'", context, context)
	case http.StatusRequestEntityTooLarge:
		e.mend = "raise the gateway's --max-ingest-bytes, or lower Options.MaxLine"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		e.mend = "is the URL the gateway's, with its --base-path?"
	}
	if to, err := response.Location(); err == nil && e.Status/100 == 3 {
		to.User, to.RawQuery = nil, ""
		e.mend = "it leads to " + d.gateway.clean(to.String()) + ", and redirects are not followed: set the URL to the gateway's own"
	}
	return e
}

// waitOf reads a Retry-After: seconds, or a date.
func waitOf(value string) time.Duration {
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(n, 0), 3600)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(time.Until(at), 0), time.Hour)
	}
	return 0
}

// clean makes what came over the wire fit for an error: one line, bounded, and without
// the token, which a careless proxy may have sent back.
func (g *Gateway) clean(text string) string {
	secret := g.token.get()
	text = strings.NewReplacer(secret, "[token]", url.QueryEscape(secret), "[token]").Replace(text)
	text = strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	if cut, is := loglane.CutText([]byte(text), maxReason); is {
		return string(cut)
	}
	return text
}
