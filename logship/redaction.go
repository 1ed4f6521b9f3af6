package logship

import (
	"regexp"

	"github.com/loglane/loglane/internal/redact"
)

// A Redaction is how secrets are taken out of records before they enter the queue, and so
// before anything leaves the process: a [redacted] stands where one was, and
// [Stats.Redacted] counts them. Without one in [Options], it is done as its zero value says.
//
// Taken out are the values of members, attributes and groups whose names end with a word
// such as password, secret, token, authorization, cookie, session or api_key, however they
// are written; and in every string, the message too, bearer and basic credentials, JSON
// Web Tokens, passwords of URLs, private keys in PEM, the tokens of Loglane, GitHub,
// GitLab, Slack, Stripe, AWS, Google and others, and what stands beside such a name, as in
// password=hunter2. docs/redaction.md has them all.
//
// [Options.Next] is the program's own, and gets its records as they are.
type Redaction struct {
	// Off takes nothing out.
	Off bool
	// Keys are further names whose values are taken out. A name with a minus before it,
	// such as "-session", is one of those that is not looked for. A name that cannot be one
	// is told to Options.ErrorLog and left out.
	Keys []string
	// Patterns are further secrets: what they match in any string is taken out. They are
	// tried on every string of every record.
	Patterns []*regexp.Regexp
}

// redactor returns nil where nothing is taken out.
func (r *Redaction) redactor(wrong func(error)) *redact.Redactor {
	if r == nil {
		r = &Redaction{}
	}
	if r.Off {
		return nil
	}
	var keys []string
	for _, key := range r.Keys {
		if _, err := redact.New(redact.Options{Keys: []string{key}}); err != nil {
			wrong(err)
			continue
		}
		keys = append(keys, key)
	}
	made, err := redact.New(redact.Options{Keys: keys, Patterns: r.Patterns})
	if err != nil { // each of them is one by itself, and they are too many
		wrong(err)
		made, _ = redact.New(redact.Options{Patterns: r.Patterns})
	}
	return made
}

// clean takes the secrets out of a record.
func (o *Options) clean(record []byte) []byte {
	clean, n := o.redactor.Record(record)
	if n > 0 {
		o.redacted.Add(uint64(n))
	}
	return clean
}

// cleanText is clean for a text that will be cut, so that no part of a secret is left at
// its end.
func (o *Options) cleanText(text []byte) []byte {
	clean, n := o.redactor.Text(text)
	if n > 0 {
		o.redacted.Add(uint64(n))
	}
	return clean
}
