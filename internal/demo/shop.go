package demo

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
)

// Options are the settings of a [Shop]. Logger and CurrentUser are required.
type Options struct {
	// Users are the accounts that [Shop.Run] shops as.
	Users []string

	// Logger gets the shop's lines; its handler is a logship.Handler, or has one
	// within. Lines about the stock are at level DEBUG.
	Logger *slog.Logger

	// CurrentUser returns the name of who is signed in, "" for nobody. It is called
	// concurrently, once a request.
	CurrentUser func(*http.Request) string

	SignInURL   string // where pages that need a user lead; "" is "/login"
	TerminalURL string // where a user's log can be watched; "" is "/"
	BasePath    string // where the handler is mounted, such as "/shop/"; "" is "/"
}

// A Shop is a web shop in memory. Its methods may be called concurrently.
type Shop struct {
	opts      Options
	base      string // BasePath without the slash at its end
	stock     *stock
	customers *customers
	payments  *payments
	handler   http.Handler
}

// New returns a shop with full shelves. It starts nothing. The error names every option
// that is wrong.
func New(opts Options) (*Shop, error) {
	opts.Users = slices.Clone(opts.Users)
	opts.BasePath = orDefault(opts.BasePath, "/")
	opts.SignInURL = orDefault(opts.SignInURL, "/login")
	opts.TerminalURL = orDefault(opts.TerminalURL, "/")
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Shop{
		opts: opts, base: strings.TrimSuffix(opts.BasePath, "/"),
		stock: newStock(), customers: newCustomers(), payments: newPayments(),
	}
	s.handler = s.routes()
	return s, nil
}

func orDefault(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

func (o *Options) check() error {
	var errs []error
	if o.Logger == nil {
		errs = append(errs, errors.New("option Logger is missing"))
	}
	if o.CurrentUser == nil {
		errs = append(errs, errors.New("option CurrentUser is missing"))
	}
	if !strings.HasPrefix(o.BasePath, "/") {
		errs = append(errs, fmt.Errorf("option BasePath %q: it begins with a slash, such as /shop/", o.BasePath))
	}
	if slices.Contains(o.Users, "") {
		errs = append(errs, errors.New("option Users has an empty name"))
	}
	return errors.Join(errs...)
}

// maxForm bounds a posted form, in bytes.
const maxForm = 16 << 10

// Handler serves the shop's pages below Options.BasePath, which it expects in the
// requests' paths.
func (s *Shop) Handler() http.Handler { return s.handler }

func (s *Shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showProducts)
	mux.HandleFunc("GET /product/{id}", s.showProduct)
	mux.HandleFunc("GET /cart", s.signedIn(s.showCart))
	mux.HandleFunc("POST /cart/add", s.signedIn(s.addToCart))
	mux.HandleFunc("POST /cart/remove", s.signedIn(s.removeFromCart))
	mux.HandleFunc("GET /checkout", s.signedIn(s.showCheckout))
	mux.HandleFunc("POST /checkout", s.signedIn(s.checkOut))
	mux.HandleFunc("GET /orders", s.signedIn(s.showOrders))
	mux.HandleFunc("GET /style.css", serveStyle)
	mux.HandleFunc("/", s.notFound)
	own := http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, maxForm))
	return http.StripPrefix(s.base, s.logged(own))
}
