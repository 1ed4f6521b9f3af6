package tail

import (
	"encoding/json"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// take shows one event of the stream.
func (r *Reader) take(event sse.Event, bye *farewell) error {
	if event.Retry >= 0 {
		bye.retry = event.Retry
		r.waits.retry(event.Retry)
	}
	placed := event.HasID && sse.ValidID(event.ID)
	if placed {
		bye.placed = true
		r.move(event.ID)
	}
	if placed || event.HasData && event.Type == "message" {
		if err := r.heard(event.Type == "gap"); err != nil {
			return err
		}
	}
	switch {
	case !event.HasData:
		if placed {
			r.unplaced.passed()
		}
		return nil
	case event.Type == "message":
		line := Line{Data: event.Data}
		if placed {
			line.ID = event.ID
		}
		return r.line(line)
	case event.Type == "gap":
		r.unplaced.passed()
		gap := gapOf(event.Data)
		if placed {
			gap.ID = event.ID
		}
		return r.viewer.Gap(gap)
	default:
		return r.notice(event, bye)
	}
}

// notice tells of what concerns the connection.
func (r *Reader) notice(event sse.Event, bye *farewell) error {
	var data struct{ Reason, Upstream string }
	_ = json.Unmarshal(event.Data, &data) // what cannot be read says nothing
	switch event.Type {
	case "status":
		if err := r.viewer.Flush(); err != nil {
			return err
		}
		if data.Upstream == "down" {
			r.viewer.Notice("the gateway has lost its broker: lines come when it is back")
		} else {
			r.viewer.Notice("the gateway has its broker again")
		}
	case "watch":
		return r.watched(event.Data)
	case "auth":
		bye.auth, r.loginEnd = true, data.Reason
	case "bye":
		bye.bye = true
	}
	return nil
}

// watched tells how many others watch the channel, where that has changed; what cannot be
// read is nobody.
func (r *Reader) watched(data []byte) error {
	var fields struct{ Watchers int }
	if json.Unmarshal(data, &fields) != nil || fields.Watchers < 0 {
		fields.Watchers = 0
	}
	if fields.Watchers == r.watchers {
		return nil
	}
	r.watchers = fields.Watchers
	if err := r.viewer.Flush(); err != nil {
		return err
	}
	r.viewer.Watched(r.watchers)
	return nil
}

// move notes the place after which the next line comes.
func (r *Reader) move(id string) {
	if placeOf(id) != placeOf(r.cursor) {
		r.unplaced.moved()
	}
	r.cursor = id
}

// placeOf is where an id is in the channel; the zero one for what is no id.
func placeOf(id string) loglane.ID {
	c, _ := loglane.ParseCursor(id)
	return c.ID
}

// line shows a line unless it was shown before.
func (r *Reader) line(line Line) error {
	if line.ID == "" {
		if !r.unplaced.arrived(line.Data) {
			return nil
		}
		return r.viewer.Line(line)
	}
	cursor, err := loglane.ParseCursor(line.ID)
	if err != nil { // nothing is known of its identity
		return r.viewer.Line(line)
	}
	fresh := r.seen.add(identityOf(cursor))
	if cursor.Src.IsZero() { // a line with a src had its id from the start
		fresh = r.unplaced.placed(line.Data) && fresh
	} else {
		r.unplaced.passed()
	}
	if !fresh || cursor.ID.Ms < r.floor {
		return nil
	}
	return r.viewer.Line(line)
}

// gapOf reads a gap; what cannot be read is not known.
func gapOf(data []byte) Gap {
	var fields struct {
		Reason string
		Missed *int64
	}
	gap := Gap{Reason: "unknown", Missed: -1, Data: data}
	_ = json.Unmarshal(data, &fields)
	if fields.Reason != "" {
		gap.Reason = fields.Reason
	}
	if fields.Missed != nil && *fields.Missed >= 0 {
		gap.Missed = *fields.Missed
	}
	return gap
}
