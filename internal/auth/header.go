package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/loglane/loglane"
)

// DefaultHeaderMaxAge is how long a stream lasts at most that a trusted header opened.
const DefaultHeaderMaxAge = time.Hour

// MinHeaderSecret is how long a proxy's secret must be, in bytes.
const MinHeaderSecret = 16

// SecretHeader is where a proxy shows its secret.
const SecretHeader = "Loglane-Proxy-Secret"

// HeaderOptions is what a [Header] is made of. Name, and at least one of Proxies,
// UnixSocket and Secret are needed.
type HeaderOptions struct {
	// Name is the header with the user's name, such as Remote-User. Groups is that with the
	// groups, separated by commas, such as Remote-Groups; "" is none. [CheckHeaderName]
	// judges both.
	Name, Groups string
	// Proxies are the peers that the header is believed of; UnixSocket says that all who
	// come over a Unix socket are.
	Proxies    []netip.Prefix
	UnixSocket bool
	// Secret is what a proxy must have in [SecretHeader], beside the above; empty is none.
	Secret []byte
	// MaxAge is how long a stream lasts; default [DefaultHeaderMaxAge].
	MaxAge time.Duration
	// Mint makes principals of what the headers say.
	Mint Mint
	// Logger gets who is not believed; default slog.Default().
	Logger *slog.Logger
}

// Header is the way in through a proxy that signs users in, and sets a header with the name
// of each. Its methods may be called concurrently.
//
// The header counts in requests whose connection comes from one of the proxies, whatever
// they forward, and who know the secret if there is one; in all others it is passed over.
// Of a proxy, whatever makes it unclear who is meant is refused with code 400: another
// header whose name differs only in what is neither letter nor digit, the header twice or
// named in Connection, a name that is empty or has other than printable ASCII, commas or
// percent signs, and a body in chunks, whose end the proxy may have seen elsewhere.
//
// Nobody can be asked later whether a login still stands: streams end at MaxAge, and
// viewers come again with the header as it is then.
type Header struct {
	o       HeaderOptions
	names   headerNames
	secret  [sha256.Size]byte
	log     *slog.Logger
	ignored *recent // peers that were told a moment ago
}

var _ Authenticator = (*Header)(nil)

// NewHeader returns a way in through a header.
func NewHeader(o HeaderOptions) (*Header, error) {
	switch {
	case len(o.Proxies) == 0 && !o.UnixSocket && len(o.Secret) == 0:
		return nil, errors.New("anybody could send the header: it takes the proxies' addresses, a Unix socket or a secret")
	case len(o.Secret) > 0 && len(o.Secret) < MinHeaderSecret:
		return nil, fmt.Errorf("the proxy's secret has %d bytes, and must have at least %d", len(o.Secret), MinHeaderSecret)
	}
	names, err := newHeaderNames(o.Name, o.Groups)
	if err != nil {
		return nil, err
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultHeaderMaxAge
	}
	h := &Header{o: o, names: names, secret: sha256.Sum256(o.Secret), log: o.Logger, ignored: newRecent(maxTold, complainEvery)}
	if h.log == nil {
		h.log = slog.Default()
	}
	return h, nil
}

// Authenticate returns whom a proxy names, nil and nil where nobody whose word counts names
// anybody, or an error that ends the search.
func (h *Header) Authenticate(r *http.Request) (*Principal, error) {
	if !h.trusts(r) {
		h.tell(r)
		return nil, nil
	}
	name, groups, err := h.names.read(r.Header)
	if err != nil || name == "" {
		return nil, err
	}
	if len(r.TransferEncoding) > 0 {
		return nil, unclear("it has a body in chunks (Transfer-Encoding)")
	}
	p, err := h.o.Mint.Principal(name, groups)
	if err != nil {
		return nil, err
	}
	p.Expires = time.Now().Add(h.o.MaxAge)
	return p, nil
}

// trusts says whether what the request says of its user is the word of a proxy.
func (h *Header) trusts(r *http.Request) bool {
	return h.comesFromProxy(r) && h.knowsSecret(r.Header)
}

func (h *Header) comesFromProxy(r *http.Request) bool {
	if OverUnixSocket(r) {
		return h.o.UnixSocket || len(h.o.Proxies) == 0
	}
	if len(h.o.Proxies) == 0 {
		return !h.o.UnixSocket // the secret alone tells
	}
	peer := peerOf(r)
	for _, proxy := range h.o.Proxies {
		if proxy.Contains(peer) {
			return true
		}
	}
	return false
}

// knowsSecret compares hashes, so that neither time nor length tells anything.
func (h *Header) knowsSecret(header http.Header) bool {
	if len(h.o.Secret) == 0 {
		return true
	}
	values := header.Values(SecretHeader)
	if len(values) != 1 || h.names.connected(header, SecretHeader) {
		return false
	}
	sum := sha256.Sum256([]byte(values[0]))
	return subtle.ConstantTimeCompare(sum[:], h.secret[:]) == 1
}

// tell says once in a while that a header is passed over: a proxy may be missing among
// those that are trusted.
func (h *Header) tell(r *http.Request) {
	if len(r.Header.Values(h.names.name)) == 0 {
		return
	}
	peer := peerOf(r).String()
	if !h.ignored.has(peer) {
		h.ignored.add(peer)
		h.log.Warn("a header with a user's name is passed over, for it does not come from a trusted proxy", "header", h.names.name, "from", peer)
	}
}

// unclear refuses a request of a proxy that does not say for certain who is meant.
func unclear(why string) error {
	return &loglane.StatusError{Code: http.StatusBadRequest, Message: "The request does not say for certain who sends it: " + why + "."}
}
