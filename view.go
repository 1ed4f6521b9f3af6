package loglane

import "github.com/loglane/loglane/internal/sse"

// maxViews bounds what an item keeps for those who may not see all of it; further ones
// displace the oldest.
const maxViews = 4

// A view is what is left of a line for viewers who may see some members only, encoded once
// for all of them.
type view struct {
	members string // the key of the members
	seen    *item  // the line itself where they show all of it, nil where nothing
}

// cost is what a view holds in memory beyond its line.
func (v view) cost(whole *item) int {
	if v.seen == nil || v.seen == whole {
		return 0
	}
	return v.seen.size()
}

// A holder is what counts an item's memory, with its views; zero is nobody.
type holder struct {
	ring  bool
	page  *sharedPage
	views int // their cost
}

// seenBy makes what is left of a line, nil where that is nothing.
func (i *item) seenBy(m *Members) *item {
	payload := i.payload()
	if i.text {
		if m.ofText(payload) {
			return i
		}
		return nil
	}
	record := m.ofRecord(payload)
	switch {
	case record == nil:
		return nil
	case len(record) == len(payload):
		return i
	}
	seen := &item{kind: i.kind, cursor: i.cursor, had: i.had, dataAt: i.dataAt, whole: i}
	frame := append(make([]byte, 0, i.dataAt+len("data: ")+len(record)+2), i.frame[:i.dataAt]...)
	seen.frame = sse.AppendEvent(frame, "", "", record)
	return seen
}

// view returns what the item has of a view already.
func (i *item) view(m *Members) (v view, known bool) {
	all := i.views.Load()
	if all == nil {
		return view{}, false
	}
	for _, v := range *all {
		if v.members == m.key {
			return v, true
		}
	}
	return view{}, false
}

// seen returns what is left of a line for those who may see some members only, nil where
// that is nothing. Viewers of one view wait for the one who makes it, and nobody else does.
func (f *feed) seen(i *item, m *Members) *item {
	if i.whole != nil {
		return i
	}
	if v, known := i.view(m); known {
		return v.seen
	}
	f.viewing.Lock()
	defer f.viewing.Unlock()
	if v, known := i.view(m); known {
		return v.seen
	}
	v := view{members: m.key, seen: i.seenBy(m)}
	f.keepView(i, v)
	return v.seen
}

// keepView keeps a view with its line, where the line itself is kept for others.
func (f *feed) keepView(i *item, v view) {
	f.mu.Lock()
	defer f.mu.Unlock()
	inPage := i.held.page != nil && !i.held.page.gone
	if !i.held.ring && !inPage {
		return
	}
	var all []view
	if old := i.views.Load(); old != nil {
		all = *old
	}
	grown := v.cost(i)
	for len(all) >= maxViews {
		grown -= all[0].cost(i)
		all = all[1:]
	}
	all = append(append(make([]view, 0, len(all)+1), all...), v)
	i.views.Store(&all)
	i.held.views += grown
	before := f.ring.cost + f.shared.cost
	if i.held.ring {
		f.ring.cost += grown
	} else {
		i.held.page.cost += grown
		f.shared.cost += grown
		f.shared.trim()
	}
	f.hub.charge(f.ring.cost + f.shared.cost - before)
}
