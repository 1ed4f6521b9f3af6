package tail

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane/internal/sse"
)

const (
	historyPath = "api/v1/logs"
	historyPage = 1000
	historyType = "application/x-ndjson"
)

// readHistory shows what was stored within the options' times, and leaves the cursor where
// the stream goes on without a line twice or missing.
func (r *Reader) readHistory(ctx context.Context) error {
	since := r.opts.Start.Since
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	r.floor = uint64(max(since.UnixMilli(), 0))
	query := r.opts.query()
	query.Set("since", since.UTC().Format(time.RFC3339Nano))
	if !r.opts.Until.IsZero() {
		query.Set("until", r.opts.Until.UTC().Format(time.RFC3339Nano))
	}
	query.Set("limit", strconv.Itoa(historyPage))
	for query != nil {
		var next url.Values
		err := r.persist(ctx, func(ctx context.Context) (err error) {
			next, err = r.historyPage(ctx, query)
			return err
		})
		if err != nil {
			return err
		}
		query = next
	}
	if r.cursor == "" { // nothing was there, and the stream is to begin before whatever came since
		r.cursor = "0"
		return nil
	}
	r.floor = 0 // the stream goes on after it: what comes is newer, also where this clock is fast
	return nil
}

// historyPage shows one page and returns the query of the next one, nil after the last. A
// page that is read again shows nothing twice.
func (r *Reader) historyPage(ctx context.Context, query url.Values) (next url.Values, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, err := r.open(ctx, cancel, historyPath, query, historyType)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	lines := bufio.NewReaderSize(body, 64<<10)
	for {
		line, err := readLine(lines)
		switch {
		case errors.Is(err, io.EOF):
			if err := r.heard(false); err != nil {
				return nil, err
			}
			return nextQuery(body.header.Values("Link")), nil
		case err != nil:
			return nil, r.ended(ctx, err, farewell{})
		}
		if err := r.takeHistory(line); err != nil {
			return nil, err
		}
	}
}

// errHalfLine is a page that ends within a line.
var errHalfLine = fmt.Errorf("half a line: %w", io.ErrUnexpectedEOF)

// readLine reads a line of at most maxEvent bytes without its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := r.ReadSlice('\n')
		if err == nil && long == nil {
			return part[:len(part)-1], nil
		}
		long = append(long, part...)
		switch {
		case err == nil:
			return long[:len(long)-1], nil
		case len(long) > maxEvent:
			return nil, sse.ErrTooLong
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(long) > 0:
			return nil, errHalfLine
		default:
			return nil, err
		}
	}
}

// takeHistory shows one line of a page.
func (r *Reader) takeHistory(line []byte) error {
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	var entry struct {
		ID     string
		Event  string
		Record json.RawMessage
		Data   json.RawMessage
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return fmt.Errorf("the history has a line that cannot be read: %w", err)
	}
	if entry.ID != "" {
		r.move(entry.ID)
	}
	switch {
	case entry.Event == "gap":
		gap := gapOf(entry.Data)
		gap.ID = entry.ID
		if gap.ID != "" && gap.ID == r.gapTold { // its page was cut, and is read again
			return nil
		}
		r.gapTold = gap.ID
		return r.viewer.Gap(gap)
	case entry.Event == "" && entry.Record != nil:
		return r.line(Line{ID: entry.ID, Data: entry.Record})
	}
	return nil
}

// nextQuery is the query of a Link header's rel="next"; nil where there is none. Only the
// query is taken, so that a link cannot lead the token elsewhere.
func nextQuery(links []string) url.Values {
	for _, link := range links {
		for {
			_, rest, found := strings.Cut(link, "<")
			if !found {
				break
			}
			target, rest, _ := strings.Cut(rest, ">")
			params, _, _ := strings.Cut(rest, "<")
			params, _, _ = strings.Cut(params, ",")
			if isNext(params) {
				if next, err := url.Parse(target); err == nil {
					return next.Query()
				}
			}
			link = rest
		}
	}
	return nil
}

func isNext(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(name, "rel") && strings.EqualFold(strings.Trim(value, `"`), "next") {
			return true
		}
	}
	return false
}
