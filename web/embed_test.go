package web_test

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/loglane/loglane/web"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := fs.ReadFile(web.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The server writes into these, and finds them by this text.
func TestPagesHaveTheirMetas(t *testing.T) {
	for page, metas := range map[string][]string{
		"index.html": {`loglane-base" content="/"`, `loglane-nonce" content=""`, `loglane-csrf" content=""`},
		"login.html": {`loglane-base" content="/"`, `loglane-login" content=""`, `loglane-csrf" content=""`},
	} {
		html := read(t, page)
		for _, meta := range metas {
			if n := strings.Count(html, `<meta name="`+meta+` />`); n != 1 {
				t.Errorf("%s has <meta name=\"%s /> %d times, want once", page, meta, n)
			}
		}
	}
}

var (
	address      = regexp.MustCompile(`(?:src|href)="([^"#]*)"`)
	inlineScript = regexp.MustCompile(`<script[^>]*>[^<]`)
	inlineStyle  = regexp.MustCompile(`<style|\sstyle=|\son[a-z]+=`)
)

// What the content policy would refuse must not be in the pages, and what they load
// must be there, below any base path.
func TestPagesFitTheContentPolicy(t *testing.T) {
	for _, page := range []string{"index.html", "login.html"} {
		html := read(t, page)
		if bad := inlineScript.FindString(html); bad != "" {
			t.Errorf("%s has a script of its own: %s", page, bad)
		}
		if bad := inlineStyle.FindString(html); bad != "" {
			t.Errorf("%s has a style or handler of its own: %s", page, bad)
		}
		found := address.FindAllStringSubmatch(html, -1)
		if len(found) < 3 {
			t.Errorf("%s loads %d files, want at least an icon, a script and a style sheet", page, len(found))
		}
		for _, f := range found {
			if f[1] == "./login/oidc" { // where a link leads
				continue
			}
			name, relative := strings.CutPrefix(f[1], "./")
			if !relative || path.Dir(name) != "assets" {
				t.Errorf("%s loads %q, want ./assets/…", page, f[1])
				continue
			}
			read(t, name)
		}
	}
}
