package logship

import (
	"log/slog"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// An encoder makes records. It is used by one call at a time.
type encoder struct {
	head  []byte
	attrs attrs
	list  []slog.Attr
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// maxPooled keeps one huge record from staying in memory.
const maxPooled = 64 << 10

func (e *encoder) free() {
	if cap(e.head)+cap(e.attrs.buf) <= maxPooled {
		encoders.Put(e)
	}
}

// encode returns the record of r as Loglane stores it, in its own bytes.
func (o *Options) encode(r slog.Record, p *prefix, context string) []byte {
	e := encoders.Get().(*encoder)
	defer e.free()
	limit := 2 * o.MaxLine
	e.attrs.reset(p, limit, o.ReplaceAttr)
	e.writeAttrs(r, p.waiting)
	e.head = e.head[:0]
	o.writeHead(e, r)
	e.head = appendString(append(e.head, `,"context":`...), context)
	size := len(e.head) + len(`,"attrs":`) + len(e.attrs.buf) + 1
	record := append(make([]byte, 0, size), e.head...)
	if len(e.attrs.buf) > 1 {
		record = append(append(record, `,"attrs":`...), e.attrs.buf...)
	}
	record = o.clean(append(record, '}'))
	if len(record) > o.MaxLine {
		return loglane.NewRecord(record, o.MaxLine)
	}
	return record
}

// writeAttrs leaves the finished object in e.attrs.buf: "{" alone where it is empty.
func (e *encoder) writeAttrs(r slog.Record, waiting []string) {
	w := &e.attrs
	if r.NumAttrs() > 0 {
		r.Attrs(func(a slog.Attr) bool {
			e.list = append(e.list, a)
			return true
		})
		w.within(waiting, e.list)
		clear(e.list)
		e.list = e.list[:0]
	}
	if len(w.buf) == 1 {
		return
	}
	for range w.objects {
		w.buf = append(w.buf, '}')
	}
}

// writeHead writes what stands before the context.
func (o *Options) writeHead(e *encoder, r slog.Record) {
	var source *slog.Source
	if o.AddSource {
		source = r.Source()
	}
	if o.ReplaceAttr != nil {
		o.writeReplaced(e, r, source)
	} else {
		e.head = appendString(append(e.head, `{"message":`...), r.Message)
		e.head = appendLevel(append(e.head, `,"level":`...), r.Level)
		if !r.Time.IsZero() {
			e.head = appendStamp(append(e.head, `,"timestamp":`...), r.Time)
		}
		if source != nil {
			e.head = appendAny(append(e.head, `,"source":`...), source)
		}
	}
	for i, name := range liftedNames {
		if value := e.attrs.lifted[i]; value != "" {
			e.head = append(append(append(append(e.head, `,"`...), name...), `":`...), value...)
		}
	}
}

// writeReplaced is writeHead's first part where the program has its say.
func (o *Options) writeReplaced(e *encoder, r slog.Record, source *slog.Source) {
	replaced := func(key string, value any) (slog.Value, bool) {
		a := o.ReplaceAttr(nil, slog.Any(key, value))
		return a.Value.Resolve(), !a.Equal(slog.Attr{})
	}
	message, _ := replaced(slog.MessageKey, r.Message)
	text := ""
	if !message.Equal(slog.Value{}) {
		text = message.String()
	}
	e.head = appendString(append(e.head, `{"message":`...), text)
	if level, ok := replaced(slog.LevelKey, r.Level); ok {
		e.head = append(e.head, `,"level":`...)
		if l, isLevel := level.Any().(slog.Level); isLevel {
			e.head = appendLevel(e.head, l)
		} else {
			e.head = appendValue(e.head, level)
		}
	}
	if !r.Time.IsZero() {
		if stamp, ok := replaced(slog.TimeKey, r.Time); ok {
			e.head = append(e.head, `,"timestamp":`...)
			if stamp.Kind() == slog.KindTime {
				e.head = appendStamp(e.head, stamp.Time())
			} else {
				e.head = appendValue(e.head, stamp)
			}
		}
	}
	if source != nil {
		if place, ok := replaced(slog.SourceKey, source); ok {
			e.head = appendValue(append(e.head, `,"source":`...), place)
		}
	}
}

// noteRecord makes a line of the handler's own.
func noteRecord(level slog.Level, context, text string) []byte {
	record := appendString([]byte(`{"message":`), text)
	record = appendLevel(append(record, `,"level":`...), level)
	record = appendStamp(append(record, `,"timestamp":`...), time.Now())
	record = appendString(append(record, `,"logger":"logship","context":`...), context)
	return append(record, '}')
}
