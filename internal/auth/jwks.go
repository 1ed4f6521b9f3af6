package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/loglane/loglane"
)

const (
	jwksTime      = 5 * time.Second // of one question, from its beginning to the end of the answer
	maxJWKS       = 512 << 10       // bytes of an answer's body
	maxJWKSHeader = 16 << 10
	maxJWKSLeads  = 3 // redirects, all on the URL's own host

	// jwksLife is the age from which a set is asked for anew while the old one is used.
	jwksLife = 5 * time.Minute
	// jwksPause is how often a set is asked for at most: anybody can send a token with a key
	// that nobody has. jwksRetry is the same after a failure.
	jwksPause = 10 * time.Second
	jwksRetry = 2 * time.Second
)

// CheckJWKSURL says what is wrong with the URL of an issuer's keys: it is https, or on this
// machine.
func CheckJWKSURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("it is not a URL that begins with https://")
	case u.Scheme == "http" && !LoopbackHost(u.Host):
		return errors.New("it must begin with https://, for who answers in its place could sign in as anybody")
	case u.User != nil || u.Fragment != "":
		return errors.New("it has a user or a fragment (#)")
	}
	return nil
}

// jwks has the keys of one issuer from its URL. It asks when a key is wanted that is not
// there, or when the set grows old, and then at most every few seconds and once at a time.
// The keys of the last answer count until there is another.
type jwks struct {
	url        string
	algorithms []string
	client     *http.Client
	log        *slog.Logger

	ctx    context.Context // of the questions; ends with close
	cancel context.CancelFunc
	asking sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	keys       []jwtKey
	begun      time.Time     // the last question; zero is never
	answered   time.Time     // the question that the keys are from
	failed     bool          // the last question
	flight     chan struct{} // closed at the end of the question under way; nil is none
	complained time.Time
}

func newJWKS(at string, algorithms []string, roots *x509.CertPool, log *slog.Logger) *jwks {
	transport := &http.Transport{
		// An issuer may be out of the own network; it has TLS.
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: jwksTime}).DialContext,
		TLSHandshakeTimeout:    jwksTime,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxJWKSHeader,
		ForceAttemptHTTP2:      true,
	}
	j := &jwks{url: at, algorithms: algorithms, log: log}
	j.client = &http.Client{Transport: transport, Timeout: jwksTime, CheckRedirect: onSameSite}
	j.ctx, j.cancel = context.WithCancel(context.Background())
	return j
}

// onSameSite refuses redirects that lead to another host or scheme.
func onSameSite(r *http.Request, via []*http.Request) error {
	switch first := via[0].URL; {
	case r.URL.Host != first.Host || r.URL.Scheme != first.Scheme:
		return errors.New("it leads to another host or scheme, which is not followed")
	case len(via) > maxJWKSLeads:
		return errors.New("it leads on and on")
	}
	return nil
}

// close ends the question under way and waits for it.
func (j *jwks) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.cancel()
	j.asking.Wait()
	j.client.CloseIdleConnections()
}

// find returns the one key that may have signed a token. Of several with one name, or of
// several without a name to choose by, none is taken.
func (j *jwks) find(ctx context.Context, alg, kid string) ([]jwtKey, error) {
	j.mu.Lock()
	found := matching(j.keys, alg, kid)
	if len(found) > 0 && time.Since(j.answered) >= jwksLife {
		j.ask()
	}
	j.mu.Unlock()
	if len(found) > 0 {
		return found, nil
	}
	if err := j.renew(ctx); err != nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return matching(j.keys, alg, kid), nil
}

func matching(keys []jwtKey, alg, kid string) (found []jwtKey) {
	for _, key := range keys {
		if slices.Contains(key.algorithms, alg) && (kid == "" || key.kid == kid) {
			found = append(found, key)
		}
	}
	if len(found) > 1 {
		return nil
	}
	return found
}

// holds says whether a key is still in the set, and looks after its age.
func (j *jwks) holds(key jwtKey) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if time.Since(j.answered) >= jwksLife {
		j.ask()
	}
	return slices.ContainsFunc(j.keys, key.same)
}

