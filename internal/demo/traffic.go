package demo

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane/logship"
)

const (
	step          = time.Second // between two actions of a shopper, jittered by half
	deliveryEvery = 30 * time.Second
)

// Run sends each of Options.Users through the shop, about one action a second, and has
// the shelves refilled by a delivery, a job of its own, every 30 s. It returns when ctx
// has ended and everything that it started has. The first action comes at once.
func (s *Shop) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, user := range s.opts.Users {
		running.Go(func() {
			v := visit{shop: s, user: user}
			for v.act(ctx); pause(ctx, step/2+rand.N(step)); v.act(ctx) {
			}
		})
	}
	running.Go(func() {
		for pause(ctx, deliveryEvery) {
			s.deliver(logship.WithJob(ctx))
		}
	})
	running.Wait()
}

// pause waits, and says whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Shop) deliver(ctx context.Context) {
	s.opts.Logger.InfoContext(ctx, "delivery arrived")
	pieces := s.stock.refill()
	s.opts.Logger.InfoContext(ctx, "shelves refilled", slog.Int("pieces", pieces))
}

// A visit is one shopper's way through the shop.
type visit struct {
	shop *Shop
	user string
}

// act does one thing that a shopper might do now.
func (v *visit) act(ctx context.Context) {
	some := catalog[rand.IntN(len(catalog))].ID
	cart := v.shop.customers.cart(v.user)
	switch n := rand.IntN(100); {
	case n < 20:
		v.get(ctx, "/")
	case n < 50:
		v.get(ctx, "/product/"+some)
	case len(cart) == 0 || n < 68:
		v.post(ctx, "/cart/add", url.Values{"product": {some}})
	case n < 74:
		v.post(ctx, "/cart/remove", url.Values{"product": {cart[rand.IntN(len(cart))].Product.ID}})
	case n < 80:
		v.get(ctx, "/cart")
	case n < 92:
		v.post(ctx, "/checkout", nil)
	case n < 94:
		v.get(ctx, "/product/umbrella")
	default:
		v.get(ctx, "/orders")
	}
}

func (v *visit) get(ctx context.Context, path string) { v.request(ctx, http.MethodGet, path, nil) }

func (v *visit) post(ctx context.Context, path string, form url.Values) {
	v.request(ctx, http.MethodPost, path, strings.NewReader(form.Encode()))
}

func (v *visit) request(ctx context.Context, method, path string, body io.Reader) {
	ctx = context.WithValue(ctx, shopperKey{}, v.user)
	r, err := http.NewRequestWithContext(ctx, method, v.shop.base+path, body)
	if err != nil {
		v.shop.opts.Logger.ErrorContext(ctx, "a shopper lost the way", "path", path, "error", err)
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	v.shop.handler.ServeHTTP(unseen{}, r)
}

// unseen is the answer to a shopper who only looks as if.
type unseen struct{}

// Header implements [http.ResponseWriter].
func (unseen) Header() http.Header { return make(http.Header) }

// Write implements [http.ResponseWriter].
func (unseen) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader implements [http.ResponseWriter].
func (unseen) WriteHeader(int) {}
