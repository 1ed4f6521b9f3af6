package app

import (
	"log/slog"

	"github.com/loglane/loglane/internal/server"
)

// open reads the certificate. Without both of its files there is none, and Check says so
// where one is missing.
func (p Place) open(log *slog.Logger) (*server.Certificate, error) {
	if p.TLSCert == "" || p.TLSKey == "" {
		return nil, nil
	}
	return server.OpenCertificate(p.TLSCert, p.TLSKey, log)
}
