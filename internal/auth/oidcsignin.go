package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/loglane/loglane"
)

const (
	// maxCode bounds each parameter of a provider's answer.
	maxCode = 4 << 10

	// issuedWithin is how far the clocks may be apart.
	issuedWithin = 5 * time.Minute
)

var (
	errProviderAway = &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    "The sign-in provider cannot be reached. Try again in a moment.",
		RetryAfter: 5 * time.Second,
	}
	errProviderLies = &loglane.StatusError{
		Code:    http.StatusBadGateway,
		Message: "Not signed in: the provider's answer cannot be believed. The gateway's log says why.",
	}
	errOneAnswer = &loglane.StatusError{Code: http.StatusBadRequest, Message: "The provider's answer is malformed. Sign in again."}
	errNoOrigin  = &loglane.StatusError{
		Code:    http.StatusBadRequest,
		Message: "Signing in here needs the gateway's own address: set --public-url to what browsers have in their address bar.",
	}
)

// Start sends the browser to the provider; origin is where it finds the gateway, without a
// path. It comes back to the callback, and from there to next. Its errors are
// [*loglane.StatusError]s for a page; 429 is for an address that has begun too many.
func (o *OIDC) Start(w http.ResponseWriter, r *http.Request, origin, next string) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	if err := o.plainOnlyHere(origin); err != nil {
		return err
	}
	if _, err := o.try(o.begun, r, "Too many sign-ins were begun from this address"); err != nil {
		return err
	}
	f := newFlow(SafeNext(next, o.base), o.base)
	o.keepFlow(w, r, f)
	o.dropCookie(w, r, pauseMark)
	http.Redirect(w, r, o.config(p, origin).AuthCodeURL(f.state(), oidc.Nonce(f.nonce()), oauth2.S256ChallengeOption(f.verifier())), http.StatusFound)
	return nil
}

// plainOnlyHere refuses to sign anybody in over plain http from another machine: the
// cookie's secret and the code would be anybody's.
func (o *OIDC) plainOnlyHere(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "https" && !LoopbackHost(u.Host) {
		return errNoOrigin
	}
	return nil
}

func (o *OIDC) config(p *provider, origin string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.client, ClientSecret: o.secret, Endpoint: p.endpoint, Scopes: o.scopes,
		RedirectURL: origin + o.base + "login/oidc/callback",
	}
}

// Finish makes a session of the provider's answer, and returns where the browser goes on. The
// answer must belong to a flow of this browser. Its errors are, or wrap, a
// [*loglane.StatusError] for a page; what is behind them is logged. 429 is for an address that
// has brought too many that did not hold: the same answer holds later.
func (o *OIDC) Finish(w http.ResponseWriter, r *http.Request, origin string) (who *Principal, next string, err error) {
	giveBack, err := o.try(o.brought, r, "Too many sign-ins from this address did not hold")
	if err != nil {
		return nil, "", err
	}
	if who, next, err = o.finish(w, r, origin); err == nil {
		o.begun.giveBack(o.tryKey(r))
	}
	if err == nil || isAway(err) {
		giveBack()
	}
	return who, next, err
}

func (o *OIDC) finish(w http.ResponseWriter, r *http.Request, origin string) (who *Principal, next string, err error) {
	query := r.URL.Query()
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 || len(query.Get(name)) > maxCode {
			return nil, "", errOneAnswer
		}
	}
	f, err := o.takeFlow(w, r, query.Get("state"))
	if err != nil {
		return nil, "", err
	}
	p, err := o.provider()
	if err != nil {
		return nil, "", err
	}
	if err := o.plainOnlyHere(origin); err != nil {
		return nil, "", err
	}
	if iss, given := query["iss"]; given && iss[0] != o.issuer || !given && p.issAlways {
		return nil, "", o.disbelieve(errors.New("the answer's iss is not the issuer"))
	}
	if code := query.Get("error"); code != "" {
		o.log.Info("a sign-in was refused by the provider", "issuer", o.issuer, "error", errorCode(code))
		return nil, "", refusedBy(code)
	}
	if query.Get("code") == "" {
		return nil, "", errOneAnswer
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(r.Context(), o.site.client), providerTime)
	defer cancel()
	select {
	case o.turns <- struct{}{}:
		defer func() { <-o.turns }()
	default:
		return nil, "", errManySignIns
	}
	told, err := o.exchange(ctx, p, origin, f, query.Get("code"))
	if err != nil {
		return nil, "", err
	}
	if who, err = o.admit(w, r, f, told); err != nil {
		return nil, "", err
	}
	return who, SafeNext(f.next, o.base), nil
}

// maxExchanges bounds the codes that are taken to the provider at once: anybody can bring one.
const maxExchanges = 32

var errManySignIns = &loglane.StatusError{
	Code: http.StatusServiceUnavailable, Message: "Too many are signing in at this moment. Try again.", RetryAfter: 2 * time.Second,
}

// disbelieve logs why a provider's answer is not taken.
func (o *OIDC) disbelieve(cause error) error {
	o.log.Warn("a sign-in was refused: the provider's answer cannot be believed", "issuer", o.issuer, "error", briefly(cause))
	return errProviderLies
}

