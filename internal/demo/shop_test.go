package demo

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// A stage is a shop whose lines go to a broker in memory.
type stage struct {
	*Shop
	broker *loglane.MemoryBroker
	lines  *logship.Handler
}

func newStage(t *testing.T, users ...string) *stage {
	t.Helper()
	broker, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: loglane.Retention{Lines: 100_000, Bytes: 64 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	lines := logship.NewHandler(broker, &logship.Options{Level: slog.LevelDebug, ErrorLog: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := lines.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	shop, err := New(Options{
		Users: users, Logger: slog.New(lines), BasePath: "/shop/",
		CurrentUser: func(r *http.Request) string { return r.Header.Get("Test-User") },
		SignInURL:   "/login?next=/shop/", TerminalURL: "/terminal",
	})
	if err != nil {
		t.Fatal(err)
	}
	shop.payments.mood = func() float64 { return 0.99 }
	return &stage{shop, broker, lines}
}

// do asks as user, and posts a product where one is given.
func (s *stage) do(t *testing.T, user, method, path, product string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(url.Values{"product": {product}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Test-User", user)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

type line struct{ Message, Level, Context, TraceID string }

func (s *stage) linesOf(t *testing.T, context string) []line {
	t.Helper()
	if err := s.lines.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := s.broker.Read(t.Context(), "logs:"+context, loglane.Oldest(), 100_000)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]line, len(page.Entries))
	for i, e := range page.Entries {
		var r struct {
			Message, Level, Context string
			TraceID                 string `json:"trace_id"`
		}
		if err := json.Unmarshal(e.Data, &r); err != nil {
			t.Fatal(err)
		}
		list[i] = line(r)
	}
	return list
}

// told returns the level of the last line whose message has the text, "" for none.
func told(lines []line, text string) (level string) {
	for _, l := range lines {
		if strings.Contains(l.Message, text) {
			level = l.Level
		}
	}
	return level
}

func TestPages(t *testing.T) {
	s := newStage(t)
	for _, tt := range []struct {
		user, path string
		status     int
		has        string
	}{
		{"", "/shop/", 200, "Enamel mug"},
		{"", "/shop/", 200, `href="/login?next=/shop/"`},
		{"alice", "/shop/", 200, `href="/terminal"`},
		{"<b>", "/shop/", 200, `&lt;b&gt;`},
		{"alice", "/shop/product/lamp", 200, "Desk lamp"},
		{"alice", "/shop/product/nothing", 404, "There is no such page"},
		{"alice", "/shop/nowhere", 404, "There is no such page"},
		{"alice", "/shop/cart", 200, "Your cart is empty"},
		{"alice", "/shop/checkout", 200, "nothing to pay for"},
		{"alice", "/shop/orders", 200, "No orders yet"},
		{"alice", "/shop/style.css", 200, "color-scheme: light dark"},
		{"", "/shop/cart", 303, ""},
		{"", "/shop/orders", 303, ""},
	} {
		w := s.do(t, tt.user, "GET", tt.path, "")
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.has) {
			t.Errorf("%s as %q: %d\n%s", tt.path, tt.user, w.Code, w.Body)
		}
		if tt.status == 303 && w.Header().Get("Location") != "/login?next=/shop/" {
			t.Errorf("%s leads to %q", tt.path, w.Header().Get("Location"))
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s has no strict policy", tt.path)
		}
	}
	if w := s.do(t, "", "POST", "/shop/cart/add", "mug"); w.Code != http.StatusSeeOther {
		t.Errorf("nobody's POST: %d", w.Code)
	}
}

func TestCart(t *testing.T) {
	s := newStage(t)
	has := func(path, text string) {
		t.Helper()
		if body := s.do(t, "alice", "GET", path, "").Body.String(); !strings.Contains(body, text) {
			t.Errorf("%s has no %q:\n%s", path, text, body)
		}
	}
	for _, id := range []string{"mug", "lamp", "mug"} {
		if w := s.do(t, "alice", "POST", "/shop/cart/add", id); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/shop/cart" {
			t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
		}
	}
	has("/shop/cart", "2 × €12.50")
	has("/shop/cart", "€74.00")
	has("/shop/", `<span class="count">3</span>`)
	s.do(t, "alice", "POST", "/shop/cart/remove", "lamp")
	has("/shop/checkout", "Pay €25.00")
	if w := s.do(t, "alice", "POST", "/shop/checkout", ""); w.Header().Get("Location") != "/shop/orders" {
		t.Errorf("checkout: %d to %q", w.Code, w.Header().Get("Location"))
	}
	has("/shop/orders", "Order 1001")
	has("/shop/cart", "Your cart is empty")
	if left := s.stock.of("mug"); left != fullShelf-2 {
		t.Errorf("%d mugs are left", left)
	}
	lines := s.linesOf(t, "User.alice")
	for text, level := range map[string]string{
		"cart\x1b[0m + Enamel mug": "INFO", "cart\x1b[0m - Desk lamp": "INFO", "stock looked up": "DEBUG",
		"payment taken": "INFO", "order 1001 placed": "INFO", "POST /shop/checkout \x1b[36m303": "INFO",
	} {
		if got := told(lines, text); got != level {
			t.Errorf("%q was told at %q, want %s", text, got, level)
		}
	}
	for i := range maxPieces + 1 {
		w := s.do(t, "alice", "POST", "/shop/cart/add", "clock")
		if want := i == maxPieces; want != (w.Code == http.StatusConflict) {
			t.Errorf("piece %d: %d", i+1, w.Code)
		}
	}
}

func TestPaymentTroubles(t *testing.T) {
	for _, tt := range []struct {
		name, text, level string
		mood              float64
		status            int
	}{
		{"refused", "payment refused", "WARN", 0.1, http.StatusPaymentRequired},
		{"down", "payment failed", "ERROR", 0, http.StatusBadGateway},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.payments.mood = func() float64 { return tt.mood }
			s.do(t, "alice", "POST", "/shop/cart/add", "mug")
			if w := s.do(t, "alice", "POST", "/shop/checkout", ""); w.Code != tt.status {
				t.Errorf("%d", w.Code)
			}
			if cart := s.customers.cart("alice"); len(cart) != 1 || s.stock.of("mug") != fullShelf || len(s.customers.ordersOf("alice")) != 0 {
				t.Errorf("the cart is %v, the stock %d", cart, s.stock.of("mug"))
			}
			if got := told(s.linesOf(t, "User.alice"), tt.text); got != tt.level {
				t.Errorf("told at %q", got)
			}
		})
	}
}

