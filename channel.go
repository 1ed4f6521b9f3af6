package loglane

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	// ChannelPrefix begins the name of every channel; what follows is its context.
	ChannelPrefix = "logs:"

	// GlobalContext is the context of the channel that gets a copy of every record.
	GlobalContext = "global"

	// GlobalChannel is the channel that gets a copy of every record.
	GlobalChannel = ChannelPrefix + GlobalContext

	// MaxNameBytes bounds a user's name after its encoding into a context.
	MaxNameBytes = 200

	jobPrefix      = "job_"
	controlPrefix  = "ll:"
	maxContextSize = 512
	usernameMark   = "{username}"
)

// ChannelName returns the channel of a context that is already encoded, as it stands
// in ?channel= or in another channel's name. A context is 1 to 512 bytes of UTF-8
// without spaces, control characters and braces; "ll:" at its beginning is reserved.
func ChannelName(context string) (string, error) {
	switch {
	case context == "":
		return "", errors.New("channel: the context is empty")
	case len(context) > maxContextSize:
		return "", fmt.Errorf("channel: the context has %d bytes, at most %d are allowed", len(context), maxContextSize)
	case !utf8.ValidString(context):
		return "", errors.New("channel: the context is not valid UTF-8")
	case strings.HasPrefix(context, controlPrefix):
		return "", fmt.Errorf("channel: contexts that begin with %q are reserved", controlPrefix)
	}
	for _, r := range context {
		if mustEncode(r) && r != '%' {
			return "", fmt.Errorf("channel: the context has the character %U, write it as upper-case %%XX of its UTF-8 bytes", r)
		}
	}
	return ChannelPrefix + context, nil
}

// ContextOf returns the context of a channel's name.
func ContextOf(channel string) string { return strings.TrimPrefix(channel, ChannelPrefix) }

// NewJobContext returns a fresh context for work without a user: make it once for a
// job, never once for a line.
func NewJobContext() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%s%x-%x-%x-%x-%x", jobPrefix, b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// A Template makes a user's context out of the user's name. The zero value is not
// usable; take [DefaultTemplate] or the result of [ParseTemplate].
type Template struct{ before, after string }

// DefaultTemplate is User.{username}: alice reads logs:User.alice.
var DefaultTemplate = Template{before: "User."}

// ParseTemplate reads a template such as "User.{username}". There must be exactly one
// {username} with literal text before it that keeps users out of the reserved contexts
// global, job_* and ll:*.
func ParseTemplate(s string) (Template, error) {
	before, after, found := strings.Cut(s, usernameMark)
	fail := func(why string) (Template, error) {
		return Template{}, fmt.Errorf("channel template %q %s; an example is %q", s, why, DefaultTemplate)
	}
	switch {
	case !found:
		return fail("has no " + usernameMark)
	case strings.Contains(after, usernameMark):
		return fail("has " + usernameMark + " twice")
	case before == "":
		return fail("needs literal text before " + usernameMark)
	case strings.HasPrefix(before, jobPrefix), strings.HasPrefix(jobPrefix, before):
		return fail("would reach the reserved contexts job_*")
	case strings.HasPrefix(before, controlPrefix), strings.HasPrefix(controlPrefix, before):
		return fail("would reach the reserved contexts ll:*")
	}
	if _, err := ChannelName(before + "x" + after); err != nil {
		return fail("cannot be a context: " + err.Error())
	}
	return Template{before: before, after: after}, nil
}

// String returns the template as [ParseTemplate] reads it.
func (t Template) String() string { return t.before + usernameMark + t.after }

// Context returns the context of a user. It fails for a name that is empty, is not
// UTF-8, is longer than [MaxNameBytes] once encoded, or would reach a reserved context.
func (t Template) Context(user string) (string, error) {
	name, err := EncodeName(user)
	if err != nil {
		return "", err
	}
	context := t.before + name + t.after
	if context == GlobalContext {
		return "", fmt.Errorf("the name %q would be the reserved context %q: choose another name or channel template", user, context)
	}
	return context, nil
}

// Channel is [Template.Context] as a channel's name.
func (t Template) Channel(user string) (string, error) {
	context, err := t.Context(user)
	if err != nil {
		return "", err
	}
	return ChannelName(context)
}

// EncodeName writes a user's name as it stands in a context: NFC-normalised, with
// spaces, control characters, '%', '{' and '}' as upper-case %XX of their UTF-8 bytes.
// So two spellings of one name are one channel, and no name can end or nest a key.
func EncodeName(user string) (string, error) {
	if user == "" {
		return "", errors.New("the name is empty and cannot be a channel")
	}
	if !utf8.ValidString(user) {
		return "", errors.New("the name is not valid UTF-8 and cannot be a channel")
	}
	var b strings.Builder
	for _, r := range norm.NFC.String(user) {
		if !mustEncode(r) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() > MaxNameBytes {
		return "", fmt.Errorf("the name has %d bytes once encoded and cannot be a channel: at most %d are allowed", b.Len(), MaxNameBytes)
	}
	return b.String(), nil
}

func mustEncode(r rune) bool {
	return r <= ' ' || (r >= 0x7f && r <= 0x9f) || r == '%' || r == '{' || r == '}'
}
