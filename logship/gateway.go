package logship

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/loglane/loglane"
)

// DefaultGatewayTimeout bounds one call of [Gateway.Append].
const DefaultGatewayTimeout = 10 * time.Second

const (
	// maxMarks bounds the producers that have a mark. Without one a producer claims
	// nothing of the global channel: a loss in it may then go unseen.
	maxMarks = 16384
	// maxMalformed is how often lines are answered with 400 before they are given up:
	// something between may have cut the request.
	maxMalformed = 3
	// pingTimeout is after how much silence an HTTP/2 connection is asked whether it lives, and how
	// long it has to answer.
	pingTimeout = 5 * time.Second
)

// A mark is what a gateway last said to a producer.
type mark struct {
	global    uint64 // its highest number that the global channel had
	malformed int    // how often in a row it was answered with 400
}

// GatewayOptions are the settings of a [Gateway]. One of Token and TokenFile is needed.
type GatewayOptions struct {
	// Token is an API token with the scope write, as 'loglane token create' printed it.
	// Over http, whoever is on the way can read it.
	Token string

	// TokenFile is a file whose first line is the token. It is read at construction,
	// and again after the gateway refused the token, so that a new one needs no restart.
	TokenFile string

	// RootCAs are whom to trust for https instead of the system's authorities.
	RootCAs *x509.CertPool

	// HTTPClient sends the requests; its redirects are switched off. nil is a client of
	// the Gateway's own with net/http's usual transport. It excludes RootCAs.
	HTTPClient *http.Client

	// Timeout bounds one call of Append; 0 is [DefaultGatewayTimeout].
	Timeout time.Duration
}

// A Gateway is a [Sink] that posts lines to a gateway's POST /api/v1/logs. The gateway
// copies them to the global channel as its own settings say, so [Options.Global] has no
// effect. Its methods may be called concurrently.
//
// Redirects are not followed, for the token must not reach another origin.
type Gateway struct {
	base    string // as errors show it
	logs    string // where lines are posted to
	client  *http.Client
	own     bool // client is closed with the Gateway
	token   *token
	timeout time.Duration
	zip     bool

	mu      sync.Mutex
	marks   map[string]mark // by producer
	maxBody int             // what the gateway takes, as far as it has said; 0 is unknown
}

var (
	_ Sink         = (*Gateway)(nil)
	_ GlobalCopier = (*Gateway)(nil)
	_ Timed        = (*Gateway)(nil)
)

// NewGateway returns the gateway at base, such as https://logs.example.com/logs/: its
// --public-url, or its address with its --base-path. It sends nothing before the first
// Append; [Gateway.Close] lets its connections go. The error has all that is wrong, and
// never the token.
func NewGateway(base string, opts *GatewayOptions) (*Gateway, error) {
	var o GatewayOptions
	if opts != nil {
		o = *opts
	}
	at, err := parseBase(base)
	token, tokenErr := newToken(o.Token, o.TokenFile)
	err = errors.Join(err, tokenErr)
	if o.HTTPClient != nil && o.RootCAs != nil {
		err = errors.Join(err, errors.New("logship: GatewayOptions.HTTPClient and RootCAs: give one of them, a client has its own authorities"))
	}
	if o.Timeout < 0 {
		err = errors.Join(err, fmt.Errorf("logship: GatewayOptions.Timeout is %v: it must not be negative, 0 is %v", o.Timeout, DefaultGatewayTimeout))
	}
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		base: at.String(), logs: at.JoinPath("api/v1/logs").String(),
		token: token, timeout: o.Timeout, zip: !isLoopback(at.Hostname()),
		marks: make(map[string]mark),
	}
	if g.timeout == 0 {
		g.timeout = DefaultGatewayTimeout
	}
	g.client, g.own = clientOf(&o)
	return g, nil
}

