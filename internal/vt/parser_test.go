package vt_test

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// parser is a terminal that obeys nothing and reports what it was told. It
// follows the state machine that Paul Williams drew from a VT500
// (https://vt100.net/emu/dec_ansi_parser), read as terminals of today do: on
// the characters of UTF-8, with colons among the parameters. It shares nothing
// with the package under test.
type parser struct {
	state        state
	private      string
	intermediate string
	parameters   string
	reports      []string // what a clean line must not cause
}

type state int

const (
	ground state = iota
	escape
	escapeIntermediate
	csiEntry
	csiParameter
	csiIntermediate
	csiIgnore
	dcsEntry
	dcsParameter
	dcsIntermediate
	dcsPassthrough
	dcsIgnore
	oscString
	sosPmApcString
)

// violations returns everything in line but printing, colours, TAB, LF and CR.
func violations(line []byte) []string {
	var p parser
	for len(line) > 0 {
		r, n := utf8.DecodeRune(line)
		if r == utf8.RuneError && n == 1 {
			r = rune(line[0])
			if r > 0x9f {
				r = utf8.RuneError
			}
		}
		p.feed(r)
		line = line[n:]
	}
	if p.state != ground {
		p.report("ends inside a sequence, state %d", p.state)
	}
	return p.reports
}

func (p *parser) report(format string, args ...any) {
	p.reports = append(p.reports, fmt.Sprintf(format, args...))
}

func between(low, r, high rune) bool { return low <= r && r <= high }

func (p *parser) enter(s state) {
	if p.state == dcsPassthrough || p.state == oscString || p.state == sosPmApcString {
		p.report("end of a control string")
	}
	switch s {
	case escape, csiEntry, dcsEntry:
		p.private, p.intermediate, p.parameters = "", "", ""
	case dcsPassthrough, oscString, sosPmApcString:
		p.report("start of a control string, state %d", s)
	}
	p.state = s
}

// anywhere handles the characters that act the same in every state.
func (p *parser) anywhere(r rune) bool {
	switch {
	case r == 0x18, r == 0x1a:
		p.report("execute %02x", r)
		p.enter(ground)
	case r == 0x1b:
		p.enter(escape)
	case r == 0x90:
		p.enter(dcsEntry)
	case r == 0x9b:
		p.enter(csiEntry)
		p.private = "8-bit" // colours of this form must not pass either
	case r == 0x9c:
		p.report("string terminator")
		p.enter(ground)
	case r == 0x9d:
		p.enter(oscString)
	case r == 0x98, r == 0x9e, r == 0x9f:
		p.enter(sosPmApcString)
	case between(0x80, r, 0x9f):
		p.report("execute %02x", r)
		p.enter(ground)
	default:
		return false
	}
	return true
}

func (p *parser) feed(r rune) {
	if p.anywhere(r) {
		return
	}
	switch p.state {
	case ground:
		if r < 0x20 || r == 0x7f {
			p.execute(r)
		}
	case escape:
		p.inEscape(r)
	case escapeIntermediate:
		p.inEscapeIntermediate(r)
	case csiEntry, csiParameter, csiIntermediate, csiIgnore:
		p.inCSI(r)
	case dcsEntry, dcsParameter, dcsIntermediate:
		p.inDCS(r)
	case oscString:
		if r == 0x07 {
			p.enter(ground)
		}
	case dcsPassthrough, dcsIgnore, sosPmApcString:
		// Everything is swallowed up to the terminator.
	}
}

func (p *parser) execute(r rune) {
	if p.state == ground && (r == '\t' || r == '\n' || r == '\r') {
		return
	}
	p.report("execute %02x in state %d", r, p.state)
}

func (p *parser) inEscape(r rune) {
	switch {
	case r < 0x20, r == 0x7f:
		p.execute(r)
	case between(0x20, r, 0x2f):
		p.intermediate += string(r)
		p.enter(escapeIntermediate)
	case r == '[':
		p.enter(csiEntry)
	case r == ']':
		p.enter(oscString)
	case r == 'P':
		p.enter(dcsEntry)
	case r == 'X', r == '^', r == '_':
		p.enter(sosPmApcString)
	default:
		p.report("escape sequence %q", r)
		p.enter(ground)
	}
}

func (p *parser) inEscapeIntermediate(r rune) {
	switch {
	case r < 0x20, r == 0x7f:
		p.execute(r)
	case between(0x20, r, 0x2f):
		p.intermediate += string(r)
	default:
		p.report("escape sequence %q %q", p.intermediate, r)
		p.enter(ground)
	}
}

func (p *parser) inCSI(r rune) {
	switch {
	case r < 0x20, r == 0x7f:
		p.execute(r)
	case between(0x40, r, 0x7e):
		if p.state == csiIgnore {
			p.report("ignored sequence")
		} else {
			p.dispatch(r)
		}
		p.enter(ground)
	case p.state == csiIgnore:
	case r > 0x7e:
		p.report("character %U inside a sequence", r)
	case between(0x20, r, 0x2f):
		p.intermediate += string(r)
		p.state = csiIntermediate
	case between(0x3c, r, 0x3f) && p.state == csiEntry:
		p.private += string(r)
		p.state = csiParameter
	case p.state == csiIntermediate, between(0x3c, r, 0x3f):
		p.state = csiIgnore
	default:
		p.parameters += string(r)
		p.state = csiParameter
	}
}

func (p *parser) dispatch(final rune) {
	if final != 'm' || p.private != "" || p.intermediate != "" {
		p.report("sequence %q %q %q %q", p.private, p.parameters, p.intermediate, final)
		return
	}
	if len(p.parameters) > 64 {
		p.report("%d characters of parameters", len(p.parameters))
	}
	if hasConceal(p.parameters) {
		p.report("conceal %q", p.parameters)
	}
}

func (p *parser) inDCS(r rune) {
	switch {
	case r < 0x20, r == 0x7f, r > 0x7e:
	case between(0x40, r, 0x7e):
		p.enter(dcsPassthrough)
	case between(0x20, r, 0x2f):
		p.state = dcsIntermediate
	case p.state == dcsIntermediate, r == ':':
		p.state = dcsIgnore
	default:
		p.state = dcsParameter
	}
}

var (
	colour    = regexp.MustCompile(`^0*[34]8;0*(5;[0-9]*|2;[0-9]*;[0-9]*;[0-9]*)(;|$)`)
	concealed = regexp.MustCompile(`^0*8(:|$)`)
)

// hasConceal reports whether an attribute outside of a whole colour is 8.
func hasConceal(parameters string) bool {
	for parameters != "" {
		if c := colour.FindString(parameters); c != "" {
			parameters = parameters[len(c):]
			continue
		}
		var first string
		first, parameters, _ = strings.Cut(parameters, ";")
		if concealed.MatchString(first) {
			return true
		}
	}
	return false
}
