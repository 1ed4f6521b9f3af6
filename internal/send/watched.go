package send

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// noticeEvery is how often another trouble is told while the gateway is away, at most.
const noticeEvery = 10 * time.Second

// A DeniedError says that the gateway does not know the token, or lets it not write to
// the channel.
type DeniedError struct {
	Forbidden bool // it is known
	text      string
}

func (e *DeniedError) Error() string { return e.text }

// A watched gateway tells how it goes, and ends the run where the token is refused before
// anything was taken: later it may be a token that is being changed.
type watched struct {
	*logship.Gateway
	url, context string
	notice       func(string)
	deny         context.CancelCauseFunc

	mu       sync.Mutex
	taken    bool   // something was, so the token was right
	away     string // why nothing is taken; "" if something is
	since    time.Time
	told     time.Time
	rejected string // why the first rejected line was
}

// Append implements [logship.Sink].
func (w *watched) Append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	receipt, err := w.Gateway.Append(ctx, channel, b)
	if !errors.Is(err, context.Canceled) { // what ends the run is no trouble of the gateway's
		w.judge(err)
	}
	return receipt, err
}

func (w *watched) judge(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rejection, ok := errors.AsType[*logship.RejectedError](err); ok {
		if w.rejected == "" && len(rejection.Lines) > 0 {
			w.rejected = rejection.Lines[0].Reason
		}
		err = nil
	}
	if _, refused := errors.AsType[*loglane.RefusedError](err); refused {
		err = nil
	}
	if err == nil {
		w.answers()
		return
	}
	denied := w.denial(err)
	if denied != nil && !w.taken {
		w.away = denied.Error()
		w.deny(denied)
		return
	}
	text := err.Error()
	if denied != nil {
		text = denied.Error()
	}
	w.fails(text)
}

func (w *watched) answers() {
	w.taken = true
	if w.away != "" {
		w.away = ""
		w.notice(fmt.Sprintf("the gateway takes lines again, after %v", time.Since(w.since).Round(100*time.Millisecond)))
	}
}

func (w *watched) fails(text string) {
	now := time.Now()
	if w.away == "" {
		w.since = now
	}
	if w.away == "" || w.away != text && now.Sub(w.told) >= noticeEvery {
		w.told = now
		w.notice(text + "; lines wait and are sent again")
	}
	w.away = text
}

// denial is err in the words of the command line, if the token is what is wrong.
func (w *watched) denial(err error) *DeniedError {
	answer, ok := errors.AsType[*logship.GatewayError](err)
	if !ok {
		return nil
	}
	said := ""
	if answer.Reason != "" {
		said = " (" + answer.Reason + ")"
	}
	switch answer.Status {
	case http.StatusUnauthorized:
		return &DeniedError{text: fmt.Sprintf("the gateway at %s does not know the token%s: set --token-file or $LOGLANE_TOKEN to one that 'loglane token create --scope write' printed", w.url, said)}
	case http.StatusForbidden:
		return &DeniedError{Forbidden: true, text: fmt.Sprintf("the token may not write to the channel %s%s: make one with 'loglane token create --scope write --channel %s'", w.context, said, w.context)}
	}
	return nil
}

// trouble is why nothing is taken, as far as known.
func (w *watched) trouble() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away == "" {
		return "there was not enough time"
	}
	return w.away
}

func (w *watched) rejection() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rejected
}
