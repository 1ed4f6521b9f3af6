package loglane

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// checkTimeout is how long a grant's check may take.
const checkTimeout = 2 * time.Second

// comeBack ends the viewer's outage: at once, or once the grant is found to stand.
func (st *stream) comeBack() error {
	if st.grant.Check == nil {
		st.down = false
		return st.write(st.format.item(newStatus(false)))
	}
	st.verified = false
	st.stale = st.checking
	st.check()
	return nil
}

// check asks whether the grant stands; the answer comes to checked.
func (st *stream) check() {
	if st.checking {
		return
	}
	st.checking = true
	st.checker.Go(func() {
		ctx, cancel := context.WithTimeout(st.ctx, checkTimeout)
		defer cancel()
		st.checks <- st.grant.Check(ctx)
	})
}

func (st *stream) checked(err error) error {
	st.checking = false
	if err == nil && st.stale {
		st.stale = false
		st.check()
		return nil
	}
	var status *StatusError
	switch {
	case err == nil:
		st.verified = true
		st.retry.reset()
		st.recheck.Reset(checkEvery - checkSlack - rand.N(checkSlack))
		if st.down && !st.sub.feedDown() {
			st.down = false
			return st.write(st.format.item(newStatus(false)))
		}
		return nil
	case errors.As(err, &status) && (status.Code == http.StatusUnauthorized || status.Code == http.StatusForbidden):
		return &endCause{event: "auth", reason: "revoked"}
	default:
		st.verified = false
		st.recheck.Reset(st.retry.next())
		return st.sayDown()
	}
}
