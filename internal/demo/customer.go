package demo

import (
	"slices"
	"sync"
	"time"
)

const (
	maxPieces = 9  // of one product in a cart
	maxOrders = 50 // that are remembered of a customer
)

// An item is a product in a cart or an order.
type item struct {
	Product product
	Pieces  int
}

// Sum is what the item costs.
func (i item) Sum() Cents { return Cents(i.Pieces) * i.Product.Price }

func total(items []item) (sum Cents) {
	for _, i := range items {
		sum += i.Sum()
	}
	return sum
}

// An order is a cart that was paid.
type order struct {
	Number int
	At     time.Time
	Items  []item
}

// Total is what the order cost.
func (o order) Total() Cents { return total(o.Items) }

// customers keeps each user's cart and orders. Its methods may be called concurrently.
type customers struct {
	mu         sync.Mutex
	carts      map[string][]item
	orders     map[string][]order
	lastNumber int
}

func newCustomers() *customers {
	return &customers{carts: make(map[string][]item), orders: make(map[string][]order), lastNumber: 1000}
}

func (c *customers) cart(user string) []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.carts[user])
}

// add puts one piece into the cart and returns how many of it are there; false where
// it holds as many as one may.
func (c *customers) add(user string, p product) (pieces int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cart := c.carts[user]
	for i := range cart {
		if cart[i].Product.ID == p.ID {
			if cart[i].Pieces >= maxPieces {
				return cart[i].Pieces, false
			}
			cart[i].Pieces++
			return cart[i].Pieces, true
		}
	}
	c.carts[user] = append(cart, item{Product: p, Pieces: 1})
	return 1, true
}

// remove takes a product out of the cart and returns how many pieces that was.
func (c *customers) remove(user, id string) (pieces int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.carts[user] = slices.DeleteFunc(c.carts[user], func(i item) bool {
		if i.Product.ID == id {
			pieces = i.Pieces
		}
		return i.Product.ID == id
	})
	return pieces
}

// takeCart empties the cart for an order that is being paid, so that no second request
// pays for it too.
func (c *customers) takeCart(user string) []item {
	c.mu.Lock()
	defer c.mu.Unlock()
	cart := c.carts[user]
	delete(c.carts, user)
	return cart
}

// returnCart gives back the cart of an order that came to nothing.
func (c *customers) returnCart(user string, items []item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, later := range c.carts[user] {
		i := slices.IndexFunc(items, func(i item) bool { return i.Product.ID == later.Product.ID })
		if i < 0 {
			items = append(items, later)
		} else {
			items[i].Pieces = min(items[i].Pieces+later.Pieces, maxPieces)
		}
	}
	c.carts[user] = items
}

func (c *customers) addOrder(user string, items []item) order {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastNumber++
	o := order{Number: c.lastNumber, At: time.Now(), Items: items}
	orders := append(c.orders[user], o)
	c.orders[user] = orders[max(len(orders)-maxOrders, 0):]
	return o
}

// ordersOf returns a user's orders, newest first.
func (c *customers) ordersOf(user string) []order {
	c.mu.Lock()
	defer c.mu.Unlock()
	orders := slices.Clone(c.orders[user])
	slices.Reverse(orders)
	return orders
}
