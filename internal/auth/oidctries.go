package auth

import (
	"errors"
	"net/http"

	"github.com/loglane/loglane"
)

// try takes a try of a request's address, where that is known; words say what there was too
// much of.
func (o *OIDC) try(t *tries, r *http.Request, words string) (giveBack func(), err error) {
	key := o.tryKey(r)
	if key == (tryKey{}) {
		return func() {}, nil
	}
	wait, ok := t.take(key)
	if !ok {
		return nil, &loglane.StatusError{
			Code: http.StatusTooManyRequests, Message: words + ". Try again later.",
			RetryAfter: wait, Limit: "oidc-tries-per-address",
		}
	}
	return func() { t.giveBack(key) }, nil
}

// tryKey is what a request's tries are counted by; the zero value is that they are not.
func (o *OIDC) tryKey(r *http.Request) tryKey {
	address := o.login.address(r)
	if address == "" {
		return tryKey{}
	}
	return tryKey{address: addressKey(address)}
}

// isAway says whether it was nobody's fault here: nothing was found out of who it is.
func isAway(err error) bool {
	var status *loglane.StatusError
	return errors.As(err, &status) && status.Code == http.StatusServiceUnavailable
}
