package redact

import (
	"bytes"
	"encoding/base64"
)

// A class is a set of bytes that a token consists of.
type class [256]bool

func newClass(chars string) (c class) {
	for i := range len(chars) {
		c[chars[i]] = true
	}
	return c
}

const (
	digits   = "0123456789"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	smalls   = "abcdefghijklmnopqrstuvwxyz"
)

var (
	capitalDigits = newClass(capitals + digits)
	letterDigits  = newClass(capitals + smalls + digits)
	base64URL     = newClass(capitals + smalls + digits + "-_")
	dotted        = newClass(capitals + smalls + digits + "-_.")
	bearer        = newClass(capitals + smalls + digits + "-._~+/=")
	keyChars      = newClass(capitals + smalls + digits + "-_.")
)

// A shape is a token that begins with a known text.
type shape struct {
	prefix string
	at     int // the byte of the prefix that a line is searched for
	chars  *class
	least  int // bytes after the prefix
	dots   int // that are among them at least: 0 or 1
}

// shapes are the tokens that say by themselves what they are.
var shapes = []shape{
	{"llt_", 3, &base64URL, 16, 0}, // Loglane
	{"ghp_", 3, &letterDigits, 20, 0}, {"gho_", 3, &letterDigits, 20, 0}, {"ghu_", 3, &letterDigits, 20, 0},
	{"ghs_", 3, &letterDigits, 20, 0}, {"ghr_", 3, &letterDigits, 20, 0}, {"github_pat_", 10, &base64URL, 20, 0},
	{"glpat-", 5, &base64URL, 20, 0},
	{"sk_live_", 7, &letterDigits, 10, 0}, {"rk_live_", 7, &letterDigits, 10, 0},
	{"sk_test_", 7, &letterDigits, 10, 0}, {"rk_test_", 7, &letterDigits, 10, 0}, {"whsec_", 5, &bearer, 16, 0},
	{"xoxb-", 4, &base64URL, 10, 0}, {"xoxp-", 4, &base64URL, 10, 0}, {"xoxa-", 4, &base64URL, 10, 0},
	{"xoxe-", 4, &base64URL, 10, 0}, {"xoxo-", 4, &base64URL, 10, 0}, {"xoxr-", 4, &base64URL, 10, 0},
	{"xoxs-", 4, &base64URL, 10, 0}, {"xapp-", 4, &base64URL, 10, 0},
	{"sk-ant-", 6, &base64URL, 20, 0}, {"sk-proj-", 7, &base64URL, 20, 0},
	{"npm_", 3, &letterDigits, 30, 0}, {"hf_", 2, &letterDigits, 30, 0}, {"dop_v1_", 6, &letterDigits, 40, 0},
	{"shpat_", 5, &letterDigits, 30, 0}, {"pypi-", 4, &base64URL, 40, 0}, {"SG.", 2, &dotted, 40, 1},
	{"AKIA", 1, &capitalDigits, 16, 0}, {"ASIA", 1, &capitalDigits, 16, 0},
	{"AIza", 2, &base64URL, 30, 0}, {"GOCSPX-", 6, &base64URL, 20, 0}, {"ya29.", 4, &base64URL, 20, 0},
	{"eyJ", 2, &dotted, 24, 1}, // JWT, signed or encrypted
}

// shapesAt are the shapes by the byte that a line is searched for.
var shapesAt = func() (at [256][]shape) {
	for _, s := range shapes {
		c := s.prefix[s.at]
		at[c] = append(at[c], s)
	}
	return at
}()

// pairs says of a byte of shapesAt which may stand before it.
var pairs = func() (all [256][256]bool) {
	for _, s := range shapes {
		all[s.prefix[s.at]][s.prefix[s.at-1]] = true
	}
	return all
}()

// find returns where the token stands whose prefix has its byte at i. Where only dots are
// missing to one, to is how far there are none.
func (s *shape) find(text []byte, i int) (from, to int, found bool) {
	from = i - s.at
	if from < 0 || len(text)-from < len(s.prefix)+s.least || string(text[from:from+len(s.prefix)]) != s.prefix || from > 0 && letterDigits[text[from-1]] {
		return 0, 0, false
	}
	begin := from + len(s.prefix)
	to = begin
	for to < len(text) && s.chars[text[to]] {
		to++
	}
	for s.dots > 0 && to > begin && text[to-1] == '.' { // of the sentence
		to--
	}
	token := text[begin:to]
	switch {
	case s.dots > 0 && bytes.IndexByte(token, '.') < 0:
		return 0, to, false
	case len(token) < s.least:
		return 0, 0, false
	}
	return from, to, true
}

// findScheme finds the credentials of "Bearer …" and "Basic …", whose last letter stands at
// i. A word after them that has no digit has to be long.
func findScheme(text []byte, i int) (from, to int, found bool) {
	if i+1 == len(text) || text[i+1] != ' ' && text[i+1] != '\t' {
		return 0, 0, false
	}
	for _, scheme := range [...]string{"bearer", "basic"} {
		begin := i + 1 - len(scheme)
		if begin < 0 || !bytes.EqualFold(text[begin:i+1], []byte(scheme)) || begin > 0 && letterDigits[text[begin-1]] {
			continue
		}
		from = i + 1
		for from < len(text) && (text[from] == ' ' || text[from] == '\t') {
			from++
		}
		to = from
		for to < len(text) && bearer[text[to]] {
			to++
		}
		credentials := text[from:to]
		if scheme == "basic" {
			return from, to, isBasic(credentials)
		}
		return from, to, len(credentials) >= 20 || len(credentials) >= 8 && bytes.ContainsAny(credentials, digits)
	}
	return 0, 0, false
}

func isBasic(credentials []byte) bool {
	decoded, err := base64.RawStdEncoding.DecodeString(string(bytes.TrimRight(credentials, "=")))
	return err == nil && bytes.IndexByte(decoded, ':') >= 0
}

var (
	pemBegin = []byte("-----BEGIN ")
	pemEnd   = []byte("-----END ")
	pemKey   = []byte("PRIVATE KEY")
	pemDash  = []byte("-----")
)

// findPEM finds a private key that begins at i, to its end or to that of the text.
func findPEM(text []byte, i int) (from, to int, found bool) {
	rest := text[i:]
	if !bytes.HasPrefix(rest, pemBegin) {
		return 0, 0, false
	}
	head := rest[len(pemBegin):]
	title := bytes.Index(head, pemDash)
	if title < 0 || title > 60 || !bytes.Contains(head[:title], pemKey) {
		return 0, 0, false
	}
	end := bytes.Index(head, pemEnd)
	if end < 0 {
		return i, len(text), true
	}
	tail := head[end+len(pemEnd):]
	if dash := bytes.Index(tail, pemDash); dash >= 0 {
		return i, len(text) - len(tail) + dash + len(pemDash), true
	}
	return i, len(text), true
}

// findUserInfo finds the password of a URL whose "://" begins at i.
func findUserInfo(text []byte, i int) (from, to int, found bool) {
	if !bytes.HasPrefix(text[i:], []byte("://")) {
		return 0, 0, false
	}
	begin := i + len("://")
	end := begin
	for end < len(text) && text[end] > ' ' && !bytes.ContainsRune([]byte(`"'<>/?#\`), rune(text[end])) {
		end++
	}
	at := bytes.LastIndexByte(text[begin:end], '@')
	colon := bytes.IndexByte(text[begin:end], ':')
	if at < 0 || colon < 0 || colon+1 >= at {
		return 0, 0, false
	}
	return begin + colon + 1, begin + at, true
}