func TestSoldOut(t *testing.T) {
	s := newStage(t)
	for _, user := range []string{"alice", "bob"} {
		s.do(t, user, "POST", "/shop/cart/add", "lamp")
		for range 7 {
			s.do(t, user, "POST", "/shop/cart/add", "mug")
		}
	}
	s.do(t, "alice", "POST", "/shop/checkout", "")
	if w := s.do(t, "bob", "POST", "/shop/checkout", ""); w.Code != http.StatusConflict {
		t.Errorf("%d", w.Code)
	}
	if s.stock.of("lamp") != fullShelf-1 || s.stock.of("mug") != fullShelf-7 || len(s.customers.cart("bob")) != 2 {
		t.Errorf("%d lamps, %d mugs, bob's cart %v", s.stock.of("lamp"), s.stock.of("mug"), s.customers.cart("bob"))
	}
	s.deliver(logship.WithJob(t.Context()))
	if w := s.do(t, "bob", "POST", "/shop/checkout", ""); w.Code != http.StatusSeeOther {
		t.Errorf("after the delivery: %d", w.Code)
	}
}

// A user's carts, orders and lines are that user's alone.
func TestUsersAreApart(t *testing.T) {
	s := newStage(t)
	s.do(t, "alice", "POST", "/shop/cart/add", "mug")
	s.do(t, "bob", "POST", "/shop/cart/add", "lamp")
	s.do(t, "", "GET", "/shop/product/plant", "")
	if body := s.do(t, "bob", "GET", "/shop/cart", "").Body.String(); strings.Contains(body, "mug") {
		t.Error("bob's cart has alice's mug")
	}
	for user, foreign := range map[string]string{"alice": "lamp", "bob": "mug"} {
		lines := s.linesOf(t, "User."+user)
		if len(lines) == 0 {
			t.Errorf("%s has no lines", user)
		}
		for _, l := range lines {
			if l.Context != "User."+user || strings.Contains(l.Message, foreign) || strings.Contains(l.Message, "plant") || len(l.TraceID) != 32 {
				t.Errorf("%s has the line %+v", user, l)
			}
		}
	}
	if told(s.linesOf(t, s.lines.Context(t.Context())), "GET /shop/product/plant") != "INFO" {
		t.Error("nobody's line is not in the process's own channel")
	}
}

// Another site cannot make a browser shop.
func TestCrossOrigin(t *testing.T) {
	s := newStage(t)
	r := httptest.NewRequest("POST", "/shop/cart/add", strings.NewReader("product=mug"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Test-User", "alice")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || len(s.customers.cart("alice")) != 0 {
		t.Errorf("%d, cart %v", w.Code, s.customers.cart("alice"))
	}
}

func TestBadOptions(t *testing.T) {
	_, err := New(Options{BasePath: "shop", Users: []string{""}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"Logger", "CurrentUser", "BasePath", "Users"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
}

func TestTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, "alice", "bob")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Run(ctx)
		}()
		synctest.Wait()
		for _, user := range s.opts.Users {
			if len(s.linesOf(t, "User."+user)) == 0 {
				t.Errorf("%s has no line at once", user)
			}
		}
		time.Sleep(10 * time.Minute)
		stop()
		<-ended
		for _, user := range s.opts.Users {
			lines, requests := s.linesOf(t, "User."+user), 0
			for _, l := range lines {
				if strings.Contains(l.Message, " /shop/") {
					requests++
				}
				if l.Context != "User."+user {
					t.Errorf("%s has the line %+v", user, l)
				}
			}
			if requests < 500 || requests > 750 {
				t.Errorf("%s made %d requests in 10 minutes", user, requests)
			}
			if told(lines, "order ") == "" || told(lines, "cart\x1b[0m -") == "" {
				t.Errorf("%s ordered or removed nothing in 10 minutes", user)
			}
		}
		if told(s.linesOf(t, "global"), "shelves refilled") != "INFO" {
			t.Error("no delivery came")
		}
	})
}
