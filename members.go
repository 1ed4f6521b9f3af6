package loglane

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/jsonscan"
)

// What a list of members may have at most: each is looked for in each line.
const (
	maxMembers    = 100
	maxMemberPath = 200 // bytes
)

// Members are the members of a record that somebody may see; everything else is taken out
// of a line before it leaves the process. It is made by [ParseMembers] and does not change.
type Members struct {
	key     string          // what two of the same have in common
	shown   map[string]bool // full paths, with all that is below them
	leads   map[string]bool // paths of the objects that have some of those within
	message bool            // the member that is read as the message is shown, whatever its name
}

// alsoKnown are the names that are read as the same. A message is found by its own rule,
// for what is called body or event beside a message is none; a name may be a person's.
var alsoKnown = map[string][]string{
	"level":     {"severity", "levelname", "levelno", "log.level"},
	"timestamp": {"time", "ts", "@timestamp"},
}

// ParseMembers reads paths such as "message" or "attrs.order.id". A path shows the member
// with all that is within it; a member that only lies on the way to one is there with what
// is shown of it. No path leads into an array: it is shown whole or not at all. Names are
// compared as they are decoded, with their case.
//
// "message" is the member that is read as the record's message, "level" and "timestamp" are
// all that are read as those. Of a line that is no JSON object, "message" is all of it, but
// one that begins as an object does is shown to nobody: what it holds cannot be told apart.
// A line of which nothing is left is not shown.
//
// It fails with all that is wrong; an empty list would show nothing, and is refused.
func ParseMembers(paths ...string) (*Members, error) {
	m := &Members{shown: make(map[string]bool), leads: make(map[string]bool)}
	var errs []error
	if len(paths) == 0 {
		errs = append(errs, errors.New("no member is named: nothing of any line would be shown"))
	}
	if len(paths) > maxMembers {
		errs = append(errs, fmt.Errorf("%d members are too many, at most %d are allowed", len(paths), maxMembers))
	}
	for _, path := range paths {
		if err := checkMember(path); err != nil {
			errs = append(errs, err)
			continue
		}
		m.message = m.message || path == "message"
		for _, path := range append([]string{path}, alsoKnown[path]...) {
			m.show(path)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sorted := slices.Sorted(slices.Values(paths))
	m.key = strings.Join(slices.Compact(sorted), "\n")
	return m, nil
}

func checkMember(path string) error {
	switch {
	case path == "":
		return errors.New("a member without a name")
	case len(path) > maxMemberPath:
		return fmt.Errorf("%.40q…: %d bytes are too long for a member, at most %d are allowed", path, len(path), maxMemberPath)
	case !utf8.ValidString(path), strings.ContainsRune(path, utf8.RuneError):
		return fmt.Errorf("%q: the member's name is not valid UTF-8", path)
	case strings.ContainsAny(path, "\r\n"):
		return fmt.Errorf("%q: a member's name with a line break cannot be shown", path)
	case slices.Contains(strings.Split(path, "."), ""):
		return fmt.Errorf("%q: a name is missing beside a dot", path)
	}
	return nil
}

func (m *Members) show(path string) {
	m.shown[path] = true
	for i, c := range path {
		if c == '.' {
			m.leads[path[:i]] = true
		}
	}
}

// ofRecord returns what may be seen of a record, which must be a valid JSON object: the
// record itself where that is all, nil where it is nothing.
func (m *Members) ofRecord(record []byte) []byte {
	message := ""
	if m.message {
		message = messageMember(record)
	}
	object := bytes.Trim(record, jsonSpace)
	out := m.appendObject(make([]byte, 0, len(object)), object, make([]byte, 0, maxMemberPath), message)
	switch {
	case len(out) <= len("{}"):
		return nil
	case len(out) == len(record):
		return record
	default:
		return out
	}
}

const jsonSpace = " \t\r\n"

// appendObject appends what is shown of an object at a path, which is empty or ends with a
// dot. message is a further name that is shown.
func (m *Members) appendObject(dst, object, path []byte, message string) []byte {
	dst = append(dst, '{')
	begin := len(dst)
	for member := range jsonscan.Members(object) {
		at := append(path, member.Name...)
		start := len(dst)
		if start > begin {
			dst = append(dst, ',')
		}
		switch {
		case m.shown[string(at)], message != "" && member.Name == message:
			dst = append(dst, member.Whole...)
		case member.Value[0] == '{' && m.leads[string(at)]:
			dst = append(dst, member.Whole[:len(member.Whole)-len(member.Value)]...)
			value := len(dst)
			dst = m.appendObject(dst, member.Value, append(at, '.'), "")
			if len(dst) == value+len("{}") { // nothing of it is shown
				dst = dst[:start]
			}
		default:
			dst = dst[:start]
		}
	}
	return append(dst, '}')
}

// ofText says whether a line that is no JSON object may be seen.
func (m *Members) ofText(text []byte) bool {
	return m.message && !jsonscan.LooksLikeObject(text)
}
