package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// providerTime bounds one question to a provider.
	providerTime = 10 * time.Second
	// maxProviderAnswer bounds the body of its answer.
	maxProviderAnswer = 512 << 10

	minRediscover = time.Second // after a failure, doubled up to the next
	maxRediscover = time.Minute
	rediscover    = time.Hour // after a success
)

// keyFetches bounds how often the provider's keys are asked for: anybody can send a token
// with a key that nobody has.
var keyFetches = Tries{Burst: 3, Every: 10 * time.Second}

// providerSite is how a provider is asked.
type providerSite struct {
	transport *http.Transport
	client    *http.Client // for all but the keys
	keys      *http.Client
}

func newProviderSite() *providerSite {
	transport := &http.Transport{
		// Unlike the URL of --auth-url, a provider may be out of the own network; it has TLS.
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: providerTime}).DialContext,
		TLSHandshakeTimeout:    providerTime,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxConnsPerHost:        maxExchanges,
		ForceAttemptHTTP2:      true,
	}
	limited := &boundedAnswers{transport}
	asking := func(t http.RoundTripper) *http.Client {
		return &http.Client{
			Transport: t, Timeout: providerTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &providerSite{transport, asking(limited), asking(&seldom{limited, newTries(keyFetches)})}
}

// boundedAnswers cuts bodies that are too long, with an error.
type boundedAnswers struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (b *boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = &boundedBody{ReadCloser: response.Body, left: maxProviderAnswer}
	}
	return response, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

// Read implements [io.Reader].
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("its answer has more than %d bytes", maxProviderAnswer)
	}
	return n, err
}

// seldom asks only so often.
type seldom struct {
	next  http.RoundTripper
	tries *tries
}

// RoundTrip implements [http.RoundTripper].
func (s *seldom) RoundTrip(r *http.Request) (*http.Response, error) {
	if wait, ok := s.tries.take(tryKey{}); !ok {
		if r.Body != nil {
			_ = r.Body.Close() // the contract of a RoundTripper
		}
		return nil, fmt.Errorf("the provider's keys were asked for too often: again in %v", wait.Round(time.Second))
	}
	return s.next.RoundTrip(r)
}

// provider is what a discovery has found.
type provider struct {
	*oidc.Provider
	verifier   *oidc.IDTokenVerifier
	endpoint   oauth2.Endpoint
	endSession string // "" is none
	issAlways  bool   // its answers say who it is
	metadata   metadata
}

// metadata is what go-oidc does not read of the discovery.
type metadata struct {
	EndSession  string   `json:"end_session_endpoint"`
	JWKS        string   `json:"jwks_uri"`
	IssAlways   bool     `json:"authorization_response_iss_parameter_supported"`
	TokenAuth   []string `json:"token_endpoint_auth_methods_supported"`
	Challenges  []string `json:"code_challenge_methods_supported"`
	BackChannel bool     `json:"backchannel_logout_supported"`
}

// discover asks the provider for its endpoints.
func (o *OIDC) discover(ctx context.Context) (*provider, error) {
	ctx, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, o.site.client), o.issuer)
	if err != nil {
		return nil, briefly(err)
	}
	p := &provider{Provider: found, endpoint: found.Endpoint()}
	if err := found.Claims(&p.metadata); err != nil {
		return nil, fmt.Errorf("its discovery document: %w", briefly(err))
	}
	p.endSession, p.issAlways = p.metadata.EndSession, p.metadata.IssAlways
	for name, text := range map[string]string{
		"authorization_endpoint": p.endpoint.AuthURL, "token_endpoint": p.endpoint.TokenURL, "jwks_uri": p.metadata.JWKS,
	} {
		if err := o.checkEndpoint(text); err != nil {
			return nil, fmt.Errorf("the %s of its discovery document: %w", name, err)
		}
	}
	for name, text := range map[string]string{"end_session_endpoint": p.endSession, "userinfo_endpoint": p.UserInfoEndpoint()} {
		if err := o.checkEndpoint(text); text != "" && err != nil {
			return nil, fmt.Errorf("the %s of its discovery document: %w", name, err)
		}
	}
	p.endpoint.AuthStyle = oauth2.AuthStyleInHeader
	methods := p.metadata.TokenAuth
	if o.secret == "" || len(methods) > 0 && !slices.Contains(methods, "client_secret_basic") {
		p.endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	// Its context only carries the client: the keys are asked for on demand, and seldom.
	p.verifier = found.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), o.site.keys), &oidc.Config{ClientID: o.client})
	return p, nil
}

