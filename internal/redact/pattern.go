package redact

import (
	"errors"
	"fmt"
	"regexp"
)

const (
	maxPatterns = 50
	maxPattern  = 4000 // bytes
)

// ParsePatterns reads expressions in the syntax of RE2. It fails with all that is wrong.
func ParsePatterns(expressions []string) ([]*regexp.Regexp, error) {
	var errs []error
	var all []*regexp.Regexp
	if len(expressions) > maxPatterns {
		errs = append(errs, fmt.Errorf("%d patterns are too many, at most %d are allowed", len(expressions), maxPatterns))
	}
	for _, expression := range expressions {
		pattern, err := regexp.Compile(expression)
		switch {
		case len(expression) > maxPattern:
			errs = append(errs, fmt.Errorf("a pattern of %d bytes is too long, at most %d are allowed", len(expression), maxPattern))
		case err != nil:
			errs = append(errs, fmt.Errorf("%q cannot be read: %w", expression, err))
		case pattern.MatchString(""):
			errs = append(errs, fmt.Errorf("%q matches an empty text too, and so every line", expression))
		default:
			all = append(all, pattern)
		}
	}
	return all, errors.Join(errs...)
}

// takeOut takes what a pattern matches out of text.
func takeOut(pattern *regexp.Regexp, text []byte) (clean []byte, n int) {
	matches := pattern.FindAllIndex(text, -1)
	if matches == nil {
		return text, 0
	}
	kept := 0
	for _, match := range matches {
		if match[0] == match[1] || string(text[match[0]:match[1]]) == Mark {
			continue
		}
		clean = append(append(clean, text[kept:match[0]]...), Mark...)
		kept = match[1]
		n++
	}
	if n == 0 {
		return text, 0
	}
	return append(clean, text[kept:]...), n
}