var errorForm = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,64}$`)

// errorCode is a provider's error as it may be shown; its description is anybody's text.
func errorCode(text string) string {
	if !errorForm.MatchString(text) {
		return "unknown"
	}
	return text
}

func refusedBy(code string) error {
	switch code {
	case "access_denied":
		return &loglane.StatusError{Code: http.StatusForbidden, Message: "Not signed in: the provider, or you, refused it."}
	case "temporarily_unavailable", "server_error":
		return errProviderAway
	default:
		return &loglane.StatusError{Code: http.StatusForbidden, Message: "Not signed in: the provider answers with the error " + errorCode(code) + "."}
	}
}

// A stranger is somebody of whom a provider has told.
type stranger struct {
	told
	raw string // the ID token
}

// exchange takes the code to the provider, and judges whom it gets for it.
func (o *OIDC) exchange(ctx context.Context, p *provider, origin string, f flow, code string) (*stranger, error) {
	token, err := o.config(p, origin).Exchange(ctx, code, oauth2.VerifierOption(f.verifier()))
	var retrieve *oauth2.RetrieveError
	switch {
	case errors.As(err, &retrieve) && retrieve.ErrorCode == "invalid_grant":
		o.log.Info("a sign-in was refused by the provider", "issuer", o.issuer, "error", "invalid_grant")
		return nil, errNoFlow
	case errors.As(err, &retrieve):
		return nil, o.disbelieve(err)
	case err != nil:
		o.log.Warn("the sign-in provider cannot be reached", "issuer", o.issuer, "error", briefly(err))
		return nil, errProviderAway
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := o.verify(ctx, p, f, raw, token.AccessToken)
	if err != nil {
		return nil, o.disbelieve(err)
	}
	all, err := o.claims(ctx, p, id, token)
	if err != nil {
		return nil, o.disbelieve(err)
	}
	name, err := all.name(o.name)
	if err != nil {
		return nil, notNamed(err)
	}
	sid := ""
	if given := all.text("sid"); given != "" {
		sid = fingerprint("sid", o.issuer, given)
	}
	return &stranger{told{
		Way: o.way, Name: name, Groups: o.mint.Counting(all.groups(o.roles)),
		Subject: fingerprint("sub", o.issuer, id.Subject), SID: sid,
	}, raw}, nil
}

// verify judges an ID token: signature, issuer, audience and expiry by go-oidc, the rest here.
func (o *OIDC) verify(ctx context.Context, p *provider, f flow, raw, access string) (*oidc.IDToken, error) {
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, err
	}
	var azp struct {
		Party *string `json:"azp"`
	}
	if err := id.Claims(&azp); err != nil {
		return nil, err
	}
	age := time.Since(id.IssuedAt)
	switch {
	case !sameSecret(id.Nonce, f.nonce()):
		return nil, errors.New("the ID token has another sign-in's nonce")
	case !slices.Contains(id.Audience, o.client):
		return nil, errors.New("the ID token is for another client")
	case azp.Party != nil && *azp.Party != o.client, azp.Party == nil && len(id.Audience) > 1:
		return nil, errors.New("the ID token was issued to another client (azp)")
	case age > issuedWithin || age < -issuedWithin:
		return nil, fmt.Errorf("the ID token was issued %v ago: are the clocks right?", age.Round(time.Second))
	case id.Subject == "" || len(id.Subject) > maxSubject:
		return nil, fmt.Errorf("the ID token has no sub of 1 to %d bytes", maxSubject)
	case id.AccessTokenHash != "":
		return id, id.VerifyAccessToken(access)
	}
	return id, nil
}

// admit makes the session. A flow makes one, whatever its answer is: the code alone would
// leave that to the provider.
func (o *OIDC) admit(w http.ResponseWriter, r *http.Request, f flow, who *stranger) (*Principal, error) {
	principal, err := o.mint.Principal(who.Name, who.Groups)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	if err := o.once(ctx, fingerprint("flow", f.secret), flowLife); err != nil {
		return nil, err
	}
	version, _, err := o.login.sessions.Load(ctx, who.Subject)
	if err != nil {
		return nil, unavailable(fmt.Errorf("session store: %w", err))
	}
	who.Version = string(version)
	token := newToken()
	who.Hint = seal(token, who.raw)
	s := session{Ends: time.Now().Add(o.lifetime), Told: &who.told}
	key, err := o.login.admit(ctx, w, r, token, s)
	if err != nil {
		return nil, err
	}
	o.login.bound(ctx, who.Subject, key)
	o.pause(w, r, pauseAfterSignIn)
	principal.Way = wayOIDC
	return principal, nil
}

// once fails the second time that it gets a key within life, on any gateway.
func (o *OIDC) once(ctx context.Context, key string, life time.Duration) error {
	if !o.used.addNew(key) {
		return errNoFlow
	}
	_, found, err := o.login.sessions.Load(ctx, key)
	if err == nil && !found {
		err = o.login.sessions.Save(ctx, key, []byte("used"), life)
	}
	switch {
	case err != nil:
		o.used.forget(key)
		return unavailable(fmt.Errorf("session store: %w", err))
	case found:
		return errNoFlow
	}
	return nil
}
