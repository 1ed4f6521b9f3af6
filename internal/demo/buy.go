package demo

import (
	"errors"
	"fmt"
	"net/http"
)

// A bill is a list of items with its total.
type bill struct {
	Items []item
	Total Cents
}

func (s *Shop) billOf(r *http.Request) bill {
	items := s.customers.cart(requestOf(r).user)
	return bill{items, total(items)}
}

func (s *Shop) showCart(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "cart", "Your cart", s.billOf(r))
}

func (s *Shop) addToCart(w http.ResponseWriter, r *http.Request) {
	req := requestOf(r)
	p, ok := productByID(r.PostFormValue("product"))
	if !ok {
		s.notFound(w, r)
		return
	}
	pieces, ok := s.customers.add(req.user, p)
	if !ok {
		req.log.WarnContext(r.Context(), "cart has all it may hold of it", "product", p.ID, "pieces", pieces)
		s.renderProblem(w, r, http.StatusConflict, "That is a lot", problem{
			fmt.Sprintf("At most %d of one product fit into a cart.", maxPieces), s.base + "/cart", "To the cart",
		})
		return
	}
	req.log.InfoContext(r.Context(), "\x1b[36mcart\x1b[0m + "+p.Name, "product", p.ID, "pieces", pieces, "price", p.Price)
	http.Redirect(w, r, s.base+"/cart", http.StatusSeeOther)
}

func (s *Shop) removeFromCart(w http.ResponseWriter, r *http.Request) {
	req := requestOf(r)
	p, ok := productByID(r.PostFormValue("product"))
	if !ok {
		s.notFound(w, r)
		return
	}
	if pieces := s.customers.remove(req.user, p.ID); pieces > 0 {
		req.log.InfoContext(r.Context(), "\x1b[36mcart\x1b[0m - "+p.Name, "product", p.ID, "pieces", pieces)
	}
	http.Redirect(w, r, s.base+"/cart", http.StatusSeeOther)
}

func (s *Shop) showCheckout(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "checkout", "Checkout", s.billOf(r))
}

func (s *Shop) checkOut(w http.ResponseWriter, r *http.Request) {
	req := requestOf(r)
	items := s.customers.takeCart(req.user)
	if len(items) == 0 {
		http.Redirect(w, r, s.base+"/cart", http.StatusSeeOther)
		return
	}
	if missing, ok := s.reserve(r, items); !ok {
		s.customers.returnCart(req.user, items)
		s.renderProblem(w, r, http.StatusConflict, "Sold out", problem{
			missing.Name + " is not there in that number. The next delivery comes soon.", s.base + "/cart", "Back to the cart",
		})
		return
	}
	if err := s.pay(r, total(items)); err != nil {
		s.unreserve(items)
		s.customers.returnCart(req.user, items)
		s.paymentFailed(w, r, err)
		return
	}
	o := s.customers.addOrder(req.user, items)
	req.log.InfoContext(r.Context(), fmt.Sprintf("\x1b[1;32morder %d placed\x1b[0m", o.Number), "items", len(items), "total", o.Total())
	http.Redirect(w, r, s.base+"/orders", http.StatusSeeOther)
}

// reserve takes all items from the stock, or none and names the first that is missing.
func (s *Shop) reserve(r *http.Request, items []item) (missing product, ok bool) {
	log := requestOf(r).log
	for n, i := range items {
		left, ok := s.stock.take(i.Product.ID, i.Pieces)
		log.DebugContext(r.Context(), "stock taken", "product", i.Product.ID, "pieces", i.Pieces, "left", left)
		if !ok {
			s.unreserve(items[:n])
			log.WarnContext(r.Context(), "not enough in stock", "product", i.Product.ID, "wanted", i.Pieces, "left", left)
			return i.Product, false
		}
		if left < lowShelf {
			log.WarnContext(r.Context(), "stock is low", "product", i.Product.ID, "left", left)
		}
	}
	return product{}, true
}

func (s *Shop) unreserve(items []item) {
	for _, i := range items {
		s.stock.putBack(i.Product.ID, i.Pieces)
	}
}

func (s *Shop) pay(r *http.Request, amount Cents) error {
	reference, err := s.payments.charge(amount)
	if err != nil {
		return err
	}
	requestOf(r).log.InfoContext(r.Context(), "payment taken", "amount", amount, "reference", reference)
	return nil
}

func (s *Shop) paymentFailed(w http.ResponseWriter, r *http.Request, err error) {
	log := requestOf(r).log
	back := problem{"Nothing was charged, and your cart is as it was.", s.base + "/checkout", "Try again"}
	if errors.Is(err, errRefused) {
		log.WarnContext(r.Context(), "\x1b[33mpayment refused\x1b[0m", "error", err)
		s.renderProblem(w, r, http.StatusPaymentRequired, "Your card was refused", back)
		return
	}
	log.ErrorContext(r.Context(), "\x1b[1;31mpayment failed\x1b[0m", "error", err)
	s.renderProblem(w, r, http.StatusBadGateway, "The payment did not go through", back)
}

func (s *Shop) showOrders(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "orders", "Your orders", s.customers.ordersOf(requestOf(r).user))
}
