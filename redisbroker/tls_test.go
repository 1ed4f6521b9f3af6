package redisbroker_test

import (
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/brokertest"
	"github.com/loglane/loglane/internal/certtest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// certificates are those of servers, and of a client, that a private CA has signed.
func certificates(ca *certtest.Authority, hosts ...string) redistest.Certificates {
	pair := ca.Issue(hosts...)
	return redistest.Certificates{CA: ca.File, Cert: pair.Cert, Key: pair.Key}
}

// restrict gives servers the user loglane with a rule and nothing else.
func restrict(rule string, servers ...*redistest.Server) {
	for _, server := range servers {
		server.MustDo(append([]string{"ACL", "SETUSER", "loglane", "reset", "on", ">pass/word"}, strings.Fields(rule)...)...)
	}
}

// The whole contract holds over TLS, with a certificate of our own, for a user with the
// smallest rule.
func TestBrokerOverTLS(t *testing.T) {
	server := redistest.StartSecure(t, certificates(certtest.NewAuthority(t), "127.0.0.1"), "--requirepass", "admin")
	restrict(redisbroker.ACL(), server)
	where := server.UserURL("loglane", "pass/word")
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		return subject{Broker: openURL(t, where, redisbroker.Options{Retention: opts.Retention}), t: t, server: server}
	})
	if r := examine(t, where, 0); told(r) != "" || r.Trip <= 0 || r.User != "loglane" {
		t.Errorf("%+v\n%s", r, told(r))
	}
}

// The same by Sentinels, which want a user of their own; then the master is killed.
func TestBrokerBySentinelsOverTLS(t *testing.T) {
	site := redistest.StartSecureSentinel(t, certificates(certtest.NewAuthority(t), "127.0.0.1"), "--requirepass", "admin")
	restrict(redisbroker.ACL(), site.Servers...)
	where := site.UserURL("loglane", "pass/word")
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		return subject{Broker: openURL(t, where, redisbroker.Options{Retention: opts.Retention}), t: t, server: site.Servers[0]}
	})
	t.Run("a check", func(t *testing.T) {
		if r := examine(t, where, 0); told(r) != "" || r.Trip <= 0 {
			t.Errorf("%+v\n%s", r, told(r))
		}
	})
	t.Run("a wrong password of Sentinels", func(t *testing.T) {
		wrong := strings.Replace(where, "sentinel_password=", "sentinel_password=x", 1)
		if err := openURL(t, wrong, redisbroker.Options{}).Ping(t.Context()); !rejected(err) || !strings.Contains(err.Error(), "sentinel_password=") {
			t.Errorf("%v", err)
		}
	})
	t.Run("the master is killed", func(t *testing.T) {
		b := openURL(t, where, redisbroker.Options{})
		events := followed(t, b)
		stored(t, b, 1)
		before := site.Master()
		before.Kill()
		master := site.AwaitMaster(before)
		liveAgain(t, b, events, 2, "the Sentinels named the new master")
		if n := master.MustDo("XLEN", aliceStream); n == "0" {
			t.Error("the line is not at the new master")
		}
	})
}

