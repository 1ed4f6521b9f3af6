package app

import (
	"errors"
	"strings"

	"github.com/loglane/loglane/internal/redact"
)

// Redaction is what is taken out of lines that are sent over HTTP before they are stored.
type Redaction struct {
	Redact         string `name:"redact" env:"LOGLANE_REDACT" default:"on" placeholder:"on|off" help:"Whether passwords, tokens and the like are taken out of lines that are sent over HTTP; [redacted] stands in their place."`
	RedactKeys     string `name:"redact-keys" env:"LOGLANE_REDACT_KEYS" example:"pin,iban,-session" placeholder:"NAME,…" help:"Further members whose values are taken out; a minus before a name that is known lets its values pass."`
	RedactPatterns string `name:"redact-patterns" env:"LOGLANE_REDACT_PATTERNS" example:"cust-[0-9]{8}|acme_[a-z]+" placeholder:"RE2" help:"What is taken out of every string beside the known tokens: an expression in the syntax of RE2, several joined by |."`
}

// Check reports what is wrong with what is taken out.
func (r *Redaction) Check() error {
	errs := []error{oneOf("redact", r.Redact, []string{"on", "off"})}
	if _, err := redact.New(redact.Options{Keys: r.keys()}); err != nil {
		for _, err := range unjoined(err) {
			errs = append(errs, Wrong("redact-keys", r.RedactKeys, err.Error()))
		}
	}
	if _, err := redact.ParsePatterns(r.patterns()); err != nil {
		errs = append(errs, Wrong("redact-patterns", "", err.Error()))
	}
	return errors.Join(errs...)
}

func (r *Redaction) keys() []string {
	if r.RedactKeys == "" {
		return nil
	}
	return strings.Split(r.RedactKeys, ",")
}

func (r *Redaction) patterns() []string {
	if r.RedactPatterns == "" {
		return nil
	}
	return []string{r.RedactPatterns}
}

// redactor is nil where nothing is taken out.
func (r *Redaction) redactor() (*redact.Redactor, error) {
	if r.Redact == "off" {
		return nil, nil
	}
	patterns, err := redact.ParsePatterns(r.patterns())
	if err != nil {
		return nil, err
	}
	return redact.New(redact.Options{Keys: r.keys(), Patterns: patterns})
}