// checkEndpoint refuses what would carry secrets in the clear.
func (o *OIDC) checkEndpoint(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it is not a URL that begins with https://")
	case u.Scheme == "http" && !(strings.HasPrefix(o.issuer, "http:") && LoopbackHost(u.Host)):
		return errors.New("it does not begin with https://")
	case u.User != nil || u.Fragment != "":
		return errors.New("it has a user or a fragment (#)")
	}
	return nil
}

// Run looks for the provider until it is found, and again once an hour, until ctx ends. It
// does not keep others from signing in meanwhile. At most one Run may run.
func (o *OIDC) Run(ctx context.Context) error {
	defer o.site.transport.CloseIdleConnections()
	wait := minRediscover
	told := ""
	for {
		p, err := o.discover(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			if o.found.Swap(p) == nil || told != "" {
				o.log.Info("the sign-in provider is there", "issuer", o.issuer)
			}
			wait, told = minRediscover, ""
		case told != err.Error():
			told = err.Error()
			o.log.Warn("the sign-in provider cannot be used; it is asked again", "issuer", o.issuer, "error", err)
		}
		pause := rediscover
		if err != nil {
			pause = wait/2 + rand.N(wait/2)
			wait = min(2*wait, maxRediscover)
		}
		if !o.sleep(ctx, pause, err != nil) {
			return nil
		}
	}
}

// sleep waits, for less where somebody wants to sign in; false is the end.
func (o *OIDC) sleep(ctx context.Context, pause time.Duration, wakes bool) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	wake := o.wake
	if !wakes {
		wake = nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case <-wake:
	}
	select { // not more often than this, whoever asks
	case <-ctx.Done():
		return false
	case <-time.After(minRediscover):
		return true
	}
}

// provider returns what was discovered, or an error with code 503.
func (o *OIDC) provider() (*provider, error) {
	if p := o.found.Load(); p != nil {
		return p, nil
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil, errProviderAway
}

// Finding is what [OIDC.Examine] has to say.
type Finding struct {
	EndSession  bool // it has a page to sign out at
	BackChannel bool // it tells of sign-outs elsewhere
	PKCE        bool // it says that it takes S256
}

// Examine asks the provider once, keys included.
func (o *OIDC) Examine(ctx context.Context) (Finding, error) {
	defer o.site.transport.CloseIdleConnections()
	p, err := o.discover(ctx)
	if err != nil {
		return Finding{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.metadata.JWKS, nil)
	if err != nil {
		return Finding{}, err
	}
	response, err := o.site.keys.Do(r)
	if err != nil {
		return Finding{}, fmt.Errorf("its keys: %w", briefly(err))
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return Finding{}, fmt.Errorf("its keys: %s answers %s", p.metadata.JWKS, response.Status)
	}
	return Finding{p.endSession != "", p.metadata.BackChannel, slices.Contains(p.metadata.Challenges, "S256")}, nil
}

// maxCause bounds what is logged of a provider's words.
const maxCause = 300

// briefly is an error without what a provider may have echoed: a code, a token, a page.
func briefly(err error) error {
	var retrieve *oauth2.RetrieveError
	if errors.As(err, &retrieve) {
		status := 0
		if retrieve.Response != nil {
			status = retrieve.Response.StatusCode
		}
		return fmt.Errorf("the token endpoint answers %d with the error %q", status, errorCode(retrieve.ErrorCode))
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		if at, bad := url.Parse(failed.URL); bad == nil {
			return fmt.Errorf("%s://%s%s: %w", at.Scheme, at.Host, at.Path, failed.Err)
		}
		return failed.Err
	}
	if text := err.Error(); len(text) > maxCause {
		return errors.New(strings.ToValidUTF8(text[:maxCause], "") + "…")
	}
	return err
}
