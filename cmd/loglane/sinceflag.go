package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// A sinceFlag is a time or the id of a line, which may begin with a hyphen.
type sinceFlag string

var _ kong.MapperValue = (*sinceFlag)(nil)

// Decode takes a word with a hyphen for a value where it looks like an id.
func (f *sinceFlag) Decode(ctx *kong.DecodeContext) error {
	text, ok := ctx.Scan.Peek().Value.(string)
	if ok && strings.HasPrefix(text, "-") && strings.Count(text, ".") >= 2 && !strings.Contains(text, "=") {
		ctx.Scan.Pop()
		*f = sinceFlag(text)
		return nil
	}
	return ctx.Scan.PopValueInto("string", (*string)(f))
}
