// Command oidctest is an OpenID Connect provider for tests, made of zitadel/oidc, with users
// and groups. It is a module of its own, so that nobody who installs Loglane gets what it needs.
//
//	oidctest -addr 127.0.0.1:9998 -gateway http://127.0.0.1:8080/ -groups alice=sre
//
// Every user signs in with the password "verysecure". The client is loglane with the secret
// "secret". Whoever signs out here is signed out at the gateway by its back channel, and a
// line on standard output says so.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	clientID     = "loglane"
	clientSecret = "secret"
	password     = "verysecure"
)

// users are known by their names; their ids are not those.
type users struct{ groups map[string][]string }

func (u users) GetUserByID(id string) *storage.User {
	name, _ := strings.CutPrefix(id, "id-")
	if _, found := u.groups[name]; !found {
		return nil
	}
	return &storage.User{ID: id, Username: name, Password: password, Email: name + "@example.com", EmailVerified: true}
}

func (u users) GetUserByUsername(name string) *storage.User { return u.GetUserByID("id-" + name) }

func (users) ExampleClientID() string { return "service" }

// provider is the example's storage with groups, a place to go after signing out, and a back
// channel.
type provider struct {
	*storage.Storage
	users   users
	issuer  string
	gateway string
}

func (p *provider) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, token op.IDTokenRequest, scopes []string) error {
	p.tellGroups(info, token.GetSubject(), scopes)
	return p.Storage.SetUserinfoFromRequest(ctx, info, token, scopes)
}

func (p *provider) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, id, subject, origin string) error {
	p.tellGroups(info, subject, []string{oidc.ScopeProfile})
	return p.Storage.SetUserinfoFromToken(ctx, info, id, subject, origin)
}

func (p *provider) tellGroups(info *oidc.UserInfo, subject string, scopes []string) {
	name, _ := strings.CutPrefix(subject, "id-")
	if slices.Contains(scopes, oidc.ScopeProfile) {
		info.AppendClaims("groups", p.users.groups[name])
	}
}

type client struct {
	op.Client
	gateway string
}

func (c client) PostLogoutRedirectURIs() []string { return []string{c.gateway + "login"} }

func (p *provider) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	known, err := p.Storage.GetClientByClientID(ctx, id)
	return client{known, p.gateway}, err
}

// TerminateSession tells the gateway of a sign-out.
func (p *provider) TerminateSession(ctx context.Context, userID, clientID string) error {
	if err := p.Storage.TerminateSession(ctx, userID, clientID); err != nil {
		return err
	}
	status, err := p.backChannel(ctx, userID)
	fmt.Printf("signed out %s: the gateway answers %d %v\n", userID, status, err)
	return nil
}

func (p *provider) backChannel(ctx context.Context, subject string) (status int, err error) {
	key, err := p.SigningKey(ctx)
	if err != nil {
		return 0, err
	}
	options := (&jose.SignerOptions{}).WithType("logout+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key.Key(), KeyID: key.ID()}}, options)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	body, err := json.Marshal(map[string]any{
		"iss": p.issuer, "aud": clientID, "sub": subject, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": uuid.NewString(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	if err != nil {
		return 0, err
	}
	signed, err := signer.Sign(body)
	if err != nil {
		return 0, err
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		return 0, err
	}
	form := url.Values{"logout_token": {token}}.Encode()
	answer, err := http.Post(p.gateway+"login/oidc/backchannel", "application/x-www-form-urlencoded", bytes.NewBufferString(form))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}

// ServeHTTP signs a user out as an administrator of the provider would: POST /kick?user=alice.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := p.TerminateSession(r.Context(), "id-"+r.URL.Query().Get("user"), clientID); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func main() {
	addr := flag.String("addr", "127.0.0.1:9998", "address to listen on, a loopback one")
	gateway := flag.String("gateway", "http://127.0.0.1:8080/", "base URL of the gateway")
	groups := flag.String("groups", "alice=,bob=", "USER=GROUP,… for each user and group")
	flag.Parse()
	if err := serve(*addr, *gateway, *groups); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(addr, gateway, groups string) error {
	all := users{map[string][]string{}}
	for item := range strings.SplitSeq(groups, ",") {
		name, group, _ := strings.Cut(item, "=")
		all.groups[name] = append(all.groups[name], group)
	}
	issuer := "http://" + addr
	storage.RegisterClients(storage.WebClient(clientID, clientSecret, gateway+"login/oidc/callback"))
	p := &provider{Storage: storage.NewStorage(all), users: all, issuer: issuer, gateway: gateway}
	mux := http.NewServeMux()
	mux.Handle("POST /kick", p)
	mux.Handle("/", exampleop.SetupServer(issuer, p, slog.New(slog.NewTextHandler(os.Stderr, nil)), false))
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return (&http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}).Serve(listener)
}
