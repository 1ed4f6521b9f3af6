package logship

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"sync/atomic"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redact"
)

// GlobalOff as [Options.Global] keeps every record out of the global channel.
const GlobalOff = slog.Level(math.MaxInt)

// Defaults and limits of [Options].
const (
	DefaultQueueLines = 8192
	DefaultQueueBytes = 8 << 20
)

// Options are the settings of a [Handler]. nil and zero members are the defaults. A
// setting that is out of range is moved to the nearest that is in it.
type Options struct {
	// Level is the lowest level that is published; nil is [slog.LevelInfo].
	Level slog.Leveler

	// Global is the level from which records go to the global channel too: nil is
	// every record, [GlobalOff] none. A [Gateway] decides it by itself.
	Global slog.Leveler

	// Template makes the context of a user; the zero value is
	// [loglane.DefaultTemplate]. It must be the gateway's.
	Template loglane.Template

	// Logger and Pod are the members "logger" and "pod" of every record, absent
	// where empty. Attributes of these names at the top level go before them.
	Logger, Pod string

	// AddSource adds the member "source": function, file and line of the call.
	AddSource bool

	// ReplaceAttr is called as [slog.HandlerOptions] says, for the built-in keys
	// time, level, msg and source too. Of these only the value can be changed or
	// left out, for a record's members have fixed names; a message left out is empty.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr

	// MaxLine bounds a record in bytes: 0 is [loglane.DefaultMaxLine], at least
	// [loglane.MinMaxLine] and at most [loglane.MaxBatchBytes]. A longer one is cut
	// and says so.
	MaxLine int

	// QueueLines bounds the lines that wait for one channel; 0 is
	// [DefaultQueueLines]. Newer ones are dropped, counted, and the count appears as
	// a line in the channel, unless Block is set.
	QueueLines int

	// QueueBytes bounds all waiting records together, in bytes; 0 is
	// [DefaultQueueBytes], at least four times MaxLine. One channel has at most half
	// of it, so that one that is stuck leaves room for the others.
	QueueBytes int

	// Block makes a record wait for room in a full queue instead of being dropped, as
	// long as the context of its log call lasts: for programs that would rather stand
	// still than lose a line, as a pipe's end does. Whoever logs stands still with them
	// while the sink is away.
	Block bool

	// Redact is how secrets are taken out of records; nil takes out what is known to be
	// one, and &Redaction{Off: true} nothing. See [Redaction].
	Redact *Redaction

	// Next gets every record too that it is enabled for, with the same attributes
	// and groups: mostly the handler that the program had before. It is called
	// within Handle, so its blocking is the caller's.
	//
	// slog's own default handler cannot be it, for [slog.SetDefault] would lead its
	// lines back here for ever: a text handler on standard error takes its place.
	Next slog.Handler

	// ErrorLog gets the handler's own troubles, at most one of a kind in 10 s; nil
	// is a text handler on standard error. What comes back from it into this
	// handler is not published.
	ErrorLog *slog.Logger

	redactor *redact.Redactor
	redacted *atomic.Uint64
}

// settled returns a copy in which every member has a usable value.
func (o *Options) settled() Options {
	var s Options
	if o != nil {
		s = *o
	}
	if s.Level == nil {
		s.Level = slog.LevelInfo
	}
	if s.Global == nil {
		s.Global = slog.Level(math.MinInt)
	}
	if s.Template == (loglane.Template{}) {
		s.Template = loglane.DefaultTemplate
	}
	s.MaxLine = min(max(orDefault(s.MaxLine, loglane.DefaultMaxLine), loglane.MinMaxLine), loglane.MaxBatchBytes)
	s.QueueLines = max(orDefault(s.QueueLines, DefaultQueueLines), 1)
	s.QueueBytes = max(orDefault(s.QueueBytes, DefaultQueueBytes), 4*s.MaxLine)
	if s.Next != nil && leadsBack(s.Next) {
		s.Next = slog.NewTextHandler(os.Stderr, nil)
	}
	if s.ErrorLog == nil || leadsBack(s.ErrorLog.Handler()) {
		s.ErrorLog = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	s.redacted = new(atomic.Uint64)
	s.redactor = s.Redact.redactor(func(err error) {
		s.ErrorLog.Error("a key of Options.Redact is left out", "error", err)
	})
	return s
}

func orDefault(n, byDefault int) int {
	if n == 0 {
		return byDefault
	}
	return n
}

// leadsBack says whether h is slog's own default handler. It writes through package
// log, whose output is whatever slog.SetDefault was given last.
func leadsBack(h slog.Handler) bool { return fmt.Sprintf("%T", h) == "*slog.defaultHandler" }
