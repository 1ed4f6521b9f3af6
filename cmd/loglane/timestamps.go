package main

import (
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/loglane/loglane/internal/tail"
)

// A timestampsFlag may be given without its value, as in docker and kubectl.
type timestampsFlag tail.Timestamps

var _ kong.BoolMapperValue = (*timestampsFlag)(nil)

// IsBool lets the flag stand alone.
func (*timestampsFlag) IsBool() bool { return true }

// Decode reads -t, --timestamps and --timestamps=KIND.
func (f *timestampsFlag) Decode(ctx *kong.DecodeContext) error {
	kind := tail.TimesRFC3339
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		kind = tail.Timestamps(fmt.Sprint(ctx.Scan.Pop().Value))
	}
	switch kind {
	case tail.TimesShort, tail.TimesRFC3339, tail.TimesRelative, tail.TimesNone:
		*f = timestampsFlag(kind)
		return nil
	}
	return fmt.Errorf("must be one of short, rfc3339, relative, none but got %q", string(kind))
}
