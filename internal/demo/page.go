package demo

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
)

//go:embed pages
var files embed.FS

var templates = func() map[string]*template.Template {
	set := make(map[string]*template.Template)
	for _, name := range []string{"products", "product", "cart", "checkout", "orders", "problem"} {
		set[name] = template.Must(template.ParseFS(files, "pages/layout.html", "pages/"+name+".html"))
	}
	return set
}()

// A page is what the layout shows around a page's own content.
type page struct {
	Title       string
	Base        string
	User        string
	InCart      int
	SignInURL   string
	TerminalURL string
	Content     any
}

func (s *Shop) render(w http.ResponseWriter, r *http.Request, status int, name, title string, content any) {
	req := requestOf(r)
	p := page{
		Title: title, Base: s.base, User: req.user,
		SignInURL: s.opts.SignInURL, TerminalURL: s.opts.TerminalURL, Content: content,
	}
	for _, i := range s.customers.cart(req.user) {
		p.InCart += i.Pieces
	}
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "layout", p); err != nil {
		req.log.ErrorContext(r.Context(), "page not rendered", "page", name, "error", err)
		http.Error(w, "This page is broken.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever asked has gone
}

// A problem is a page that says what went wrong and leads on.
type problem struct{ Text, Link, LinkText string }

func (s *Shop) renderProblem(w http.ResponseWriter, r *http.Request, status int, title string, p problem) {
	s.render(w, r, status, "problem", title, p)
}

func (s *Shop) notFound(w http.ResponseWriter, r *http.Request) {
	s.renderProblem(w, r, http.StatusNotFound, "Not here", problem{"There is no such page.", s.base + "/", "Look around"})
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, files, "pages/style.css")
}
