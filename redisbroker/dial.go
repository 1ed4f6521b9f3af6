package redisbroker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// A dialFunc connects to an address, as rueidis wants it.
type dialFunc = func(ctx context.Context, addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error)

// dial connects to a server; nil is without TLS. An error, also that of the first read,
// says where one of both speaks TLS and the other does not, and why a certificate will not
// do: servers and clients themselves tell little of it.
func (t *trust) dial(ctx context.Context, addr string, dialer *net.Dialer, _ *tls.Config) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return &greetedConn{Conn: conn, fault: func(first []byte, err error) error { return plainFault(addr, first, err) }}, nil
	}
	config, err := t.config()
	if err != nil {
		_ = conn.Close() // nobody has it yet
		return nil, &RejectedError{Message: "its files for TLS cannot be used: " + err.Error(), Mend: "mend that parameter of --redis-url, or the file"}
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(addr) // it has been dialled
	}
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, dialer.Timeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, secureFault(addr, config.ServerName, err)
	}
	// With TLS 1.3 a server refuses our certificate after the handshake.
	return &greetedConn{Conn: secure, fault: func(_ []byte, err error) error { return secureFault(addr, config.ServerName, err) }}, nil
}

// A greetedConn lets fault judge what is read first.
type greetedConn struct {
	net.Conn
	fault func(first []byte, err error) error
	done  atomic.Bool // there has been an answer
}

func (c *greetedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.done.Load() || n == 0 && err == nil {
		return n, err
	}
	c.done.Store(true)
	if fault := c.fault(p[:n], err); fault != nil {
		return 0, fault
	}
	return n, err
}

// Write fails where a server has ended the connection; what it said before is there to be
// read.
func (c *greetedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err == nil || c.done.Load() || errors.Is(err, net.ErrClosed) {
		return n, err
	}
	if _, told := c.Read(make([]byte, 1)); told != nil {
		err = told
	}
	return n, err
}

// tlsAlert and tlsHandshake begin what a server that speaks TLS may answer; nothing of
// Redis' protocol does.
const (
	tlsAlert     = 0x15
	tlsHandshake = 0x16
)

func plainFault(addr string, first []byte, err error) error {
	switch {
	case len(first) > 0 && (first[0] == tlsAlert || first[0] == tlsHandshake):
		return &RejectedError{Message: addr + " speaks TLS", Mend: "let --redis-url begin with rediss://"}
	case len(first) == 0 && err != nil && !errors.Is(err, net.ErrClosed):
		return fmt.Errorf("%s ended the connection without an answer, as a server does that speaks TLS (for that --redis-url begins with rediss://): %w", addr, err)
	}
	return err
}

// secureFault is what an error of TLS means, and what would mend it.
func secureFault(addr, name string, err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var op *net.OpError
	what := "the certificate of " + addr
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		return &RejectedError{Message: what + " is signed by no CA that is trusted", Mend: "name the file of its CA by " + caParameter + "= in --redis-url"}
	case errors.As(err, &host):
		return &RejectedError{Message: what + " is for " + namesOf(host.Certificate) + " and not for " + name,
			Mend: "let --redis-url, Sentinels or cluster tell that name, or give it by " + nameParameter + "= in --redis-url"}
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return &RejectedError{Message: what + " has expired or is not valid yet: it is from " + day(invalid.Cert.NotBefore) + " to " + day(invalid.Cert.NotAfter),
			Mend: "give the server a new one, or mend the clock"}
	case errors.As(err, &invalid):
		return &RejectedError{Message: what + " cannot be used: " + invalid.Error(), Mend: "give the server another one"}
	case errors.As(err, &record):
		return &RejectedError{Message: addr + " does not speak TLS", Mend: "let --redis-url begin with redis://, or name the port that speaks TLS"}
	case errors.As(err, &op) && op.Op == "remote error":
		return &RejectedError{Message: addr + " refuses TLS with our certificate, or without one: " + op.Err.Error(),
			Mend: "name the files of one that it trusts by " + certParameter + "= and " + keyParameter + "= in --redis-url"}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer TLS, as a server does that speaks none (for that --redis-url begins with redis://): %w", addr, err)
	}
	return err
}

func day(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// namesOf are what a certificate is for.
func namesOf(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name at all"
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], "others")
	}
	return strings.Join(names, ", ")
}

// secured gives an option the way to connect; a socket has its own.
func (a *address) secured(option *rueidis.ClientOption) {
	if a.url.Scheme != "unix" {
		option.DialCtxFn, option.TLSConfig = a.trust.dial, nil
	}
}
