package server_test

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/certtest"
	"github.com/loglane/loglane/internal/server"
)

func TestCertificatesThatCannotBeUsed(t *testing.T) {
	good, other, old, early := certtest.New(t), certtest.New(t), certtest.New(t), certtest.New(t)
	old.Renew(t, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour)
	early.Renew(t, time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour)
	dir := t.TempDir()
	text, broken, long := filepath.Join(dir, "text"), filepath.Join(dir, "broken"), filepath.Join(dir, "long")
	must(t, os.WriteFile(text, []byte("no PEM\n"), 0o600))
	must(t, os.WriteFile(broken, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0o600))
	must(t, os.WriteFile(long, bytes.Repeat([]byte("x"), 1<<20+1), 0o600))
	for _, c := range []struct {
		cert, key string
		want      []string
	}{
		{filepath.Join(dir, "no"), good.Key, []string{"--tls-cert=" + dir + "/no: it cannot be read: no such file or directory"}},
		{good.Cert, filepath.Join(dir, "no"), []string{"--tls-key=" + dir + "/no: it cannot be read: no such file"}},
		{filepath.Join(dir, "no"), dir, []string{"--tls-cert=", "--tls-key=" + dir + ": it cannot be read: is a directory"}},
		{long, good.Key, []string{"--tls-cert=" + long + ": it is longer than 1048576 bytes"}},
		{text, good.Key, []string{"--tls-cert=" + text + ": it has no certificate in PEM"}},
		{broken, good.Key, []string{"--tls-cert=" + broken + ": it has no certificate in PEM"}},
		{good.Key, good.Cert, []string{"--tls-cert=" + good.Key + ": it has no certificate in PEM"}},
		{good.Cert, text, []string{"--tls-key=" + text + ": it is not the key of --tls-cert=" + good.Cert}},
		{good.Cert, good.Cert, []string{"--tls-key=" + good.Cert + ": it is not the key of"}},
		{good.Cert, other.Key, []string{"--tls-key=" + other.Key + ": it is not the key of --tls-cert=" + good.Cert}},
		{old.Cert, old.Key, []string{"--tls-cert=" + old.Cert + ": it expired at 2020-01-01T01:00:00Z"}},
		{early.Cert, early.Key, []string{"--tls-cert=" + early.Cert + ": it is not valid before 2999-01-01T00:00:00Z"}},
	} {
		_, err := server.OpenCertificate(c.cert, c.key, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Errorf("%s and %s are taken", c.cert, c.key)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.want) {
			t.Errorf("%v, want %q", err, c.want)
			continue
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, c.want[i]) {
				t.Errorf("%q, want %q", line, c.want[i])
			}
		}
	}
}

func TestRenewedCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pair, other := certtest.New(t), certtest.New(t)
		var log bytes.Buffer
		certificate, err := server.OpenCertificate(pair.Cert, pair.Key, slog.New(slog.NewTextHandler(&log, nil)))
		must(t, err)
		config := certificate.TLS()
		if config.MinVersion != tls.VersionTLS12 {
			t.Errorf("TLS from version %x", config.MinVersion)
		}
		wantServed := func(when string, want []byte) {
			t.Helper()
			got, err := config.GetCertificate(nil)
			if err != nil || !bytes.Equal(got.Certificate[0], want) {
				t.Errorf("%s, another certificate is served, %v", when, err)
			}
		}
		wantLog := func(want string) {
			t.Helper()
			if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, want) {
				t.Errorf("the log is %q, want one line with %q", got, want)
			}
			log.Reset()
		}
		first := pair.Leaf.Raw
		wantServed("at first", first)
		pair.Renew(t, time.Now(), time.Hour)
		second := pair.Leaf.Raw
		wantServed("within the second", first)
		time.Sleep(time.Second)
		wantServed("renewed", second)
		wantLog("a new certificate is served")

		key, err := os.ReadFile(other.Key)
		must(t, err)
		right, err := os.ReadFile(pair.Key)
		must(t, err)
		must(t, os.WriteFile(pair.Key, key, 0o600))
		time.Sleep(time.Second)
		wantServed("with another's key", second)
		wantLog("it is not the key of")
		for range 3 {
			time.Sleep(time.Minute)
			wantServed("with another's key", second)
		}
		must(t, os.Remove(pair.Key))
		time.Sleep(time.Second)
		wantServed("without a key", second)
		log.Reset()
		must(t, os.WriteFile(pair.Key, right, 0o600))
		time.Sleep(time.Second)
		wantServed("put right", second)
		if log.Len() > 0 {
			t.Errorf("the log is %q", &log)
		}

		pair.Renew(t, time.Now().Add(-2*time.Hour), time.Hour)
		time.Sleep(time.Second)
		wantServed("with an expired one", second)
		wantLog("it expired")
		pair.Renew(t, time.Now(), time.Hour)
		time.Sleep(time.Second)
		wantServed("renewed again", pair.Leaf.Raw)
		wantLog("a new certificate is served")
		time.Sleep(2 * time.Hour)
		wantServed("out of date", pair.Leaf.Raw)
		wantLog("the certificate has expired")
		time.Sleep(2 * time.Hour)
		wantServed("still out of date", pair.Leaf.Raw)
		if log.Len() > 0 {
			t.Errorf("the log is %q", &log)
		}
		pair.Renew(t, time.Now(), time.Hour)
		time.Sleep(time.Second)
		wantServed("renewed at last", pair.Leaf.Raw)
		wantLog("a new certificate is served")
	})
}
