package loglane

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane/internal/vt"
)

const (
	// maxQuery bounds ?q=, in bytes.
	maxQuery = 256
	// maxInstructions bounds a compiled expression: each character of a line may cost as
	// many steps.
	maxInstructions = 2000
)

// A query is what ?q= looks for in a line's message: a text in any case, or an expression.
type query struct {
	source     string
	text       string         // lower case
	expression *regexp.Regexp // nil: it is a text
	size       int            // steps that a character of a line costs at most
}

// parseQuery reads a text, or an expression between slashes in the syntax of RE2. Its
// errors are for the caller.
func parseQuery(s string) (*query, error) {
	switch {
	case len(s) > maxQuery:
		return nil, fmt.Errorf("q: %d bytes are too long, at most %d are allowed", len(s), maxQuery)
	case !utf8.ValidString(s):
		return nil, fmt.Errorf("q: it is not valid UTF-8")
	case len(s) < 2 || s[0] != '/' || s[len(s)-1] != '/':
		return &query{source: s, text: strings.ToLower(s), size: 1}, nil
	}
	inner := s[1 : len(s)-1]
	if inner == "" {
		return nil, fmt.Errorf("q: the expression is empty")
	}
	size, err := instructions(inner)
	if err != nil {
		return nil, fmt.Errorf("q: the expression cannot be read: %w", err)
	}
	if size > maxInstructions {
		return nil, fmt.Errorf("q: the expression is too large: it has %d steps once its repetitions are written out, at most %d are allowed", size, maxInstructions)
	}
	expression, err := regexp.Compile(inner)
	if err != nil {
		return nil, fmt.Errorf("q: the expression cannot be read: %w", err)
	}
	return &query{source: s, expression: expression, size: size}, nil
}

func instructions(expression string) (int, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	return len(program.Inst), nil
}

// searchedText is what a query is looked for in: the line's message without its colours.
func searchedText(i *item) string { return string(vt.Strip.Text([]byte(i.message()))) }

// matches looks at once and cannot be stopped: see cost.
func (q *query) matches(text string) bool {
	if q.expression != nil {
		return q.expression.MatchString(text)
	}
	return strings.Contains(strings.ToLower(text), q.text)
}

// cost is how many steps matches may take.
func (q *query) cost(text string) int { return q.size * (len(text) + 1) }
