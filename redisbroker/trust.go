package redisbroker

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// The parameters of a URL for TLS have the names that redis-py, and with it Django and
// Celery, give them: one URL is for all.
const (
	caParameter   = "ssl_ca_certs"
	certParameter = "ssl_certfile"
	keyParameter  = "ssl_keyfile"
	nameParameter = "ssl_server_name" // redis-py has none
	mustParameter = "ssl_cert_reqs"   // whether certificates are verified
	hostParameter = "ssl_check_hostname"
)

const mostPEM = 1 << 20 // bytes of a file

// A trust is whom connections with TLS trust, and what they show. The files are read for
// each connection, so that new ones in their place are taken.
type trust struct {
	ca, cert, key string // paths of PEM files; "" are the system's CAs, and no certificate
	name          string // what all servers' certificates are for; "" is the host that is dialled
}

// parseTrust reads what a URL says of TLS; nil is one without. Who would verify less is
// refused, and so is what another client would understand and we do not.
func parseTrust(u *url.URL, query url.Values) (*trust, error) {
	secure := u.Scheme == "rediss" || u.Scheme == "valkeys"
	for name, values := range query {
		switch {
		case name == "skip_verify":
			return nil, errors.New("certificates are always verified: leave skip_verify= out, and name the CA's file by " + caParameter + "=")
		case !strings.HasPrefix(name, "ssl_"):
			continue
		case !secure:
			return nil, errors.New("it has parameters that begin with ssl_, which need rediss://")
		case len(values) > 1:
			return nil, errors.New("a parameter that begins with ssl_ is there twice")
		}
		switch value := values[0]; name {
		case caParameter, certParameter, keyParameter:
			if value == "" {
				return nil, fmt.Errorf("its %s= names no file", name)
			}
		case nameParameter:
			if value == "" || !plainHost(value) {
				return nil, errors.New("its " + name + "= is no host name")
			}
		case mustParameter:
			if value != "required" {
				return nil, errors.New("certificates are always verified: leave " + name + "= out, and name the CA's file by " + caParameter + "=")
			}
		case hostParameter:
			if !strings.EqualFold(value, "true") && value != "1" {
				return nil, errors.New("names are always verified: leave " + name + "= out, and say by " + nameParameter + "= what the certificate is for")
			}
		default:
			return nil, errors.New("a parameter that begins with ssl_ is none of " +
				strings.Join([]string{caParameter, certParameter, keyParameter, nameParameter}, ", "))
		}
	}
	if !secure {
		return nil, nil
	}
	t := &trust{ca: query.Get(caParameter), cert: query.Get(certParameter), key: query.Get(keyParameter), name: query.Get(nameParameter)}
	switch {
	case t.cert == "" && t.key != "":
		return nil, errors.New("its " + keyParameter + "= needs " + certParameter + "=")
	case t.key == "":
		t.key = t.cert // both may be in one file
	}
	return t, nil
}

// config reads the files.
func (t *trust) config() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.name}
	if t.ca != "" {
		text, err := readPEM(caParameter, t.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, errors.New(caParameter + "= names a file without a certificate in PEM")
		}
	}
	if t.cert != "" {
		cert, certErr := readPEM(certParameter, t.cert)
		key, keyErr := readPEM(keyParameter, t.key)
		if err := errors.Join(certErr, keyErr); err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s= and %s= do not name a certificate and its key: %w", certParameter, keyParameter, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func readPEM(parameter, path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(parameter, err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostPEM+1))
	switch {
	case err != nil:
		return nil, unreadable(parameter, err)
	case len(text) > mostPEM:
		return nil, fmt.Errorf("%s= names a file of more than %d bytes", parameter, mostPEM)
	}
	return text, nil
}

// unreadable does not tell the path: it is a part of a URL, whose parts are not shown.
func unreadable(parameter string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("%s= names a file that cannot be read: %w", parameter, err)
}
