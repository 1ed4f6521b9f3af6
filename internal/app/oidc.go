package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// OIDC is signing in at an OpenID Connect provider.
type OIDC struct {
	OIDCIssuer           string        `name:"oidc-issuer" env:"LOGLANE_OIDC_ISSUER" example:"https://id.example.com/realms/main" placeholder:"URL" help:"OpenID Connect provider to sign in at, as its tokens name it."`
	OIDCClientID         string        `name:"oidc-client-id" env:"LOGLANE_OIDC_CLIENT_ID" example:"loglane" placeholder:"ID" help:"What the provider knows the gateway by."`
	OIDCClientSecret     string        `name:"oidc-client-secret" env:"LOGLANE_OIDC_CLIENT_SECRET" example:"…" placeholder:"SECRET" help:"The client's secret; everybody on this machine sees a flag, so take the variable or a file. A public client has none."`
	OIDCClientSecretFile string        `name:"oidc-client-secret-file" env:"LOGLANE_OIDC_CLIENT_SECRET_FILE" example:"/run/secrets/oidc" placeholder:"FILE" help:"File with the client's secret."`
	OIDCScopes           string        `name:"oidc-scopes" env:"LOGLANE_OIDC_SCOPES" default:"openid,profile,email" placeholder:"SCOPE,…" help:"Scopes that are asked for, such as one that has the provider tell groups."`
	OIDCNameClaim        string        `name:"oidc-name-claim" env:"LOGLANE_OIDC_NAME_CLAIM" default:"sub" example:"preferred_username" placeholder:"CLAIM" help:"Claim that users are called by; of them all only sub is never given to somebody else. email counts only where it is verified."`
	OIDCRolesClaim       string        `name:"oidc-roles-claim" env:"LOGLANE_OIDC_ROLES_CLAIM" default:"groups" example:"realm_access.roles" placeholder:"CLAIM" help:"Claim with the groups for --role-map and --channel-map; dots lead into it."`
	OIDCNamePrefix       string        `name:"oidc-name-prefix" env:"LOGLANE_OIDC_NAME_PREFIX" example:"corp:" placeholder:"PREFIX" help:"What goes before the names that the provider tells, so that they are no other way's."`
	OIDCTitle            string        `name:"oidc-title" env:"LOGLANE_OIDC_TITLE" example:"Example Corp" placeholder:"TEXT" help:"What the login page calls the provider; without it, by the issuer's host."`
	OIDCSession          time.Duration `name:"oidc-session" env:"LOGLANE_OIDC_SESSION" default:"8h" help:"How long a sign-in lasts, up to 12h; groups are asked for at each."`
}

const (
	minOIDCSession  = time.Minute
	maxClientSecret = 4 << 10
	maxTitle        = 100
)

var scopeForm = regexp.MustCompile(`^[\x21\x23-\x5b\x5d-\x7e]{1,200}$`) // RFC 6749

// Check reports what is wrong with the provider's settings.
func (o *OIDC) Check() error {
	if o.OIDCIssuer == "" {
		return o.checkAbsent()
	}
	var errs []error
	if err := auth.CheckIssuer(o.OIDCIssuer); err != nil {
		errs = append(errs, Wrong("oidc-issuer", redactedURL(o.OIDCIssuer), err.Error()))
	}
	if o.OIDCClientID == "" {
		errs = append(errs, Wrong("oidc-client-id", "", "it is missing: register the gateway with the provider, which gives it one"))
	}
	if _, err := o.secret(); err != nil {
		errs = append(errs, err)
	}
	for _, scope := range o.scopes() {
		if !scopeForm.MatchString(scope) {
			errs = append(errs, Wrong("oidc-scopes", o.OIDCScopes, fmt.Sprintf("%q is no scope", scope)))
		}
	}
	if o.OIDCNameClaim == "" {
		errs = append(errs, zero("oidc-name-claim"))
	}
	if len(o.OIDCTitle) > maxTitle {
		errs = append(errs, Wrong("oidc-title", "", fmt.Sprintf("it is longer than %d bytes", maxTitle)))
	}
	return errors.Join(append(errs,
		checkPrefix(minter{"oidc-issuer", o.OIDCNamePrefix}, o.OIDCIssuer),
		within("oidc-session", o.OIDCSession, minOIDCSession, auth.DefaultLifetime),
	)...)
}

// checkAbsent refuses settings of a provider that is not there.
func (o *OIDC) checkAbsent() error {
	for name, value := range map[string]string{
		"oidc-client-id": o.OIDCClientID, "oidc-client-secret": o.OIDCClientSecret,
		"oidc-client-secret-file": o.OIDCClientSecretFile, "oidc-title": o.OIDCTitle, "oidc-name-prefix": o.OIDCNamePrefix,
	} {
		if value != "" {
			return Wrong("oidc-issuer", "", "it is missing: --"+name+" is about the provider")
		}
	}
	return nil
}

