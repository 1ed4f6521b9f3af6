package redisbroker

import (
	"fmt"
	"slices"
	"time"

	"github.com/redis/rueidis"

	"github.com/loglane/loglane"
)

// now is the process's own clock, for spans of time only.
func now() time.Time { return time.Now() }

// A view is what Redis says of a channel at one moment.
type view struct {
	asked       time.Time
	newestFirst bool

	clock   uint64 // Redis' own, Unix milliseconds
	epoch   string
	n       uint64
	last    loglane.ID
	foreign bool

	empty  bool
	intact bool
	purged bool // the stream is there and has no entries
	oldest loglane.Entry
	tail   loglane.Cursor
	ttl    time.Duration // negative: the stream has none or is gone
	at     *loglane.Entry

	entries []loglane.Entry
}

func (v *view) parse(reply []rueidis.RedisMessage) error {
	for _, step := range []func([]rueidis.RedisMessage) error{v.parseMeta, v.parseStream, v.parseEntries} {
		if err := step(reply); err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
	return nil
}

func (v *view) parseMeta(reply []rueidis.RedisMessage) error {
	clock, err := reply[answerTime].AsStrSlice()
	if err != nil || len(clock) != 2 {
		return fmt.Errorf("an answer to TIME of %d parts: %w", len(clock), err)
	}
	v.clock = parseNumber(clock[0])*1000 + parseNumber(clock[1])/1000
	fields, err := metaFields(reply[answerMeta])
	if err != nil {
		return err
	}
	v.epoch, v.n, v.foreign = fields[0], parseNumber(fields[1]), fields[3] == "1"
	v.last, _ = loglane.ParseID(fields[2]) // "" before the first line
	return nil
}

// metaFields are e, n, l and f, each "" where it is missing.
func metaFields(reply rueidis.RedisMessage) ([]string, error) {
	meta, err := reply.ToArray()
	if err != nil {
		return nil, err
	}
	fields := make([]string, 4)
	for i := range min(len(meta), len(fields)) {
		if !meta[i].IsNil() {
			fields[i], _ = meta[i].ToString() // hash values are strings
		}
	}
	return fields, nil
}

func (v *view) parseStream(reply []rueidis.RedisMessage) error {
	ttl, err := reply[answerTTL].AsInt64()
	if err != nil {
		return err
	}
	v.ttl = time.Duration(ttl) * time.Millisecond
	v.tail = loglane.Cursor{Epoch: v.epoch}
	if err := reply[answerStream].Error(); err != nil {
		if ttl != -2 { // there is a key, and it is no stream
			return err
		}
		v.empty, v.intact = true, true
		return nil
	}
	info, err := reply[answerStream].AsMap()
	if err != nil {
		return err
	}
	length, err := number(info, "length")
	if err != nil {
		return err
	}
	v.empty, v.purged = length == 0, length == 0
	if added, err := number(info, "entries-added"); err == nil {
		v.intact = added == length
	} else { // before Redis 7: what may not have been trimmed yet
		v.intact = length < 100
	}
	if v.empty {
		return nil
	}
	if v.oldest, err = v.infoEntry(info, "first-entry"); err != nil {
		return err
	}
	newest, err := v.infoEntry(info, "last-entry")
	v.tail = newest.Cursor
	return err
}

func number(info map[string]rueidis.RedisMessage, name string) (int64, error) {
	m, ok := info[name]
	if !ok {
		return 0, fmt.Errorf("XINFO STREAM does not tell %s", name)
	}
	return m.AsInt64()
}

func (v *view) infoEntry(info map[string]rueidis.RedisMessage, name string) (loglane.Entry, error) {
	m := info[name]
	raw, err := m.AsXRangeSlice()
	if err != nil {
		return loglane.Entry{}, err
	}
	return parseEntry(raw, v.epoch)
}

func (v *view) parseEntries(reply []rueidis.RedisMessage) error {
	if v.empty {
		return nil
	}
	at, err := reply[answerAt].AsXRangeSlices()
	if err != nil {
		return err
	}
	if len(at) == 1 {
		entry, err := parseEntry(at[0], v.epoch)
		if err != nil {
			return err
		}
		v.at = &entry
	}
	raw, err := reply[answerRange].AsXRangeSlices()
	if err != nil {
		return err
	}
	v.entries = make([]loglane.Entry, 0, len(raw))
	for _, r := range raw {
		entry, err := parseEntry(r, v.epoch)
		if err != nil {
			return err
		}
		v.entries = append(v.entries, entry)
	}
	if v.newestFirst {
		slices.Reverse(v.entries)
	}
	return nil
}

func (v *view) facts(keep loglane.Retention) loglane.Facts {
	return loglane.Facts{
		Epoch: v.epoch, N: v.n, Last: v.last, Foreign: v.foreign,
		Empty: v.empty, Oldest: v.oldest, At: v.at, Intact: v.intact, Purged: v.purged,
		Now: v.clock, TTL: keep.TTL,
	}
}

func (v *view) page() loglane.Page {
	return loglane.Page{
		Entries: v.entries, Epoch: v.epoch, Tail: v.tail, Now: v.clock,
		Floor: v.facts(loglane.Retention{}).Floor(),
	}
}
