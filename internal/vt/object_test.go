package vt_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/loglane/loglane/internal/vt"
)

// checkObject holds what JSON makes of object against the promises.
func checkObject(t *testing.T, p vt.Policy, object []byte) {
	t.Helper()
	before := bytes.Clone(object)
	got := p.JSON(object)
	if !bytes.Equal(object, before) {
		t.Fatalf("%v.JSON(%q) changed its argument", p, before)
	}
	if bytes.Equal(got, object) && !sameMemory(got, object) {
		t.Errorf("%v.JSON(%q) is a needless copy", p, object)
	}
	if !json.Valid(got) {
		t.Fatalf("%v.JSON(%q) = %q is not valid", p, object, got)
	}
	if again := p.JSON(got); !sameMemory(again, got) {
		t.Errorf("%v.JSON(%q) = %q, a second time %q", p, object, got, again)
	}
	if was, is := outside(object), outside(got); was != is {
		t.Errorf("%v.JSON(%q) = %q: outside strings %q became %q", p, object, got, was, is)
	}
	if bad := violations(got); p != vt.None && bad != nil {
		t.Errorf("%v.JSON(%q) = %q: %s", p, object, got, bad)
	}
	checkTokens(t, p, object, got)
}

// checkTokens compares value by value, for in a map keys may become the same.
func checkTokens(t *testing.T, p vt.Policy, object, got []byte) {
	t.Helper()
	want, have := tokens(t, object), tokens(t, got)
	if len(want) != len(have) {
		t.Fatalf("%v.JSON(%q) = %q: %d tokens became %d", p, object, got, len(want), len(have))
	}
	for i, w := range want {
		decoded, isString := w.(string)
		if isString {
			w = naiveJSON(p, decoded)
		}
		if have[i] != w {
			t.Errorf("%v.JSON(%q) = %q: %q became %q, want %q", p, object, got, decoded, have[i], w)
		}
		if shown, ok := have[i].(string); ok && p != vt.None {
			if bad := violations([]byte(shown)); bad != nil {
				t.Errorf("%v.JSON(%q) = %q: %s", p, object, got, bad)
			}
		}
	}
}

func tokens(t *testing.T, object []byte) []json.Token {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var list []json.Token
	for {
		token, err := d.Token()
		if err != nil {
			return list // the end: the caller knows the text to be valid
		}
		list = append(list, token)
	}
}

var anyString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// outside is object with its strings emptied.
func outside(object []byte) string {
	return string(anyString.ReplaceAll(object, []byte(`""`)))
}
