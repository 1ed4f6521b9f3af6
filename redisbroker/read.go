package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// Read implements [loglane.Broker].
func (b *Broker) Read(ctx context.Context, channel string, from loglane.From, limit int) (loglane.Page, error) {
	view, err := b.view(ctx, channel, from, max(limit, 1))
	if err != nil {
		return loglane.Page{}, unavailable(err)
	}
	page := view.page()
	if from.Kind == loglane.FromAfter {
		page.Status, page.Missed = view.facts(b.retentionOf(channel)).Judge(from.Cursor)
		if page.Status != loglane.OK && !view.fromOldest() {
			if page, err = b.readAfterGap(ctx, channel, from.Cursor, limit, page.Status); err != nil {
				return loglane.Page{}, unavailable(err)
			}
		}
	}
	page.More = more(from, view, page)
	if err := b.noteForeignEntries(ctx, channel, view, page); err != nil {
		return loglane.Page{}, unavailable(err)
	}
	if from.Follower {
		b.subscriber.learn(channel, page.Tail.ID, view.ttl, view.asked)
	}
	return page, nil
}

// more says whether further entries follow the page in its direction.
func more(from loglane.From, view *view, page loglane.Page) bool {
	switch {
	case view.empty:
		return false
	case len(page.Entries) == 0:
		return from.Kind == loglane.FromLast || from.Kind == loglane.FromBefore && view.oldest.Cursor.ID.Less(from.Cursor.ID)
	case from.Kind == loglane.FromAfter, from.Kind == loglane.FromOldest:
		return page.Entries[len(page.Entries)-1].Cursor.ID != page.Tail.ID
	default:
		return page.Entries[0].Cursor.ID != view.oldest.Cursor.ID
	}
}

// fromOldest says whether the view begins at the oldest entry, as it does where it was to begin
// after one that is older.
func (v *view) fromOldest() bool {
	return len(v.entries) > 0 && !v.newestFirst && v.entries[0].Cursor.ID == v.oldest.Cursor.ID
}

// readAfterGap reads from the oldest entry, and judges the cursor by what is there at
// that very moment, so that what it counts as missing is exact.
func (b *Broker) readAfterGap(ctx context.Context, channel string, c loglane.Cursor, limit int, status loglane.Status) (loglane.Page, error) {
	view, err := b.view(ctx, channel, loglane.Oldest(), limit)
	if err != nil {
		return loglane.Page{}, err
	}
	page := view.page()
	page.Status, page.Missed = view.facts(b.retentionOf(channel)).Judge(c)
	if page.Status == loglane.OK {
		page.Status = status // it did not stand a moment ago; Oldest did not look at its place
	}
	return page, nil
}

// noteForeignEntries lets meta know, once a channel, of what another program wrote: only
// so can a later cursor be judged when the entries are gone.
func (b *Broker) noteForeignEntries(ctx context.Context, channel string, view *view, page loglane.Page) error {
	if view.epoch == "" || view.foreign {
		return nil
	}
	for _, entry := range page.Entries {
		if entry.Foreign() {
			return b.run(ctx, b.noteForeign, []string{metaKey(channel)}, nil).Error()
		}
	}
	return nil
}

// The places of the answers in a view's transaction.
const (
	answerTime = iota
	answerMeta
	answerStream
	answerTTL
	answerAt
	answerRange
	answers
)

// lastID is the highest place that a cursor can name.
var lastID = loglane.ID{Ms: math.MaxUint64, Seq: math.MaxUint64}

// view asks Redis for all that a page and a judgement need, at one moment.
func (b *Broker) view(ctx context.Context, channel string, from loglane.From, limit int) (*view, error) {
	stream, asked := b.layout.streamKey(channel), now()
	var reply []rueidis.RedisMessage
	err := b.at(ctx, stream, func(client rueidis.Client) error {
		if isAsking(client) {
			return errUnderWay
		}
		commands, err := streamCommands(client.B(), stream, from, limit)
		if err != nil {
			return err
		}
		commands = slices.Insert(commands, answerMeta, metaCommand(client.B(), channel))
		if reply, err = transact(ctx, client, commands); underWay(err) {
			return errUnderWay
		}
		return err
	})
	if errors.Is(err, errUnderWay) {
		reply, err = b.viewUnderWay(ctx, channel, from, limit)
	}
	if err != nil {
		return nil, err
	}
	if len(reply) != answers {
		return nil, fmt.Errorf("read: a transaction with %d answers", len(reply))
	}
	v := &view{asked: asked, newestFirst: from.Kind == loglane.FromBefore || from.Kind == loglane.FromLast}
	return v, v.parse(reply)
}

