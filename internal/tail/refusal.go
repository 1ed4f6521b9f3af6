package tail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What a [Reader] gives up for; the text of the error that wraps it says more.
var (
	ErrNotAuthenticated = errors.New("not authenticated")
	ErrForbidden        = errors.New("forbidden")
	ErrRejected         = errors.New("the gateway does not take this")
	ErrLost             = errors.New("the connection is lost")
)

// A loss is the end of a try that may be made again.
type loss struct {
	reason string
	wait   time.Duration // what the gateway asked for
	asked  bool
}

func (l *loss) Error() string { return l.reason }

// refused returns why an answer is not the one that was asked for; a [*loss] may go away.
// early says that nothing has come from this address yet: what is not there then will
// hardly come.
func refused(resp *http.Response, kind string, early bool) error {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	code := resp.StatusCode
	switch {
	case code == http.StatusOK && media == kind:
		return nil
	case code == http.StatusUnauthorized:
		return fmt.Errorf("%w: %s", ErrNotAuthenticated, words(resp, media))
	case code == http.StatusFound, code == http.StatusSeeOther:
		return fmt.Errorf("%w: the answer leads to a login page", ErrNotAuthenticated)
	case code >= 300 && code < 400:
		return fmt.Errorf("the gateway is elsewhere, its answer leads to %.200q: take that as its URL", resp.Header.Get("Location"))
	case code == http.StatusForbidden:
		return fmt.Errorf("%w: %s", ErrForbidden, words(resp, media))
	case code == http.StatusBadRequest:
		return fmt.Errorf("%w: %s", ErrRejected, words(resp, media))
	case code == http.StatusOK:
		if media == "text/plain" { // such as that streaming is switched off
			return errors.New(words(resp, media))
		}
		return fmt.Errorf("what answers at %s is no Loglane gateway: is the URL right, with its base path?", resp.Request.URL.Redacted())
	case code >= 400 && code < 500 && code != http.StatusTooManyRequests && code != http.StatusRequestTimeout && early:
		return fmt.Errorf("%s answers %s: is the URL right, with its base path?", resp.Request.URL.Redacted(), resp.Status)
	}
	wait, asked := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	return &loss{reason: words(resp, media), wait: wait, asked: asked}
}

// maxWords bounds what is read of an answer that is an error.
const maxWords = 4 << 10

// words are the gateway's own: the error of a JSON answer or a short text, else the status.
func words(resp *http.Response, media string) string {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxWords)) // half of the words is better than none
	text := strings.TrimSpace(string(body))
	switch media {
	case "application/json":
		var answer struct{ Error string }
		if json.Unmarshal(body, &answer) == nil {
			text = answer.Error
		}
	case "text/plain":
	default:
		text = ""
	}
	if text == "" {
		return "the gateway answers " + resp.Status
	}
	return strings.ToValidUTF8(text[:min(len(text), 300)], "")
}

// retryAfter reads the header, seconds or a date.
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(header), 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, longestAsked), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), longestAsked), true
	}
	return 0, false
}
