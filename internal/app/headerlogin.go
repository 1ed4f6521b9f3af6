package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// HeaderLogin is the login of a proxy in front, which says in a header who sends a request.
type HeaderLogin struct {
	TrustedHeader           string        `name:"trusted-header" env:"LOGLANE_TRUSTED_HEADER" example:"Remote-User" placeholder:"HEADER" help:"Header in which a proxy that signs users in says who they are; the proxy must take out what callers send."`
	TrustedHeaderGroups     string        `name:"trusted-header-groups" env:"LOGLANE_TRUSTED_HEADER_GROUPS" example:"Remote-Groups" placeholder:"HEADER" help:"Header in which it tells their groups, for --role-map and --channel-map, separated by commas."`
	TrustedHeaderProxies    string        `name:"trusted-header-proxies" env:"LOGLANE_TRUSTED_HEADER_PROXIES" example:"127.0.0.1,10.0.0.5" placeholder:"CIDR,…" help:"Addresses of the proxies that those headers are believed of; it takes these, a secret, or --addr unix:PATH."`
	TrustedHeaderSecretFile string        `name:"trusted-header-secret-file" env:"LOGLANE_TRUSTED_HEADER_SECRET_FILE" example:"/run/secrets/proxy" placeholder:"FILE" help:"File with a secret that the proxy must send in the header Loglane-Proxy-Secret, beside its address if addresses are named."`
	TrustedHeaderNamePrefix string        `name:"trusted-header-name-prefix" env:"LOGLANE_TRUSTED_HEADER_NAME_PREFIX" example:"sso:" placeholder:"PREFIX" help:"What goes before the names that the proxy tells, so that they are no other way's."`
	TrustedHeaderMaxAge     time.Duration `name:"trusted-header-max-age" env:"LOGLANE_TRUSTED_HEADER_MAX_AGE" default:"1h" help:"How long a stream lasts before it is opened anew, by who the proxy says it is then."`
}

const (
	minHeaderAge    = time.Minute
	maxHeaderAge    = 24 * time.Hour
	maxHeaderSecret = 1 << 10 // bytes
)

// checkHeaderLogin reports what is wrong with the proxy's header.
func (s *Settings) checkHeaderLogin() error {
	h := &s.HeaderLogin
	if h.TrustedHeader == "" {
		return h.checkAbsent()
	}
	var errs []error
	for name, value := range map[string]string{"trusted-header": h.TrustedHeader, "trusted-header-groups": h.TrustedHeaderGroups} {
		if err := auth.CheckHeaderName(value); value != "" && err != nil {
			errs = append(errs, Wrong(name, value, err.Error()))
		}
	}
	_, unix := server.UnixPath(s.Addr)
	if !unix && h.TrustedHeaderProxies == "" && h.TrustedHeaderSecretFile == "" {
		errs = append(errs, Wrong("trusted-header-proxies", "", "it is missing, so that whoever reaches the gateway could say who they are: name the proxies, or take --trusted-header-secret-file or --addr unix:PATH"))
	}
	if unix && h.TrustedHeaderProxies != "" {
		errs = append(errs, Wrong("trusted-header-proxies", h.TrustedHeaderProxies, "who comes over the Unix socket of --addr has no address: leave it out"))
	}
	if _, err := server.ParseProxies(h.TrustedHeaderProxies); err != nil {
		for _, err := range unjoined(err) {
			errs = append(errs, Wrong("trusted-header-proxies", h.TrustedHeaderProxies, err.Error()))
		}
	}
	_, err := h.proxySecret()
	if err == nil && len(errs) == 0 {
		err = refused("trusted-header-groups", h.TrustedHeaderGroups, s.tooAlike())
	}
	return errors.Join(append(errs, err,
		checkPrefix(minter{"trusted-header", h.TrustedHeaderNamePrefix}, h.TrustedHeader),
		within("trusted-header-max-age", h.TrustedHeaderMaxAge, minHeaderAge, maxHeaderAge))...)
}

// tooAlike fails where the two headers could be taken for one another.
func (s *Settings) tooAlike() error {
	options, err := s.headerOptions()
	if err == nil {
		_, err = auth.NewHeader(options)
	}
	return err
}

func (h *HeaderLogin) checkAbsent() error {
	for name, value := range map[string]string{
		"trusted-header-groups": h.TrustedHeaderGroups, "trusted-header-proxies": h.TrustedHeaderProxies,
		"trusted-header-secret-file": h.TrustedHeaderSecretFile, "trusted-header-name-prefix": h.TrustedHeaderNamePrefix,
	} {
		if value != "" {
			return Wrong("trusted-header", "", "it is missing: --"+name+" is about it")
		}
	}
	return nil
}

// proxySecret is the proxy's; nil where there is none. Its errors do not have it.
func (h *HeaderLogin) proxySecret() ([]byte, error) {
	if h.TrustedHeaderSecretFile == "" {
		return nil, nil
	}
	data, err := contentOf("trusted-header-secret-file", h.TrustedHeaderSecretFile)
	if err != nil {
		return nil, err
	}
	secret := bytes.TrimRight(data, "\r\n")
	visible := !bytes.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(secret) < auth.MinHeaderSecret || len(secret) > maxHeaderSecret || !visible {
		return nil, &SettingError{Name: "trusted-header-secret-file", Value: h.TrustedHeaderSecretFile,
			Wrong: fmt.Sprintf("it has no secret of %d to %d printable characters of ASCII without spaces, such as 'openssl rand -hex 32' makes", auth.MinHeaderSecret, maxHeaderSecret)}
	}
	return secret, nil
}

func (s *Settings) headerOptions() (auth.HeaderOptions, error) {
	h := &s.HeaderLogin
	proxies, err := server.ParseProxies(h.TrustedHeaderProxies)
	if err != nil {
		return auth.HeaderOptions{}, err
	}
	secret, err := h.proxySecret()
	_, unix := server.UnixPath(s.Addr)
	return auth.HeaderOptions{
		Name: h.TrustedHeader, Groups: h.TrustedHeaderGroups,
		Proxies: proxies, UnixSocket: unix, Secret: secret, MaxAge: h.TrustedHeaderMaxAge,
	}, err
}

// wireHeader makes the way in through a proxy's header.
func (a *App) wireHeader(template loglane.Template) error {
	if a.settings.TrustedHeader == "" {
		return nil
	}
	options, err := a.settings.headerOptions()
	if err != nil {
		return err
	}
	options.Mint, options.Logger = a.mint("trusted-header", template), a.log
	way, err := auth.NewHeader(options)
	if err != nil {
		return err
	}
	a.ways = append(a.ways, way)
	return nil
}

// examineHeader says whose word is taken; whether a proxy takes out what callers send cannot
// be seen from here.
func examineHeader(_ context.Context, s *Settings) []Finding {
	if s.TrustedHeader == "" {
		return nil
	}
	var who []string
	if _, unix := server.UnixPath(s.Addr); unix {
		who = append(who, "who may open the Unix socket")
	}
	if s.TrustedHeaderProxies != "" {
		who = append(who, "proxies at "+s.TrustedHeaderProxies)
	}
	if s.TrustedHeaderSecretFile != "" {
		who = append(who, "who knows the secret")
	}
	return []Finding{{"trusted-header", Fine, s.TrustedHeader + " is believed of " + strings.Join(who, ", and of them "), ""}}
}
