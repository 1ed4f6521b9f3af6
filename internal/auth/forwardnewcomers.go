package auth

import (
	"net/http"
	"time"

	"github.com/loglane/loglane"
)

// DefaultNewcomers bounds the questions to an application from one address that find nobody,
// unless ForwardOptions say otherwise. It leaves room for others among the 48 that are under
// way at once.
var DefaultNewcomers = Tries{Burst: 30, Every: time.Second}

// maxFamiliar bounds the credentials that are known to be somebody's.
const maxFamiliar = 20_000

// familiarFor is how long they are known to be.
const familiarFor = 10 * time.Minute

// newcomers bound what each address can make an application do.
type newcomers struct {
	tries    *tries
	address  func(*http.Request) string
	familiar *recent // keys of credentials that were somebody's a while ago
}

// admit takes one try of the request's address; giveBack returns it.
func (n *newcomers) admit(r *http.Request) (giveBack func(), err error) {
	address := n.address(r)
	if address == "" {
		return func() {}, nil
	}
	key := tryKey{address: addressKey(address)}
	wait, ok := n.tries.take(key)
	if !ok {
		return nil, &loglane.StatusError{
			Code: http.StatusTooManyRequests,
			Message: "Too many requests from this address with cookies or an Authorization header that are nobody's login (auth-url): " +
				"sign in again, or try again later.",
			RetryAfter: wait,
		}
	}
	return func() { n.tries.giveBack(key) }, nil
}
