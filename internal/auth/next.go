package auth

import (
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// maxNext bounds the length of a next parameter, in bytes.
const maxNext = 2048

// SafeNext returns where to go after a login: next as a path with its query, if it is
// one below basePath on the same origin in every reading that browsers and proxies are
// known to give it, else basePath. A fragment is dropped. An empty basePath is "/".
func SafeNext(next, basePath string) string {
	if basePath == "" {
		basePath = "/"
	}
	if len(next) > maxNext || !rooted(next) || strings.ContainsFunc(next, unsafeInURL) || !utf8.ValidString(next) {
		return basePath
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.User != nil || u.Host != "" {
		return basePath
	}
	if !plainPath(u.Path) || !below(u.Path, basePath) {
		return basePath
	}
	target := u.EscapedPath()
	if u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	return target
}

// unsafeInURL are the characters that browsers remove from a URL or read as "/".
func unsafeInURL(r rune) bool { return r <= ' ' || r == '\\' || (r >= 0x7f && r <= 0x9f) }

func rooted(p string) bool { return strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "//") }

// plainPath says whether a path stays what it is when it is decoded again, as some
// proxies do: no empty or dot segments, no hidden slashes.
func plainPath(p string) bool {
	for range 3 {
		if !rooted(p) || strings.ContainsFunc(p, func(r rune) bool { return r != ' ' && unsafeInURL(r) }) {
			return false
		}
		if clean := path.Clean(p); clean != p && clean+"/" != p {
			return false
		}
		again, err := url.PathUnescape(p)
		if err != nil || again == p {
			return true
		}
		p = again
	}
	return false
}

func below(p, basePath string) bool {
	base := strings.TrimRight(basePath, "/")
	return p == base || strings.HasPrefix(p, base+"/")
}
