package auth_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

// byKey is a token that the key of a kid has signed.
func byKey(key any, kid string) string {
	return signed("RS256", key, headerOf("RS256", kid), claimsWith(nil))
}

func wantStatus(t *testing.T, way *auth.JWT, token string, code int) {
	t.Helper()
	p, err := way.Authenticate(bearing(token))
	if got := status(err); got != code || (p == nil) != (code != 0) {
		t.Errorf("%v, %v, want %d", p, err, code)
	}
}

func TestKeysThatChange(t *testing.T) {
	server := newJWKSServer(t, jwk("old", rsaKey().Public()))
	way := server.way(t, nil)
	before, err := way.Authenticate(bearing(byKey(rsaKey(), "old")))
	must(t, err)
	server.serve(jwk("old", rsaKey().Public()), jwk("new", otherRSA().Public()))
	wantStatus(t, way, byKey(otherRSA(), "new"), 401) // the keys were asked for a moment ago
	auth.AgeKeys(way, 10*time.Second)
	wantStatus(t, way, byKey(otherRSA(), "new"), 0)
	wantStatus(t, way, byKey(rsaKey(), "old"), 0)
	if n := server.fetches.Load(); n != 2 {
		t.Errorf("the keys were asked for %d times", n)
	}
	must(t, before.Check(t.Context()))
	// A key that is gone takes its tokens' streams along.
	server.serve(jwk("new", otherRSA().Public()))
	auth.AgeKeys(way, 5*time.Minute)
	eventually(t, func() bool { return status(before.Check(t.Context())) == http.StatusUnauthorized })
	wantStatus(t, way, byKey(rsaKey(), "old"), 401)
	// So does another key under the same name.
	after, err := way.Authenticate(bearing(byKey(otherRSA(), "new")))
	must(t, err)
	server.serve(jwk("new", rsaKey().Public()))
	auth.AgeKeys(way, 5*time.Minute)
	eventually(t, func() bool { return status(after.Check(t.Context())) == http.StatusUnauthorized })
}

// Anybody can send tokens with keys that nobody has: they do not make the gateway ask.
func TestMadeUpKeysAreAskedForSeldom(t *testing.T) {
	server := newJWKSServer(t, jwk("k", rsaKey().Public()))
	way := server.way(t, nil)
	storm := func() {
		var sending sync.WaitGroup
		for i := range 20 {
			token := byKey(otherRSA(), fmt.Sprint("made up ", i))
			sending.Go(func() {
				for range 10 {
					if p, err := way.Authenticate(bearing(token)); p != nil || status(err) != http.StatusUnauthorized {
						t.Errorf("%v, %v", p, err)
					}
				}
			})
		}
		sending.Wait()
	}
	storm()
	if n := server.fetches.Load(); n != 1 {
		t.Errorf("200 tokens made %d questions", n)
	}
	auth.AgeKeys(way, 10*time.Second)
	storm()
	if n := server.fetches.Load(); n != 2 {
		t.Errorf("200 more after 10 s made %d questions", n)
	}
	wantStatus(t, way, byKey(rsaKey(), "k"), 0)
}

// Keys that are known count while their URL is away; others cannot be judged.
func TestTheURLOfKeysIsAway(t *testing.T) {
	log := &logBuffer{}
	server := newJWKSServer(t, jwk("k", rsaKey().Public()))
	way := server.way(t, func(o *auth.JWTOptions) { o.Logger = slog.New(slog.NewTextHandler(log, nil)) })
	p, err := way.Authenticate(bearing(byKey(rsaKey(), "k")))
	must(t, err)
	server.do(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	auth.AgeKeys(way, 24*time.Hour)
	wantStatus(t, way, byKey(otherRSA(), "new"), 503)
	wantStatus(t, way, byKey(rsaKey(), "k"), 0)
	must(t, p.Check(t.Context()))
	if log.count("--jwt-jwks-url does not give its keys") != 1 {
		t.Errorf("the log: %s", log)
	}
	server.serve(jwk("k", rsaKey().Public()), jwk("new", otherRSA().Public()))
	auth.AgeKeys(way, 2*time.Second)
	wantStatus(t, way, byKey(otherRSA(), "new"), 0)
	if log.count("answers again") != 1 {
		t.Errorf("the log: %s", log)
	}
}

// What answers in place of keys gives none, and takes neither time nor memory.
func TestAnswersThatHaveNoKeys(t *testing.T) {
	elsewhere := newJWKSServer(t, jwk("k", rsaKey().Public()))
	good := keysOf(jwk("k", rsaKey().Public()))
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
		},
		"500":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); _, _ = w.Write(good) },
		"204":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"a list":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[]") },
		"no keys": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) },
		"only what cannot be used": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(keysOf(jwk("k", weakRSA().Public()), map[string]any{"kty": "oct", "kid": "k", "k": b64(make([]byte, 64))}))
		},
		"too many keys": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(keysOf(slices.Repeat([]map[string]any{jwk("k", edKey().Public())}, 101)...))
		},
		"half of it":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good[:len(good)/2]) },
		"keys, and 1 GiB": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good); spaces(w) },
		"1 GiB":           func(w http.ResponseWriter, _ *http.Request) { spaces(w) },
		"another host":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"plain http": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
		},
		"itself": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
		"a header of 1 MB": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			_, _ = w.Write(good)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newJWKSServer(t)
			server.do(answer)
			way := server.way(t, nil)
			wantStatus(t, way, byKey(rsaKey(), "k"), 503)
			if n := elsewhere.fetches.Load(); n != 0 {
				t.Errorf("the other host was asked %d times", n)
			}
			if n := server.fetches.Load(); n > 4 {
				t.Errorf("it was asked %d times", n)
			}
		})
	}
}

