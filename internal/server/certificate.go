package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often at most the files of a certificate are looked at.
const lookEvery = time.Second

// A Certificate is a certificate chain and its private key in two PEM files. It is read
// again when a client connects after one of them has changed; a new pair that cannot be
// used is logged, and the old one stays. Its methods may be called concurrently.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	files  [2]os.FileInfo // as they were when they were last read
	looked time.Time
	late   bool // it was told that the pair has expired
}

// OpenCertificate reads the files. It fails, by the setting, where one cannot be read or is
// no PEM, where the key belongs to another certificate, and where the certificate is not
// valid now.
func OpenCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log, looked: time.Now()}
	c.files = c.stat()
	pair, err := readPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c.pair = pair
	return c, nil
}

// TLS is a configuration for TLS 1.2 and later that has the certificate.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		c.renew()
		c.tellExpiry(now)
	}
	return c.pair, nil
}

// renew reads the files where they are others than before. They are not replaced both at
// once, so that the pair may be right only at the next look.
func (c *Certificate) renew() {
	files := c.stat()
	if same(c.files[0], files[0]) && same(c.files[1], files[1]) {
		return
	}
	c.files = files
	pair, err := readPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Warn("the new certificate cannot be used: the old one stays", "tls-cert", c.certFile, "tls-key", c.keyFile, "error", err)
		return
	}
	if !bytes.Equal(pair.Certificate[0], c.pair.Certificate[0]) {
		c.log.Info("a new certificate is served", "tls-cert", c.certFile, "until", pair.Leaf.NotAfter)
	}
	c.pair, c.late = pair, false
}

// tellExpiry logs once that the pair went out of date without a new one: clients refuse it
// from now on, and see no reason that the gateway would know of otherwise.
func (c *Certificate) tellExpiry(now time.Time) {
	if c.late || !now.After(c.pair.Leaf.NotAfter) {
		return
	}
	c.late = true
	c.log.Error("the certificate has expired: put a new one in its place", "tls-cert", c.certFile, "since", c.pair.Leaf.NotAfter)
}

// stat has nil for a file that is not there.
func (c *Certificate) stat() (files [2]os.FileInfo) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			files[i] = info
		}
	}
	return files
}

func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

func readPair(certFile, keyFile string) (*tls.Certificate, error) {
	certPEM, certErr := readPEM("tls-cert", certFile)
	keyPEM, keyErr := readPEM("tls-key", keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, err
	}
	if !hasCertificate(certPEM) {
		return nil, fmt.Errorf("--tls-cert=%s: it has no certificate in PEM", certFile)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("--tls-key=%s: it is not the key of --tls-cert=%s: %w", keyFile, certFile, err)
	}
	switch now := time.Now(); {
	case now.After(pair.Leaf.NotAfter):
		return nil, fmt.Errorf("--tls-cert=%s: it expired at %s", certFile, pair.Leaf.NotAfter.Format(time.RFC3339))
	case now.Before(pair.Leaf.NotBefore):
		return nil, fmt.Errorf("--tls-cert=%s: it is not valid before %s", certFile, pair.Leaf.NotBefore.Format(time.RFC3339))
	}
	return &pair, nil
}

// hasCertificate says whether the first certificate can be read.
func hasCertificate(data []byte) bool {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return false
		}
		if block.Type == "CERTIFICATE" {
			_, err := x509.ParseCertificate(block.Bytes)
			return err == nil
		}
		data = rest
	}
}

// maxPEM bounds a file: a chain is a few KiB.
const maxPEM = 1 << 20

func readPEM(setting, name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--%s=%s: it cannot be read: %w", setting, name, withoutPath(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxPEM+1))
	if err != nil {
		return nil, fmt.Errorf("--%s=%s: it cannot be read: %w", setting, name, withoutPath(err))
	}
	if len(data) > maxPEM {
		return nil, fmt.Errorf("--%s=%s: it is longer than %d bytes", setting, name, maxPEM)
	}
	return data, nil
}

func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