// renew waits for the question under way, or for a new one where the last is not too
// recent. It fails where the set is not known to be new.
func (j *jwks) renew(ctx context.Context) error {
	j.mu.Lock()
	flight := j.ask()
	j.mu.Unlock()
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			return errKeysAway()
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed || j.closed {
		return errKeysAway()
	}
	return nil
}

// ask begins a question unless one is under way, and returns what tells of its end; nil is
// none, for the last was a moment ago. The lock is held.
func (j *jwks) ask() chan struct{} {
	pause := jwksPause
	if j.failed {
		pause = jwksRetry
	}
	if j.flight != nil || j.closed || !j.begun.IsZero() && time.Since(j.begun) < pause {
		return j.flight
	}
	j.flight, j.begun = make(chan struct{}), time.Now()
	j.asking.Go(func() {
		keys, err := j.fetch()
		j.land(keys, err)
	})
	return j.flight
}

// land takes over what was answered; after a failure the keys from before stay.
func (j *jwks) land(keys []jwtKey, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	was := j.failed
	if j.failed = err != nil; !j.failed {
		j.keys, j.answered = keys, j.begun
	}
	close(j.flight)
	j.flight = nil
	switch {
	case err == nil && was:
		j.log.Info("--jwt-jwks-url answers again", "keys", len(keys))
	case err != nil && j.ctx.Err() == nil && time.Since(j.complained) >= complainEvery:
		j.complained = time.Now()
		j.log.Error("--jwt-jwks-url does not give its keys: tokens with keys that are not known answer 503", "error", err, "known", len(j.keys))
	}
}

// fetch asks for the set once.
func (j *jwks) fetch() ([]jwtKey, error) {
	ctx, cancel := context.WithTimeout(j.ctx, jwksTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, j.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	r.Header.Set("User-Agent", "loglane")
	response, err := j.client.Do(r)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // the URL may have a secret in its query
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxJWKS+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("its answer breaks off: %w", err)
	case len(body) > maxJWKS:
		return nil, fmt.Errorf("its answer has more than %d bytes", maxJWKS)
	}
	return readJWKS(body, j.algorithms)
}

// readJWKS returns those keys of a set that can be used; the others, such as those for
// encryption and shared secrets, are passed over. A set without any is an error.
func readJWKS(data []byte, algorithms []string) ([]jwtKey, error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("its answer is no JSON object with a list keys")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("it has %d keys, at most %d are allowed", len(set.Keys), maxKeys)
	}
	var keys []jwtKey
	var unusable error
	for _, data := range set.Keys {
		key, err := readJWK(data, algorithms)
		if err != nil {
			unusable = err
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("none of its %d keys can be used; the last: %w", len(set.Keys), orElse(unusable, "there is none"))
	}
	return keys, nil
}

func orElse(err error, text string) error {
	if err != nil {
		return err
	}
	return errors.New(text)
}

// readJWK reads one key. Certificates with it, and where they would be, are not looked at.
func readJWK(data []byte, algorithms []string) (jwtKey, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(data, &m); err != nil {
		return jwtKey{}, errors.New("it is no JWK")
	}
	m.X5C, m.X5U, m.X5T, m.X5TS256 = nil, "", "", ""
	if m.USE != "" && m.USE != jwkset.UseSig || len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify) {
		return jwtKey{}, errors.New("it is not for signatures")
	}
	if len(m.KID) > maxKeyID {
		return jwtKey{}, fmt.Errorf("its kid has more than %d bytes", maxKeyID)
	}
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return jwtKey{}, errors.New("it is no public key that can be read")
	}
	return newPublicKey(m.KID, jwk.Key(), m.ALG.String(), algorithms)
}

func errKeysAway() error {
	return &loglane.StatusError{
		Code:       http.StatusServiceUnavailable,
		Message:    "Logins are temporarily unavailable.",
		RetryAfter: jwksRetry,
	}
}
