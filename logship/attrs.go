package logship

import (
	"bytes"
	"log/slog"
	"slices"
)

// These bound a value that resolves to itself.
const (
	maxDepth = 64   // of nested groups
	maxAttrs = 4096 // in a record, those of With apart
)

// A member is one name of an object that is still open.
type member struct{ start, keyEnd int }

// attrs writes the attributes of a record as one JSON object, group by group. A name
// that comes twice in a group is there once, with the later value.
type attrs struct {
	buf     []byte   // the object so far, with the groups that are open
	members []member // of all open objects, outermost first
	objects []int    // where in members each open object begins
	groups  []string // names of the open groups
	depth   int      // of the groups being written, those without a name too
	left    int      // how many attributes may still come
	lifted  lifted
	limit   int // past these bytes the rest is left out: the record will be cut anyway
	replace func([]string, slog.Attr) slog.Attr
}

// lifted are the members that stand beside "attrs" and not in it, as JSON strings.
type lifted [len(liftedNames)]string

var liftedNames = [...]string{"logger", "pod", "trace_id", "span_id"}

func (w *attrs) reset(p *prefix, limit int, replace func([]string, slog.Attr) slog.Attr) {
	w.buf = append(w.buf[:0], p.buf...)
	w.members = append(w.members[:0], p.members...)
	w.objects = append(w.objects[:0], p.objects...)
	w.groups = append(w.groups[:0], p.groups...)
	w.lifted, w.depth, w.left = p.lifted, 0, maxAttrs
	w.limit, w.replace = limit, replace
}

// attr reports whether it wrote anything into the object.
func (w *attrs) attr(a slog.Attr) bool {
	if w.left--; w.left < 0 || len(w.buf) > w.limit {
		return false
	}
	if w.left == 0 {
		a = slog.String("!ERROR", "too many attributes")
	}
	a.Value = a.Value.Resolve()
	if w.replace != nil && a.Value.Kind() != slog.KindGroup {
		a = w.replace(w.groups, a)
		a.Value = a.Value.Resolve()
	}
	if a.Equal(slog.Attr{}) {
		return false
	}
	if a.Value.Kind() == slog.KindGroup {
		return w.group(a.Key, a.Value.Group())
	}
	start := w.key(a.Key)
	value := len(w.buf)
	w.buf = appendValue(w.buf, a.Value)
	if len(w.groups) == 0 && w.lift(a.Key, w.buf[value:]) {
		w.buf = w.buf[:start]
		return false
	}
	w.added(start, value-1)
	return true
}

func (w *attrs) group(name string, list []slog.Attr) bool {
	if w.depth++; w.depth > maxDepth {
		list = []slog.Attr{slog.String("!ERROR", "groups nested too deep")}
	}
	defer func() { w.depth-- }()
	if name == "" {
		return w.all(list)
	}
	start := w.key(name)
	keyEnd := len(w.buf) - 1
	w.open(name)
	wrote := w.all(list)
	w.close()
	if !wrote {
		w.buf = w.buf[:start]
		return false
	}
	w.buf = append(w.buf, '}')
	w.added(start, keyEnd)
	return true
}

func (w *attrs) all(list []slog.Attr) bool {
	wrote := false
	for _, a := range list {
		wrote = w.attr(a) || wrote
	}
	return wrote
}

// key writes a name with its colon, and returns where to cut to take it back.
func (w *attrs) key(name string) (start int) {
	start = len(w.buf)
	if w.buf[start-1] != '{' {
		w.buf = append(w.buf, ',')
	}
	w.buf = append(appendString(w.buf, name), ':')
	return start
}

// added notes the member that was written from start, and takes out an earlier one of
// the same name.
func (w *attrs) added(start, keyEnd int) {
	w.note(start, keyEnd)
	w.takeOutTwin(len(w.objects)-1, len(w.members)-1)
}

func (w *attrs) note(start, keyEnd int) {
	if w.buf[start] == ',' {
		start++
	}
	w.members = append(w.members, member{start, keyEnd})
}

// takeOutTwin takes out the member of an open object that has the name of a later one.
func (w *attrs) takeOutTwin(object, later int) {
	key := w.keyOf(later)
	for i := w.objects[object]; i < later; i++ {
		if bytes.Equal(w.keyOf(i), key) {
			w.takeOut(i)
			return
		}
	}
}

func (w *attrs) keyOf(i int) []byte { return w.buf[w.members[i].start:w.members[i].keyEnd] }

// takeOut removes a member that another one of its object follows.
func (w *attrs) takeOut(i int) {
	from, to := w.members[i].start, w.members[i+1].start
	w.buf = slices.Delete(w.buf, from, to)
	w.members = slices.Delete(w.members, i, i+1)
	for j := i; j < len(w.members); j++ {
		w.members[j].start -= to - from
		w.members[j].keyEnd -= to - from
	}
	for j, begin := range w.objects {
		if begin > i {
			w.objects[j]--
		}
	}
}

func (w *attrs) lift(name string, value []byte) bool {
	for i, liftedName := range liftedNames {
		if name == liftedName && len(value) > 2 && value[0] == '"' {
			w.lifted[i] = string(value)
			return true
		}
	}
	return false
}

// open begins the object of a group whose name is written.
func (w *attrs) open(name string) {
	w.buf = append(w.buf, '{')
	w.objects = append(w.objects, len(w.members))
	w.groups = append(w.groups, name)
}

func (w *attrs) close() {
	last := len(w.objects) - 1
	w.members = w.members[:w.objects[last]]
	w.objects = w.objects[:last]
	w.groups = w.groups[:len(w.groups)-1]
}

// A prefix is what WithAttrs and WithGroup have made of the attributes so far. It is
// never changed; every writer copies it.
type prefix struct {
	buf     []byte
	members []member
	objects []int
	groups  []string // open in buf
	waiting []string // opened since, and without a member yet
	lifted  lifted
}

var emptyPrefix = prefix{buf: []byte{'{'}, objects: []int{0}}

func (p prefix) withGroup(name string) prefix {
	p.waiting = append(slices.Clip(p.waiting), name)
	return p
}

func (p prefix) withAttrs(list []slog.Attr, limit int, replace func([]string, slog.Attr) slog.Attr) prefix {
	var w attrs
	w.reset(&p, limit, replace)
	if !w.within(p.waiting, list) {
		p.lifted = w.lifted
		return p
	}
	return prefix{buf: w.buf, members: w.members, objects: w.objects, groups: w.groups, lifted: w.lifted}
}

// within opens groups and writes attributes into the innermost. Where nothing comes of
// them, the groups are not there either.
func (w *attrs) within(groups []string, list []slog.Attr) bool {
	start, members, objects, open := len(w.buf), len(w.members), len(w.objects), len(w.groups)
	for _, name := range groups {
		at := w.key(name)
		w.note(at, len(w.buf)-1)
		w.open(name)
	}
	if !w.all(list) {
		w.buf, w.members, w.objects, w.groups = w.buf[:start], w.members[:members], w.objects[:objects], w.groups[:open]
		return false
	}
	if len(groups) > 0 { // the others are alone in their objects
		w.takeOutTwin(objects-1, members)
	}
	return true
}
