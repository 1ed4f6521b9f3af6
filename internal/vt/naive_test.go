package vt_test

import (
	"regexp"
	"strings"

	"github.com/loglane/loglane/internal/vt"
)

var sequence = regexp.MustCompile(`\x1b\[([0-9;:]{0,64})m`)

// naive is the filter as the package comment tells it, slow and plain.
func naive(p vt.Policy, line []byte) string {
	if p == vt.None {
		return string(line)
	}
	text := string([]rune(string(line))) // each invalid byte becomes U+FFFD
	var out strings.Builder
	for text != "" {
		at := sequence.FindStringSubmatchIndex(text)
		if at == nil {
			out.WriteString(naiveVisible(text))
			break
		}
		out.WriteString(naiveVisible(text[:at[0]]))
		switch whole := text[at[0]:at[1]]; {
		case hasConceal(text[at[2]:at[3]]):
			out.WriteString(naiveVisible(whole))
		case p == vt.SGR:
			out.WriteString(whole)
		}
		text = text[at[1]:]
	}
	return out.String()
}

func naiveVisible(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case strings.ContainsRune("\t\n\r", r):
			out.WriteRune(r)
		case r < ' ':
			out.WriteRune('␀' + r)
		case r == 0x7f:
			out.WriteRune('␡')
		case r >= 0x80 && r <= 0x9f:
			out.WriteRune('␛')
			out.WriteRune('@' + r - 0x80)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

var carriageReturn = regexp.MustCompile(`\r\n?`)

// naiveJSON is what a decoded string becomes: as Text has it, and bare CR shown.
func naiveJSON(p vt.Policy, decoded string) string {
	if p == vt.None {
		return decoded
	}
	decoded = carriageReturn.ReplaceAllStringFunc(decoded, func(s string) string {
		if s == "\r" {
			return "␍"
		}
		return s
	})
	return naive(p, []byte(decoded))
}