// spaces are what JSON may end in.
func spaces(w io.Writer) {
	block := bytes.Repeat([]byte{' '}, 1<<20)
	for range 1 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// A redirect on the same host is followed.
func TestKeysAtAnotherPath(t *testing.T) {
	server := newJWKSServer(t)
	server.do(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks.json" {
			http.Redirect(w, r, "/v2/jwks", http.StatusMovedPermanently)
			return
		}
		_, _ = w.Write(keysOf(jwk("k", rsaKey().Public())))
	})
	wantStatus(t, server.way(t, nil), byKey(rsaKey(), "k"), 0)
}

// A server that does not answer keeps nobody for longer than 5 s, and an end of the way in
// nobody at all.
func TestAURLThatHangs(t *testing.T) {
	server := newJWKSServer(t)
	hanging := make(chan struct{}, 8)
	server.do(func(_ http.ResponseWriter, r *http.Request) {
		hanging <- struct{}{}
		<-r.Context().Done()
	})
	begin := time.Now()
	wantStatus(t, server.way(t, nil), byKey(rsaKey(), "k"), 503)
	if took := time.Since(begin); took < 4*time.Second || took > 9*time.Second {
		t.Errorf("it took %v, 5 s are the bound", took)
	}
	<-hanging
	way := server.way(t, nil)
	var waiting sync.WaitGroup
	waiting.Go(func() { wantStatus(t, way, byKey(rsaKey(), "k"), 503) })
	<-hanging
	way.Close()
	waiting.Wait()
	wantStatus(t, way, byKey(rsaKey(), "k"), 503)
}

func TestACertificateOfNobody(t *testing.T) {
	server := newJWKSServer(t, jwk("k", rsaKey().Public()))
	way := server.way(t, func(o *auth.JWTOptions) { o.RootCAs = nil })
	wantStatus(t, way, byKey(rsaKey(), "k"), 503)
	if _, err := way.Examine(); err == nil || strings.Contains(err.Error(), server.URL) {
		t.Errorf("the error is %v", err)
	}
}

func TestExamineKeys(t *testing.T) {
	if n, err := newJWKSServer(t, allKeys()...).way(t, nil).Examine(); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := fileWay(t, publicPEM(p256().Public()), "ES256").Examine(); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

// FuzzJWKS reads keys that an issuer may have: no shared secret is among them, and none for
// an algorithm that is not allowed.
func FuzzJWKS(f *testing.F) {
	f.Add(keysOf(allKeys()...))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},null,7,{"kty":"EC","crv":"P-256","x":"AA==","y":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}]}`))
	allowed := []string{"RS256", "ES256", "EdDSA"}
	f.Fuzz(func(t *testing.T, data []byte) {
		each, err := auth.ReadJWKS(data, allowed)
		if err == nil && (len(each) == 0 || !json.Valid(data)) {
			t.Errorf("%q has the keys %v", data, each)
		}
		for _, algorithms := range each {
			if len(algorithms) != 1 || !slices.Contains(allowed, algorithms[0]) {
				t.Errorf("%q has a key for %v", data, algorithms)
			}
		}
	})
}