func metaCommand(build rueidis.Builder, channel string) rueidis.Completed {
	return build.Hmget().Key(metaKey(channel)).Field("e", "n", "l", "f").Build()
}

// streamCommands are what is asked of the stream alone, and the time.
func streamCommands(build rueidis.Builder, stream string, from loglane.From, limit int) ([]rueidis.Completed, error) {
	count, at := int64(limit), "0-0"
	if from.Kind == loglane.FromAfter {
		at = from.Cursor.ID.String()
	}
	var entries rueidis.Completed
	nothing := func() rueidis.Completed { return build.Xrange().Key(stream).Start("0-0").End("0-0").Build() } // no entry has that id
	switch from.Kind {
	case loglane.FromAfter:
		entries = build.Xrange().Key(stream).Start("(" + at).End("+").Count(count).Build()
		if from.Cursor.ID == lastID { // Redis refuses a range that begins beyond it
			entries = nothing()
		}
	case loglane.FromOldest:
		entries = build.Xrange().Key(stream).Start("-").End("+").Count(count).Build()
	case loglane.FromBefore:
		entries = build.Xrevrange().Key(stream).End("(" + from.Cursor.ID.String()).Start("-").Count(count).Build()
		if from.Cursor.ID.IsZero() { // and one that ends before it
			entries = nothing()
		}
	case loglane.FromLast:
		entries = build.Xrevrange().Key(stream).End("+").Start("-").Count(int64(min(limit, from.N))).Build()
		if from.N <= 0 { // and a COUNT of 0
			entries = nothing()
		}
	default:
		return nil, fmt.Errorf("read: an unknown kind of place %d", from.Kind)
	}
	return []rueidis.Completed{
		build.Time().Build(),
		build.XinfoStream().Key(stream).Build(),
		build.Pttl().Key(stream).Build(),
		build.Xrange().Key(stream).Start(at).End(at).Build(),
		entries,
	}, nil
}

// transact runs commands at one moment, and returns their answers.
func transact(ctx context.Context, client rueidis.Client, commands []rueidis.Completed) ([]rueidis.RedisMessage, error) {
	results := client.DoMulti(ctx, slices.Concat([]rueidis.Completed{client.B().Multi().Build()}, commands, []rueidis.Completed{client.B().Exec().Build()})...)
	reply, err := results[len(results)-1].ToArray()
	if err == nil {
		return reply, nil
	}
	for _, result := range results { // the first fault is the one that says why
		if cause := result.Error(); cause != nil {
			return nil, cause
		}
	}
	return nil, err
}

func parseNumber(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0 // not written by us
	}
	return n
}

// parseEntry reads an entry; only one with our fields is ours.
func parseEntry(raw rueidis.XRangeSlice, epoch string) (loglane.Entry, error) {
	id, err := loglane.ParseID(raw.ID)
	if err != nil {
		return loglane.Entry{}, err
	}
	entry := loglane.Entry{Cursor: loglane.Cursor{Epoch: epoch, ID: id}}
	var number, prev, source string
	for _, field := range raw.FieldValues {
		switch field.Field {
		case "data":
			entry.Data = []byte(field.Value)
		case "n":
			number = field.Value
		case "p":
			prev = field.Value
		case "s":
			source = field.Value
		}
	}
	producer, k, found := strings.Cut(source, ":")
	before, err := loglane.ParseID(prev)
	if n := parseNumber(number); found && err == nil && n > 0 && n <= loglane.MaxNumber && parseNumber(k) > 0 && loglane.ValidProducer(producer) {
		entry.Cursor.N, entry.Prev = n, before
		entry.Cursor.Src = loglane.NewSrc(producer, parseNumber(k))
	}
	return entry, nil
}
