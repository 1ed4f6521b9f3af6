package server

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"regexp"
	"strings"
)

// A page is a built HTML file whose loglane metas are written anew for each answer.
type page struct {
	parts [][]byte // one more than metas
	metas []string
}

var metaContent = regexp.MustCompile(`<meta name="loglane-([a-z]+)" content="([^"]*)"`)

// readPage reads a page whose links are relative to base, and makes them so from wherever it
// is an answer: the login page is one below its own path, too.
func readPage(files fs.FS, name, base string) (*page, error) {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	base = html.EscapeString(base)
	for _, link := range []string{`src="./`, `href="./`, `action="./`} {
		at := strings.TrimSuffix(link, "./")
		raw = bytes.ReplaceAll(raw, []byte(link), []byte(at+base))
	}
	p := &page{}
	rest := 0
	for _, at := range metaContent.FindAllSubmatchIndex(raw, -1) {
		p.parts = append(p.parts, raw[rest:at[4]])
		p.metas = append(p.metas, string(raw[at[2]:at[3]]))
		rest = at[5]
	}
	if len(p.metas) == 0 {
		return nil, fmt.Errorf("page %s: it has no loglane metas", name)
	}
	p.parts = append(p.parts, raw[rest:])
	return p, nil
}

// write answers with the page; metas that values has not are empty.
func (p *page) write(w http.ResponseWriter, code int, values map[string]string) {
	nonce := rand.Text()
	var body bytes.Buffer
	for i, name := range p.metas {
		value := values[name]
		if name == "nonce" {
			value = nonce
		}
		body.Write(p.parts[i])
		body.WriteString(html.EscapeString(value))
	}
	body.Write(p.parts[len(p.metas)])
	header := w.Header()
	header.Set("Content-Security-Policy", pagePolicyBefore+nonce+pagePolicyAfter)
	header.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(body.Bytes()) // a reader that has gone needs no page
}
