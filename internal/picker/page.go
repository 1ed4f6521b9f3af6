package picker

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

//go:embed pages
var files embed.FS

var templates = map[string]*template.Template{
	"channels": template.Must(template.ParseFS(files, "pages/layout.html", "pages/channels.html")),
	"refusal":  template.Must(template.ParseFS(files, "pages/layout.html", "pages/refusal.html")),
}

const (
	// policy is the Content-Security-Policy of the pages.
	policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

	mostShown = 1000 // channels
	listTime  = 5 * time.Second
)

// Options are the parts of a [Page].
type Options struct {
	Dev    *auth.Dev      // required
	Broker loglane.Broker // required; a loglane.Lister shows its channels
	Base   string         // of the gateway; begins and ends with a slash
	Found  string         // a sentence about the broker
	Logger *slog.Logger   // default slog.Default()
}

// A Page answers below dev/ of the gateway's base. It may be used concurrently.
type Page struct {
	opts Options
	path string
}

// New starts nothing. It fails where a part is missing.
func New(opts Options) (*Page, error) {
	if opts.Dev == nil || opts.Broker == nil {
		return nil, errors.New("picker: Dev and Broker are required")
	}
	if opts.Base == "" {
		opts.Base = "/"
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	return &Page{opts: opts, path: opts.Base + "dev/"}, nil
}

// Handler answers the sign-in link, the page and its style.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+p.path+"sign-in", p.signIn)
	mux.HandleFunc("GET "+p.path+"style.css", serveStyle)
	mux.HandleFunc("GET "+p.path+"{$}", p.serveChannels)
	return mux
}

// SignInPath is the path of the link with the code.
func (p *Page) SignInPath() string { return p.path + "sign-in?code=" + p.opts.Dev.Code() }

// signIn redeems the code. Who only asks what is there (HEAD) must not use it up, and who
// is signed in needs none.
func (p *Page) signIn(w http.ResponseWriter, r *http.Request) {
	if who, err := p.opts.Dev.Authenticate(r); err == nil && who == nil {
		if r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet)
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		if err := p.opts.Dev.Redeem(w, r, r.URL.Query().Get("code")); err != nil {
			p.refuse(w, err)
			return
		}
	}
	http.Redirect(w, r, p.path, http.StatusSeeOther)
}

func (p *Page) refuse(w http.ResponseWriter, err error) {
	var status *loglane.StatusError
	if !errors.As(err, &status) {
		p.opts.Logger.Error("a request failed", "error", err)
		status = &loglane.StatusError{Code: http.StatusInternalServerError, Message: "Internal error."}
	}
	p.render(w, status.Code, "refusal", status.Message)
}

// channels is what the page shows.
type channels struct {
	Found string
	Rows  []row
	More  bool
	Fault string
}

type row struct {
	Context, URL string
	Age          string
	Last         string // RFC 3339
	Lines        int64
}

func (p *Page) serveChannels(w http.ResponseWriter, r *http.Request) {
	who, err := p.opts.Dev.Authenticate(r)
	if err == nil && who == nil {
		err = &loglane.StatusError{Code: http.StatusUnauthorized, Message: p.opts.Dev.Hint()}
	}
	if err != nil {
		p.refuse(w, err)
		return
	}
	content := channels{Found: p.opts.Found}
	list, more, err := p.list(r.Context())
	if err != nil {
		p.opts.Logger.Warn("the channels could not be listed", "error", err)
		content.Fault = "The channels could not be listed: the broker is away, or refuses. Names can be typed all the same."
	}
	content.More = more
	now := time.Now()
	for _, info := range list {
		context := loglane.ContextOf(info.Channel)
		shown := row{Context: context, URL: p.opts.Base + "?channel=" + url.QueryEscape(context), Lines: info.Lines}
		if !info.Last.IsZero() {
			shown.Age, shown.Last = age(now.Sub(info.Last)), info.Last.UTC().Format(time.RFC3339)
		}
		content.Rows = append(content.Rows, shown)
	}
	p.render(w, http.StatusOK, "channels", content)
}

// list returns the channels, the one with the newest line first.
func (p *Page) list(ctx context.Context) ([]loglane.ChannelInfo, bool, error) {
	lister, ok := p.opts.Broker.(loglane.Lister)
	if !ok {
		return nil, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	list, more, err := lister.List(ctx, "", mostShown)
	slices.SortFunc(list, func(a, b loglane.ChannelInfo) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Channel, b.Channel))
	})
	return list, more, err
}

// age is a span of time as a person says it.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// A sheet is what the layout shows around a page's own content.
type sheet struct {
	Base    string
	Content any
}

func (p *Page) render(w http.ResponseWriter, code int, name string, content any) {
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "layout", sheet{p.opts.Base, content}); err != nil {
		p.opts.Logger.Error("page not rendered", "page", name, "error", err)
		http.Error(w, "This page is broken.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // a reader that has gone needs no page
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, files, "pages/style.css")
}
