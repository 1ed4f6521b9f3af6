package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// DefaultOIDCLifetime is how long a session of a provider's user lasts.
	DefaultOIDCLifetime = 8 * time.Hour

	minOIDCLifetime = time.Minute
	maxSubject      = 255 // bytes, as OpenID Connect Core bounds it
)

// DefaultOIDCTries bound sign-ins that do not hold: many people may share an address, and
// may all be at the provider's page at once.
var DefaultOIDCTries = Tries{Burst: 200, Every: time.Second}

// DefaultOIDCScopes are what is asked for; openid is a must.
var DefaultOIDCScopes = []string{"openid", "profile", "email"}

// OIDCOptions is what an [OIDC] is made of. Login, Issuer and ClientID are needed.
type OIDCOptions struct {
	// Login keeps the sessions; its lifetime bounds theirs. One OIDC may use it.
	Login *Login

	Issuer       string // URL, exactly as the provider's tokens have it
	ClientID     string
	ClientSecret string   // "" is a public client, which has PKCE only
	Scopes       []string // nil is [DefaultOIDCScopes]; openid is added

	// NameClaim is what users are called by; "" is sub, the only claim that providers promise
	// to be somebody's for ever. email counts only where email_verified is true.
	NameClaim string
	// RolesClaim has the groups that Mint knows: a claim's name, or a path such as
	// realm_access.roles. "" is none.
	RolesClaim string
	Mint       Mint

	// Title is what the login page calls the provider; "" is the issuer's host.
	Title string

	// Lifetime is when a session ends, after the sign-in; 0 is [DefaultOIDCLifetime].
	Lifetime time.Duration

	// Tries bound what one address, as Login counts it, begins and does not end, and what it
	// comes back with in vain, each by itself, on this process; the zero value is
	// [DefaultOIDCTries].
	Tries Tries

	BasePath string       // URL path that everything is below; default "/"
	Logger   *slog.Logger // default slog.Default()
}

// OIDC signs people in at an OpenID Connect provider: by the code flow with PKCE, whose
// state, nonce and verifier are bound to a cookie. Its sessions are kept by a [Login], which
// authenticates their requests. Its methods may be called concurrently. [NewOIDC] starts
// nothing; [OIDC.Run] looks for the provider.
type OIDC struct {
	login    *Login
	issuer   string
	client   string
	secret   string
	scopes   []string
	name     string
	roles    string
	mint     Mint
	title    string
	lifetime time.Duration
	base     string // with a slash at its end
	way      string // fingerprint of whose sessions are ours
	log      *slog.Logger

	site  *providerSite
	found atomic.Pointer[provider] // nil before the discovery
	wake  chan struct{}
	used  *recent // flows that have made a session
	turns chan struct{}

	begun, brought *tries // by address: sign-ins, and what is brought back from the provider
}

// NewOIDC returns a way in through a provider. It names all that is wrong with the options
// together, and asks the provider nothing.
func NewOIDC(o OIDCOptions) (*OIDC, error) {
	if o.NameClaim == "" {
		o.NameClaim = "sub"
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultOIDCLifetime
	}
	if o.Tries == (Tries{}) {
		o.Tries = DefaultOIDCTries
	}
	if o.Scopes == nil {
		o.Scopes = DefaultOIDCScopes
	}
	if o.BasePath == "" {
		o.BasePath = "/"
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.Title == "" {
		u, _ := url.Parse(o.Issuer) // validate has seen it
		o.Title = u.Hostname()
	}
	p := &OIDC{
		login: o.Login, issuer: o.Issuer, client: o.ClientID, secret: o.ClientSecret, scopes: withOpenID(o.Scopes),
		name: o.NameClaim, roles: o.RolesClaim, mint: o.Mint, title: o.Title, lifetime: o.Lifetime,
		base: strings.TrimSuffix(o.BasePath, "/") + "/", way: fingerprint("way", o.Issuer, o.ClientID, o.NameClaim, o.RolesClaim),
		log: o.Logger, site: newProviderSite(), wake: make(chan struct{}, 1), used: newRecent(maxRemembered, flowLife), turns: make(chan struct{}, maxExchanges),
		begun: newTries(o.Tries), brought: newTries(o.Tries),
	}
	o.Login.outside = p.recall
	return p, nil
}

func (o OIDCOptions) validate() error {
	var problems []error
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Errorf("oidc: "+format, args...)) }
	switch {
	case o.Login == nil:
		refuse("Login is missing: it keeps the sessions")
	case o.Lifetime < minOIDCLifetime || o.Lifetime > o.Login.lifetime:
		refuse("Lifetime is %v: it must be from %v to %v", o.Lifetime, minOIDCLifetime, o.Login.lifetime)
	}
	if err := CheckIssuer(o.Issuer); err != nil {
		refuse("Issuer: %w", err)
	}
	if o.ClientID == "" {
		refuse("ClientID is missing")
	}
	if !o.Tries.valid() {
		refuse("Tries is %+v: Burst is at least 1 and Every more than 0", o.Tries)
	}
	return errors.Join(problems...)
}

// CheckIssuer says what is wrong with a provider's URL: it is https, or http on this machine.
func CheckIssuer(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("it is not a URL that begins with https://")
	case u.Scheme == "http" && !LoopbackHost(u.Host):
		return errors.New("it must begin with https://: http is for a provider on this machine")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("it has more than a scheme, a host and a path")
	}
	return nil
}

func withOpenID(scopes []string) []string {
	all := []string{"openid"}
	for _, scope := range scopes {
		if scope != "openid" && scope != "" {
			all = append(all, scope)
		}
	}
	return all
}

// Title is what the login page calls the provider.
func (o *OIDC) Title() string { return o.title }

// fingerprint is the hash of a list of texts, for the store's keys.
func fingerprint(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(h, "%d:%s", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// told is what a provider said at a sign-in, as the session keeps it.
type told struct {
	Way     string   `json:"way"`
	Name    string   `json:"name"` // without the prefix
	Groups  []string `json:"groups,omitempty"`
	Subject string   `json:"subject"`           // fingerprint
	SID     string   `json:"sid,omitempty"`     // fingerprint of the provider's session
	Version string   `json:"version,omitempty"` // of the subject's last sign-out at the provider
	Hint    []byte   `json:"hint,omitempty"`    // the ID token, sealed with the cookie
}

// about is what is known of a session by, when a provider ends it.
func (t *told) about() string {
	if t == nil {
		return ""
	}
	return t.Subject + " " + t.SID
}

// recall returns the principal of a session with what its groups give now; nil where it
// stands no longer. An error means that the store cannot be asked.
func (o *OIDC) recall(ctx context.Context, t *told) (*Principal, error) {
	if t.Way != o.way {
		return nil, nil
	}
	if t.SID != "" {
		if _, ended, err := o.login.sessions.Load(ctx, t.SID); err != nil || ended {
			return nil, err
		}
	}
	version, ended, err := o.login.sessions.Load(ctx, t.Subject)
	if err != nil || ended && string(version) != t.Version {
		return nil, err
	}
	p, err := o.mint.Principal(t.Name, t.Groups)
	if err != nil {
		return nil, nil // the settings have changed, and it cannot be a name any more
	}
	return p, nil
}

// wayOIDC is what the audit calls the way in.
const wayOIDC = "oidc"