// Sentinels may tell names, and then certificates need no addresses; or one name is given
// that all have.
func TestTheNamesOfSentinelsCertificates(t *testing.T) {
	site := redistest.StartSecureSentinel(t, certificates(certtest.NewAuthority(t), "localhost"))
	byName := strings.ReplaceAll(site.URL(), "127.0.0.1", "localhost")
	if err := openURL(t, byName, redisbroker.Options{}).Ping(t.Context()); !rejected(err) || !strings.Contains(err.Error(), "is for localhost and not for 127.0.0.1") {
		t.Errorf("%v", err)
	}
	if err := openURL(t, with(t, site.URL(), "ssl_server_name", "localhost"), redisbroker.Options{}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	for _, sentinel := range site.Sentinels {
		sentinel.MustDo("SENTINEL", "CONFIG", "SET", "resolve-hostnames", "yes")
		sentinel.MustDo("SENTINEL", "CONFIG", "SET", "announce-hostnames", "yes")
		sentinel.MustDo("SENTINEL", "REMOVE", redistest.MasterName)
		sentinel.MustDo("SENTINEL", "MONITOR", redistest.MasterName, "localhost", site.Servers[0].PortText(), "2")
	}
	if err := openURL(t, byName, redisbroker.Options{}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// The same in a cluster; then a master is killed.
func TestBrokerInAClusterOverTLS(t *testing.T) {
	site := redistest.StartSecureCluster(t, certificates(certtest.NewAuthority(t), "127.0.0.1"), "--requirepass", "admin")
	restrict(redisbroker.ClusterACL(), site.Nodes...)
	where := site.UserURL("loglane", "pass/word")
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		return clustered{Broker: openURL(t, where, redisbroker.Options{Retention: opts.Retention}), t: t, site: site}
	})
	t.Run("a master is killed", func(t *testing.T) {
		b := openURL(t, where, redisbroker.Options{})
		events := followed(t, b)
		stored(t, b, 1)
		site.Failover(site.Owner(alice))
		liveAgain(t, b, events, 2, "the cluster was well")
		if err := b.Ping(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// liveAgain appends the line k, and holds the follower to having live lines soon after a
// switch that is just over.
func liveAgain(t *testing.T, b *redisbroker.Broker, events <-chan loglane.Event, k uint64, since string) {
	t.Helper()
	began := time.Now()
	stored(t, b, k)
	awaitEvent(t, events, loglane.Confirmed, 10*time.Second)
	took := time.Since(began)
	t.Logf("live again %v after %s", took, since)
	if took > 3*time.Second {
		t.Errorf("live lines came back %v after %s", took, since)
	}
	stored(t, b, k+1)
	awaitEvent(t, events, loglane.Lines, 5*time.Second)
}

// with is a URL with parameters set, or taken out where they are "".
func with(t *testing.T, where string, parameters ...string) string {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
		if parameters[i+1] == "" {
			query.Del(parameters[i])
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func TestWhyTLSFails(t *testing.T) {
	t.Parallel()
	ca, other := certtest.NewAuthority(t), certtest.NewAuthority(t)
	good := certificates(ca, "127.0.0.1")
	stranger := other.Issue("127.0.0.1")
	old := ca.IssueFor(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour, "127.0.0.1")
	secure, plain := redistest.StartSecure(t, good), redistest.Start(t)
	named := redistest.StartSecure(t, certificates(ca, "redis.example.com"), "--tls-auth-clients", "no")
	expired := redistest.StartSecure(t, redistest.Certificates{CA: ca.File, Cert: old.Cert, Key: old.Key}, "--tls-auth-clients", "no")
	for _, c := range []struct {
		name, url string
		rejected  bool // it does not mend itself
		want      string
	}{
		{"all is well", secure.URL(), false, ""},
		{"verified as always", with(t, secure.URL(), "ssl_cert_reqs", "required", "ssl_check_hostname", "true"), false, ""},
		{"another CA", with(t, secure.URL(), "ssl_ca_certs", other.File), true, "is signed by no CA that is trusted (name the file of its CA by ssl_ca_certs="},
		{"the system's CAs", with(t, secure.URL(), "ssl_ca_certs", ""), true, "is signed by no CA that is trusted"},
		{"no certificate of ours", with(t, secure.URL(), "ssl_certfile", "", "ssl_keyfile", ""), true, "refuses TLS with our certificate, or without one"},
		{"a certificate of ours that is not trusted", with(t, secure.URL(), "ssl_certfile", stranger.Cert, "ssl_keyfile", stranger.Key), true, "(name the files of one that it trusts by ssl_certfile="},
		{"a server that wants none", with(t, named.URL(), "ssl_certfile", "", "ssl_keyfile", "", "ssl_server_name", "redis.example.com"), false, ""},
		{"a certificate for another name", named.URL(), true, "is for redis.example.com and not for 127.0.0.1"},
		{"another name that is wrong, too", with(t, named.URL(), "ssl_server_name", "example.com"), true, "is for redis.example.com and not for example.com"},
		{"an expired certificate", with(t, expired.URL(), "ssl_certfile", "", "ssl_keyfile", ""), true, "has expired or is not valid yet: it is from 2020-01-01T00:00:00Z to 2020-01-01T01:00:00Z"},
		{"TLS to a port without", strings.Replace(secure.URL(), secure.PortText(), plain.PortText(), 1), false, "does not answer TLS, as a server does that speaks none (for that --redis-url begins with redis://)"},
		{"no TLS to a port with it", "redis://127.0.0.1:" + secure.PortText(), false, "ended the connection without an answer, as a server does that speaks TLS (for that --redis-url begins with rediss://)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := openURL(t, c.url, redisbroker.Options{}).Ping(t.Context())
			switch {
			case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			case c.want != "" && errors.As(err, new(*redisbroker.RejectedError)) != c.rejected, c.want != "" && errors.Is(err, loglane.ErrUnavailable) == c.rejected:
				t.Errorf("%v: of the wrong kind", err)
			}
		})
	}
}

// An answer that is TLS' tells that TLS is spoken, and one that is no TLS' that it is not.
func TestAnAnswerInTheOtherLanguage(t *testing.T) {
	ca := certtest.NewAuthority(t)
	for _, c := range []struct{ scheme, answer, want string }{
		{"redis", "\x15\x03\x03\x00\x02\x02\x0a", "speaks TLS (let --redis-url begin with rediss://)"},
		{"rediss", "-ERR Protocol error\r\n", "does not speak TLS (let --redis-url begin with redis://"},
	} {
		where := c.scheme + "://" + answering(t, c.answer)
		if c.scheme == "rediss" {
			where = with(t, where, "ssl_ca_certs", ca.File)
		}
		if err := openURL(t, where, redisbroker.Options{}).Ping(t.Context()); !rejected(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", where, err, c.want)
		}
	}
}

// answering is an address where every connection is answered with a text at once.
func answering(t *testing.T, text string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.WriteString(conn, text) // who is gone needs no answer
				_, _ = io.Copy(io.Discard, conn)
			})
		}
	})
	return listener.Addr().String()
}

func TestTheFilesOfTLS(t *testing.T) {
	ca := certtest.NewAuthority(t)
	pair, other := ca.Issue("127.0.0.1"), ca.Issue("127.0.0.1")
	dir := t.TempDir()
	for _, c := range []struct {
		parameters []string
		want       string
	}{
		{[]string{"ssl_ca_certs", filepath.Join(dir, "s3cret")}, "ssl_ca_certs= names a file that cannot be read: no such file"},
		{[]string{"ssl_ca_certs", dir}, "ssl_ca_certs= names a file that cannot be read: is a directory"},
		{[]string{"ssl_ca_certs", pair.Key}, "ssl_ca_certs= names a file without a certificate in PEM"},
		{[]string{"ssl_ca_certs", "/dev/zero"}, "ssl_ca_certs= names a file of more than 1048576 bytes"},
		{[]string{"ssl_certfile", pair.Cert, "ssl_keyfile", other.Key}, "do not name a certificate and its key"},
		{[]string{"ssl_certfile", pair.Cert}, "do not name a certificate and its key"},
		{[]string{"ssl_certfile", filepath.Join(dir, "no"), "ssl_keyfile", filepath.Join(dir, "no")}, "ssl_keyfile= names a file that cannot be read"},
	} {
		_, err := redisbroker.New(redisbroker.Options{URL: with(t, "rediss://127.0.0.1:1", c.parameters...), Logger: quiet()})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v, want %q", c.parameters, err, c.want)
		}
	}
}

