package demo

import (
	"net/http"
)

// An offer is a product with what is left of it.
type offer struct {
	product
	Left int
}

func (s *Shop) offer(r *http.Request, p product) offer {
	left := s.stock.of(p.ID)
	requestOf(r).log.DebugContext(r.Context(), "stock looked up", "product", p.ID, "left", left)
	return offer{p, left}
}

func (s *Shop) showProducts(w http.ResponseWriter, r *http.Request) {
	offers := make([]offer, len(catalog))
	for i, p := range catalog {
		offers[i] = s.offer(r, p)
	}
	s.render(w, r, http.StatusOK, "products", "Small things", offers)
}

func (s *Shop) showProduct(w http.ResponseWriter, r *http.Request) {
	p, ok := productByID(r.PathValue("id"))
	if !ok {
		s.notFound(w, r)
		return
	}
	s.render(w, r, http.StatusOK, "product", p.Name, s.offer(r, p))
}
