package loglane

import (
	"context"
	"slices"
)

// readPage is the one way to the broker's history.
func (h *Hub) readPage(ctx context.Context, channel string, from From, limit int) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	h.stats.reads.Add(1)
	return h.broker.Read(ctx, channel, from, limit)
}

// readBack reads the newest entries, from.N at most and about 1 MiB of them. more says that
// there are older ones.
func (h *Hub) readBack(ctx context.Context, channel string, from From) (newest Page, entries []Entry, more bool, err error) {
	n := from.N
	from.N = min(readLimit, n)
	var pages [][]Entry
	count, size := 0, 0
	for {
		page, err := h.readPage(ctx, channel, from, min(readLimit, n-count))
		if err != nil {
			return newest, nil, false, err
		}
		if pages == nil {
			newest = page
		}
		pages = append(pages, page.Entries)
		count += len(page.Entries)
		for _, entry := range page.Entries {
			size += len(entry.Data)
		}
		more = page.More
		if !more || count >= n || size >= ringBytes || len(page.Entries) == 0 {
			break
		}
		from = Before(page.Entries[0].Cursor)
	}
	entries = make([]Entry, 0, count)
	for _, page := range slices.Backward(pages) {
		entries = append(entries, page...)
	}
	for size > ringBytes && len(entries) > 1 {
		size -= len(entries[0].Data)
		entries, more = entries[1:], true
	}
	return newest, entries, more, nil
}