// Files are read for each connection: a new CA and a new certificate in their places are
// taken, without a restart.
func TestNewFilesOfTLSAreTaken(t *testing.T) {
	first, second := certtest.NewAuthority(t), certtest.NewAuthority(t)
	pair := first.Issue("127.0.0.1")
	files := redistest.Certificates{CA: first.File, Cert: pair.Cert, Key: pair.Key}
	server := redistest.StartSecure(t, files)
	b := openURL(t, server.URL(), redisbroker.Options{})
	if err := b.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	next := second.Issue("127.0.0.1")
	for from, to := range map[string]string{second.File: files.CA, next.Cert: files.Cert, next.Key: files.Key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	server.Restart()
	eventually(t, 10*time.Second, "the broker has a connection again", func() bool { return b.Ping(t.Context()) == nil })
}

// Nodes of a cluster may be told by name, by address or by nothing but their ports; the
// certificates' names have to fit that, or one name is given that all have.
func TestTheNamesOfAClustersCertificates(t *testing.T) {
	site := redistest.StartSecureCluster(t, certificates(certtest.NewAuthority(t), "localhost"),
		"--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname")
	byName := strings.ReplaceAll(site.URL(), "127.0.0.1", "localhost")
	for _, c := range []struct{ name, preferred, url, want string }{
		{"by name", "hostname", byName, ""},
		{"by nothing", "unknown-endpoint", byName, ""},
		{"by address", "ip", byName, "is for localhost and not for 127.0.0.1"},
		{"by address, with the name", "ip", with(t, site.URL(), "ssl_server_name", "localhost"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, node := range site.Nodes {
				node.MustDo("CONFIG", "SET", "cluster-preferred-endpoint-type", c.preferred)
			}
			b := openURL(t, c.url, redisbroker.Options{})
			if err := b.Ping(t.Context()); c.want != "" {
				if !rejected(err) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %q", err, c.want)
				}
				return
			} else if err != nil {
				t.Fatal(err)
			}
			events := followed(t, b)
			for _, channel := range []string{alice, "logs:User.bob", "logs:User.dan", "logs:User.erin"} { // at all nodes
				if _, err := b.Append(t.Context(), channel, loglane.Batch{Producer: loglane.NewProducer(), Lines: lines(1, 1)}); err != nil {
					t.Errorf("%s: %v", channel, err)
				}
			}
			awaitEvent(t, events, loglane.Lines, 5*time.Second)
		})
	}
}