func parseBase(base string) (*url.URL, error) {
	const example = "an example is https://logs.example.com/"
	at, err := url.Parse(base)
	switch {
	case err != nil: // url.Parse's words would show a password
		return nil, errors.New("logship: the gateway's URL is malformed; " + example)
	case at.User != nil:
		return nil, errors.New("logship: the gateway's URL has user info: take it out, the login is GatewayOptions.Token")
	case at.Scheme != "http" && at.Scheme != "https", at.Hostname() == "":
		return nil, errors.New("logship: the gateway's URL is not http://HOST or https://HOST; " + example)
	case at.RawQuery != "" || at.ForceQuery || at.Fragment != "":
		return nil, errors.New("logship: the gateway's URL has a query or a fragment: take it out; " + example)
	}
	return at, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func clientOf(o *GatewayOptions) (client *http.Client, own bool) {
	client = new(http.Client)
	if o.HTTPClient != nil {
		*client = *o.HTTPClient
	} else {
		client.Transport, own = transportOf(o), true
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, own
}

func transportOf(o *GatewayOptions) *http.Transport {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if usual, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = usual.Clone()
	}
	transport.MaxIdleConnsPerHost = maxWorkers
	// A connection whose path has died without a word is not to be taken for the next try.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingTimeout, PingTimeout: pingTimeout}
	if o.RootCAs != nil {
		transport.TLSClientConfig = cloneTLS(transport.TLSClientConfig)
		transport.TLSClientConfig.RootCAs = o.RootCAs
	}
	return transport
}

// CopiesGlobal implements [GlobalCopier].
func (g *Gateway) CopiesGlobal() bool { return true }

// Timeout implements [Timed].
func (g *Gateway) Timeout() time.Duration { return g.timeout }

// Close lets the idle connections of the Gateway's own client go: call it after
// [Handler.Shutdown].
func (g *Gateway) Close() {
	if g.own {
		g.client.CloseIdleConnections()
	}
}

// Append implements [Sink]. Lines whose numbers are not consecutive are sent in several
// requests, one after another; so are more bytes than the gateway takes at once. Its
// errors are a [*loglane.RefusedError] for channel, also where the gateway says it of the
// global one; a [*RejectedError], with which everything else of the batch is stored; a
// [*GatewayError] for any other answer; and those of the connection.
func (g *Gateway) Append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	if err := b.Check(); err != nil {
		return loglane.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	d := delivery{gateway: g, channel: channel, producer: producerOf(b.Producer, channel), after: b.After}
	var err error
	if len(b.Lines) == 0 {
		err = d.post(ctx, nil)
	} else {
		err = d.send(ctx, b.Lines)
	}
	if err != nil {
		return loglane.Receipt{}, err
	}
	if len(b.Lines) == 0 {
		g.forget(d.producer) // the channel is quiet
	}
	if len(d.rejected) > 0 {
		return d.receipt, &RejectedError{Channel: channel, Lines: d.rejected}
	}
	return d.receipt, nil
}

// producerOf is a name of its own for each channel, so that numbers are consecutive
// within one, and requests for several may be in flight.
func producerOf(producer, channel string) string {
	sum := sha256.Sum256([]byte(producer + "\x00" + channel))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// claim is what a request may claim of the global channel: no more than it has, and
// nothing that the producer would not send again.
func (g *Gateway) claim(producer string, after uint64) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return min(g.marks[producer].global, after)
}

// remember takes down what the gateway said of the global channel.
func (g *Gateway) remember(producer string, global uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mark(producer, mark{global: global})
}

// malformed says whether the producer's lines are to be given up.
func (g *Gateway) malformed(producer string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.marks[producer]
	m.malformed++
	enough := m.malformed >= maxMalformed
	if enough {
		m.malformed = 0
	}
	g.mark(producer, m)
	return enough
}

func (g *Gateway) mark(producer string, m mark) {
	if _, known := g.marks[producer]; !known && len(g.marks) >= maxMarks {
		for other := range g.marks {
			delete(g.marks, other)
			break
		}
	}
	g.marks[producer] = m
}

func (g *Gateway) forget(producer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.marks, producer)
}

// bodyLimit is 0 for none.
func (g *Gateway) bodyLimit() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.maxBody
}

// tooLarge notes that the gateway does not take so many bytes.
func (g *Gateway) tooLarge(size int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if half := max(size/2, 1); g.maxBody == 0 || half < g.maxBody {
		g.maxBody = half
	}
}

// at is the URL that lines of a channel are posted to.
func (g *Gateway) at(channel string) string {
	return g.logs + "?channel=" + strings.ReplaceAll(url.QueryEscape(loglane.ContextOf(channel)), "+", "%20")
}
