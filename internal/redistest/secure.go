package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"
)

// Certificates are the PEM files of servers that speak TLS, and nothing else. The
// certificate must be one for 127.0.0.1 and for clients, too: servers are clients of each
// other, and clients must show one.
type Certificates struct {
	CA, Cert, Key string // paths

	// sessions spare the handshakes of the many connections that tests make.
	sessions tls.ClientSessionCache
}

// StartSecure is [Start] with TLS.
func StartSecure(t testing.TB, certificates Certificates, args ...string) *Server {
	t.Helper()
	return start(t, certificates.ready(), args)
}

// StartSecureSentinel is [StartSentinel] with TLS, of the Sentinels, too. The Sentinels
// want a login: that of [SentinelUser].
func StartSecureSentinel(t testing.TB, certificates Certificates, args ...string) *Sentinel {
	t.Helper()
	return startSentinel(t, certificates.ready(), own, args)
}

// StartSecureCluster is [StartCluster] with TLS, also between the nodes.
func StartSecureCluster(t testing.TB, certificates Certificates, args ...string) *Cluster {
	t.Helper()
	return startCluster(t, certificates.ready(), args)
}

func (c Certificates) ready() *Certificates {
	c.sessions = tls.NewLRUClientSessionCache(0)
	return &c
}

// settings are what redis-server needs at a port; nil is a server without TLS.
func (c *Certificates) settings(port string) []string {
	if c == nil {
		return []string{"--port", port}
	}
	return []string{
		"--port", "0", "--tls-port", port, "--tls-cert-file", c.Cert, "--tls-key-file", c.Key, "--tls-ca-cert-file", c.CA,
		"--tls-replication", "yes", "--tls-cluster", "yes",
	}
}

// address begins a URL of a server, and tells the parameters for it.
func (c *Certificates) address() (scheme string, parameters url.Values) {
	parameters = make(url.Values)
	if c == nil {
		return "redis", parameters
	}
	parameters.Set("ssl_ca_certs", c.CA)
	parameters.Set("ssl_certfile", c.Cert)
	parameters.Set("ssl_keyfile", c.Key)
	return "rediss", parameters
}

func (c *Certificates) dial(port string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: time.Second}
	addr := net.JoinHostPort("127.0.0.1", port)
	if c == nil {
		return dialer.Dial("tcp", addr)
	}
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate is in %s", c.CA)
	}
	// What servers show is the business of who is tested: some show what they should not.
	config := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, InsecureSkipVerify: true, ClientSessionCache: c.sessions}
	return tls.DialWithDialer(dialer, "tcp", addr, config)
}

// option is the value of a setting among args, or "".
func option(args []string, name string) string {
	if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}
