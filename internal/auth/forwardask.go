package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

const (
	// askTimeout bounds one question, from its beginning to the end of the answer.
	askTimeout = 2 * time.Second
	// maxAnswerHeader bounds the headers of an answer.
	maxAnswerHeader = 16 << 10
	// complainEvery is how often the same trouble is logged at most.
	complainEvery = time.Minute
)

// asker asks an application's URL, and tells the log once in a while why it cannot.
type asker struct {
	url    string
	client *http.Client
	log    *slog.Logger

	mu         sync.Mutex
	complained time.Time // last
	told       bool      // of a trouble, and not yet of its end
}

func newAsker(url string, log *slog.Logger) *asker {
	transport := &http.Transport{ // its zero Proxy: no environment variable sends credentials elsewhere
		DialContext:            (&net.Dialer{Timeout: askTimeout}).DialContext,
		TLSHandshakeTimeout:    askTimeout,
		MaxConnsPerHost:        maxNewcomers + maxRegulars + maxResidents,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true, // what is unpacked has no bound
		// What comes too much over a connection would be taken for the answer to the next
		// question, which is about somebody else.
		DisableKeepAlives: true,
	}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	return &asker{url: url, log: log, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (a *asker) close() { a.client.CloseIdleConnections() }

// ask asks who the credentials stand for; nil and nil is nobody. Its errors are for the
// caller: their cause is logged.
func (a *asker) ask(ctx context.Context, given credentials) (*answer, error) {
	who, err := a.exchange(ctx, given)
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			a.complain(err)
		}
		return nil, errForwardAway()
	}
	a.answered()
	return who, nil
}

func (a *asker) exchange(ctx context.Context, given credentials) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "loglane")
	if given.cookie != "" {
		r.Header.Set("Cookie", given.cookie)
	}
	if given.authorization != "" {
		r.Header.Set("Authorization", given.authorization)
	}
	for name, value := range map[string]string{
		"X-Forwarded-For": given.origin.Address, "X-Forwarded-Proto": given.origin.Scheme, "X-Forwarded-Host": given.origin.Host,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := a.client.Do(r)
	if err != nil {
		return nil, plain(err)
	}
	defer response.Body.Close()
	who, err := readAnswer(response)
	return who, plain(err)
}

// plain leaves out what the setting says already, and whatever its query holds.
func plain(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("it does not answer within %v", askTimeout)
	}
	return err
}

// complain tells the log, at most once in a while: some credentials may be answered and
// others not.
func (a *asker) complain(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.complained) < complainEvery {
		return
	}
	a.complained, a.told = time.Now(), true
	a.log.Error("--auth-url does not say who is there: such logins answer 503", "error", err)
}

func (a *asker) answered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told {
		a.told = false
		a.log.Info("--auth-url says again who is there")
	}
}
