package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/loglane/loglane"
)

// maxLogoutBody bounds what a provider sends to end sessions.
const maxLogoutBody = 32 << 10

// SignOut is [Login.SignOut]. It returns where the provider ends its own session, "" where
// the session was none of its or it has no such page; origin is as in [OIDC.Start]. For a
// while the login page does not lead to the provider by itself.
func (o *OIDC) SignOut(w http.ResponseWriter, r *http.Request, origin string) (leadsTo string, err error) {
	leadsTo = o.farewell(r, origin)
	o.pause(w, r, pauseAfterSignOut)
	return leadsTo, o.login.SignOut(w, r)
}

// farewell is where the provider ends the session that it has with the browser.
func (o *OIDC) farewell(r *http.Request, origin string) string {
	token := o.login.token(r)
	p := o.found.Load()
	if token == "" || p == nil || p.endSession == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	data, found, err := o.login.sessions.Load(ctx, sessionKey(token))
	var s session
	if err != nil || !found || json.Unmarshal(data, &s) != nil || s.Told == nil || s.Told.Way != o.way {
		return ""
	}
	u, err := url.Parse(p.endSession)
	if err != nil {
		return "" // the discovery has refused it
	}
	query := u.Query()
	query.Set("client_id", o.client)
	if hint := unseal(token, s.Told.Hint); hint != "" {
		query.Set("id_token_hint", hint)
	}
	if origin != "" {
		query.Set("post_logout_redirect_uri", origin+o.base+"login")
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// BackChannel ends the sessions that a provider's logout token names, on all gateways: those
// of one of its own sessions where it has a sid, else all of a subject. Each token counts
// once. Its errors are, or wrap, a [*loglane.StatusError]: 400 for a token that is not as
// OpenID Connect Back-Channel Logout 1.0 has it, 503 where the session store, which tells
// the other gateways, cannot be asked; what is known here has ended then, and waits to be
// told, while the rest takes another try of the provider's.
func (o *OIDC) BackChannel(w http.ResponseWriter, r *http.Request) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogoutBody)
	if err := r.ParseForm(); err != nil {
		return badLogout("the form could not be read")
	}
	if len(r.PostForm["logout_token"]) != 1 {
		return badLogout("it has not one logout_token")
	}
	ctx, cancel := context.WithTimeout(r.Context(), providerTime)
	defer cancel()
	token, err := p.verifier.VerifyLogout(ctx, r.PostForm.Get("logout_token"))
	if err == nil {
		if age := time.Since(token.IssuedAt); age > issuedWithin || age < -issuedWithin {
			err = fmt.Errorf("it was issued %v ago: are the clocks right?", age.Round(time.Second))
		}
	}
	if err == nil && len(token.TokenID) > maxSubject {
		err = errors.New("its jti is too long")
	}
	if err != nil {
		o.log.Warn("a logout token was refused", "issuer", o.issuer, "error", briefly(err))
		return badLogout("the logout_token is not valid")
	}
	subject, sid := "", ""
	if token.SessionID != "" {
		sid = fingerprint("sid", o.issuer, token.SessionID)
	} else {
		subject = fingerprint("sub", o.issuer, token.Subject)
	}
	return o.endAll(r.Context(), fingerprint("jti", o.issuer, token.TokenID), subject, sid)
}

func badLogout(why string) error {
	return &loglane.StatusError{Code: http.StatusBadRequest, Message: "invalid_request: " + why}
}

// endAll ends all sessions of a subject, or of a provider's session. A mark in the store
// outlives them, so that none stands that this process does not know.
func (o *OIDC) endAll(ctx context.Context, jti, subject, sid string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	sessions := o.login.sessions
	if _, used, err := sessions.Load(ctx, jti); err == nil && used {
		return badLogout("the logout_token was used already")
	}
	ended := o.login.endTold(subject, sid)
	mark := subject + sid // one of them is ""
	err := sessions.Save(ctx, mark, []byte(newToken()[:16]), o.login.lifetime+time.Minute)
	if err == nil {
		err = sessions.Save(ctx, jti, []byte("used"), 2*issuedWithin)
	}
	if err == nil {
		err = o.login.notices.Notify(ctx, encodeNotice(endOrder{Subject: subject, SID: sid}))
	}
	if err != nil {
		for key := range ended {
			o.login.endings.later(key, ending{until: time.Now().Add(o.login.lifetime), notify: true})
		}
		return unavailable(fmt.Errorf("session store: %w", err))
	}
	o.log.Info("the provider has ended sessions", "issuer", o.issuer, "sessions", len(ended))
	return nil
}