// scopes are separated by commas or spaces.
func (o *OIDC) scopes() []string {
	return strings.FieldsFunc(o.OIDCScopes, func(r rune) bool { return r == ',' || r == ' ' })
}

// secret is the client's, from wherever it stands. Its errors do not have it.
func (o *OIDC) secret() (string, error) {
	switch {
	case o.OIDCClientSecretFile == "":
		return o.OIDCClientSecret, nil
	case o.OIDCClientSecret != "":
		return "", Wrong("oidc-client-secret-file", o.OIDCClientSecretFile, "--oidc-client-secret is there, too: leave one of them out")
	}
	file, err := os.Open(o.OIDCClientSecretFile)
	if err != nil {
		return "", &SettingError{Name: "oidc-client-secret-file", Wrong: err.Error()}
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxClientSecret+1))
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		return "", &SettingError{Name: "oidc-client-secret-file", Wrong: err.Error()}
	case text == "" || len(data) > maxClientSecret:
		return "", Wrong("oidc-client-secret-file", o.OIDCClientSecretFile, fmt.Sprintf("it has no secret of 1 to %d bytes", maxClientSecret))
	}
	return text, nil
}

// checkReturn reports whether browsers can come back from the provider, and safely.
func (s *Settings) checkReturn() error {
	if s.OIDCIssuer == "" {
		return nil
	}
	if s.LoginURL != "" {
		return Wrong("login-url", redactedURL(s.LoginURL), "the login page is that of --oidc-issuer: leave one of them out")
	}
	if s.PublicURL == "" {
		host, _, err := net.SplitHostPort(s.Addr)
		if err == nil && !auth.LoopbackHost(host) {
			return Wrong("public-url", "", "it is missing: the provider of --oidc-issuer sends browsers back there")
		}
		return nil
	}
	if public, err := s.public(); err == nil && public.Scheme != "https" && !auth.LoopbackHost(public.Host) {
		return Wrong("public-url", s.PublicURL, "with --oidc-issuer it must begin with https://, for who hears a sign-in on the way could take it over")
	}
	return nil
}

// provider makes the way in through a provider, whose sessions login keeps.
func (s *Settings) provider(login *auth.Login, mint auth.Mint) (auth.OIDCOptions, error) {
	secret, err := s.secret()
	return auth.OIDCOptions{
		Login: login, Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: secret, Scopes: s.scopes(),
		NameClaim: s.OIDCNameClaim, RolesClaim: s.OIDCRolesClaim, Mint: mint, Title: s.OIDCTitle,
		Lifetime: s.OIDCSession, Tries: s.oidcTries(), BasePath: s.Base(),
	}, err
}

// wireOIDC makes the sign-in at a provider.
func (a *App) wireOIDC(template loglane.Template) error {
	if a.settings.OIDCIssuer == "" {
		return nil
	}
	options, err := a.settings.provider(a.login, a.mint("oidc-issuer", template))
	if err != nil {
		return err
	}
	options.Logger = a.log
	if a.oidc, err = auth.NewOIDC(options); err != nil {
		return err
	}
	a.spawn("sign-in provider", a.oidc.Run)
	return nil
}

// examineOIDC asks the provider.
func examineOIDC(ctx context.Context, s *Settings) []Finding {
	const check = "oidc-issuer"
	if s.OIDCIssuer == "" {
		return nil
	}
	// The sessions are of no account: nobody signs in.
	login, err := auth.NewLogin(auth.LoginOptions{Sessions: auth.NewMemorySessions(), Notices: auth.NewMemoryNotices()})
	var options auth.OIDCOptions
	if err == nil {
		options, err = s.provider(login, auth.Mint{})
	}
	var provider *auth.OIDC
	if err == nil {
		provider, err = auth.NewOIDC(options)
	}
	var found auth.Finding
	if err == nil {
		found, err = provider.Examine(ctx)
	}
	if err != nil {
		return []Finding{{check, Failing, fmt.Sprintf("nobody can sign in at %s: %v", s.OIDCIssuer, err),
			"start the provider, or set --oidc-issuer to what its tokens have as iss; the gateway starts without it and asks again"}}
	}
	all := []Finding{{check, Fine, "the provider answers at " + s.OIDCIssuer, ""}}
	if !found.PKCE {
		all = append(all, Finding{check, Warning, "the provider does not say that it takes PKCE with S256", "see whether it does: the gateway always sends it"})
	}
	if !found.EndSession {
		all = append(all, Finding{check, Warning, "the provider has no page to sign out at: whoever signs out here stays signed in there", "tell people, or take a provider that has"})
	}
	return all
}
