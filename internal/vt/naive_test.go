package vt_test

import (
	"fmt"
	"regexp"
	"strconv"
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
	var shown naivePaint
	for text != "" {
		at := sequence.FindStringSubmatchIndex(text)
		if at == nil {
			out.WriteString(naiveVisible(text))
			break
		}
		out.WriteString(naiveVisible(text[:at[0]]))
		switch whole := text[at[0]:at[1]]; {
		case hasConceal(text[at[2]:at[3]]), !shown.obey(text[at[2]:at[3]]):
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

// naivePaint has the colours of text and ground as red-green-blue or "palette N", "" for
// the terminal's own.
type naivePaint struct {
	colours [2]string
	bold    bool
}

var (
	wholeColour  = regexp.MustCompile(`^0*([34])8;0*(5;[0-9]*|2;[0-9]*;[0-9]*;[0-9]*)(;|$)`)
	colonsColour = regexp.MustCompile(`^0*([34])8:0*(5:[0-9]*|2:[0-9]*:[0-9]*:[0-9]*|2:[0-9]*:[0-9]*:[0-9]*:[0-9]*)$`)
)

// obey changes the paint and says whether what is then drawn can be read; where it cannot,
// nothing changes.
func (p *naivePaint) obey(parameters string) bool {
	next := *p
	for rest, more := parameters, true; more; {
		if c := wholeColour.FindStringSubmatch(rest); c != nil {
			next.set(c[1], strings.Split(c[2], ";"))
			more = c[3] == ";"
			rest = rest[len(c[0]):]
			continue
		}
		var first string
		first, rest, more = strings.Cut(rest, ";")
		if c := colonsColour.FindStringSubmatch(first); c != nil {
			numbers := strings.Split(c[2], ":")
			if len(numbers) == 5 {
				numbers = append(numbers[:1], numbers[2:]...)
			}
			next.set(c[1], numbers)
		} else if !strings.Contains(first, ":") {
			next.attribute(number(first))
		}
	}
	text, ground := next.colours[0], next.colours[1]
	var dark, bright int
	_, errDark := fmt.Sscanf(text, "palette %d", &dark)
	_, errBright := fmt.Sscanf(ground, "palette %d", &bright)
	switch {
	case text != "" && text == ground:
		return false
	case next.bold && errDark == nil && errBright == nil && dark < 8 && dark+8 == bright:
		return false
	}
	*p = next
	return true
}

func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil && digits != "" {
		return 9999
	}
	return n
}

func (p *naivePaint) attribute(n int) {
	for place, base := range []int{30, 40} {
		switch {
		case n == base+9:
			p.colours[place] = ""
		case n >= base && n < base+8:
			p.colours[place] = fmt.Sprintf("palette %d", n-base)
		case n >= base+60 && n < base+68:
			p.colours[place] = fmt.Sprintf("palette %d", n-base-60+8)
		}
	}
	switch n {
	case 0:
		*p = naivePaint{}
	case 1:
		p.bold = true
	case 22:
		p.bold = false
	}
}

func (p *naivePaint) set(which string, numbers []string) {
	place := map[string]int{"3": 0, "4": 1}[which]
	if number(numbers[0]) == 2 {
		r, g, b := number(numbers[1]), number(numbers[2]), number(numbers[3])
		if max(r, g, b) < 256 {
			p.colours[place] = fmt.Sprintf("%d-%d-%d", r, g, b)
		}
		return
	}
	levels := []int{0, 95, 135, 175, 215, 255}
	switch n := number(numbers[1]); {
	case n < 16:
		p.colours[place] = fmt.Sprintf("palette %d", n)
	case n < 232:
		n -= 16
		p.colours[place] = fmt.Sprintf("%d-%d-%d", levels[n/36], levels[n/6%6], levels[n%6])
	case n < 256:
		grey := 10*(n-232) + 8
		p.colours[place] = fmt.Sprintf("%d-%d-%d", grey, grey, grey)
	}
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
