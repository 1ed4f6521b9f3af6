package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

const (
	reachTime  = 5 * time.Second
	mostAnswer = 4 << 10 // bytes of an answer that are looked at
)

// examineAddr says whether a gateway could listen, or does already.
func examineAddr(ctx context.Context, s *Settings) []Finding {
	const check = "addr"
	if path, unix := server.UnixPath(s.Addr); unix {
		return examineSocket(ctx, s, path)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Addr)
	if err == nil {
		listener.Close()
		return []Finding{{check, Fine, s.Addr + " is free", ""}}
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return []Finding{{check, Failing, err.Error(), "set --addr to an address of this machine and a port that this user may open"}}
	}
	if gatewayAt(ctx, s.URL()) {
		return []Finding{{check, Fine, "a gateway answers at " + s.URL(), ""}}
	}
	return []Finding{{check, Failing, s.Addr + " is in use, and no gateway with this base path answers there",
		"stop the program that has it, or set --addr or --base-path to another"}}
}

// gatewayAt says whether a gateway answers on this machine, with TLS or without. Both are
// tried at once, for a program that answers neither takes the whole time of each.
func gatewayAt(ctx context.Context, plain string) bool {
	var asking sync.WaitGroup
	var found atomic.Bool
	for _, base := range []string{plain, strings.Replace(plain, "http:", "https:", 1)} {
		asking.Go(func() {
			// Nothing secret is sent, and a certificate for the public name suits no address here.
			a := ask(ctx, base+"healthz", "application/json", &tls.Config{InsecureSkipVerify: true})
			if a.err == nil && a.healthy() {
				found.Store(true)
			}
		})
	}
	asking.Wait()
	return found.Load()
}

const publicURL = "public-url"

// ExaminePublicURL says whether clients can reach a gateway by its public URL, which has
// the base path: whether what stands between passes health, and the stream's path, through
// to it.
func ExaminePublicURL(ctx context.Context, public string) []Finding {
	u, err := url.Parse(public)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return []Finding{{publicURL, Failing, "it is not a URL that begins with http:// or https://", "set --public-url to what browsers have in their address bar, such as https://logs.example.com/"}}
	}
	all := []Finding{passage(ctx, strings.TrimSuffix(public, "/")+"/")}
	if u.Scheme == "http" && !auth.LoopbackHost(u.Host) {
		all = append(all, Finding{publicURL, Warning, "passwords and sessions travel over plain http, and cookies are not Secure", "serve https, and set --public-url to it"})
	}
	return all
}

// passage follows the way from a client to the gateway.
func passage(ctx context.Context, base string) Finding {
	health := ask(ctx, base+"healthz", "application/json", nil)
	switch {
	case health.err != nil:
		return Finding{publicURL, Failing, fmt.Sprintf("%s cannot be reached from here: %v", base, health.err),
			"start the gateway and what stands in front of it, or set --public-url to where clients find it"}
	case health.code/100 == 3:
		return Finding{publicURL, Failing, fmt.Sprintf("%shealthz leads on to %s", base, health.location), "set --public-url to where clients end up"}
	case health.code == http.StatusBadGateway, health.code == http.StatusServiceUnavailable, health.code == http.StatusGatewayTimeout:
		return Finding{publicURL, Failing, fmt.Sprintf("what answers at %s does not reach the gateway: %s", base, health),
			"start the gateway, and let the proxy pass to its --addr"}
	case !health.healthy():
		return Finding{publicURL, Failing, fmt.Sprintf("%shealthz is answered by something else than a gateway: %s", base, health),
			"let the proxy pass this path, and all below it, to the gateway's --addr with its --base-path"}
	}
	if stream := ask(ctx, base+"api/v1/stream", "text/event-stream", nil); !stream.refusesStrangers() {
		return Finding{publicURL, Failing, fmt.Sprintf("the gateway is there, but %sapi/v1/stream is answered by something else: %s", base, stream),
			"let the proxy pass that path to the gateway, too, and its answers as they are"}
	}
	return Finding{publicURL, Fine, "a gateway answers at " + base, ""}
}

// ExamineAuthURL says whether the application that a gateway asks for logins is there, and
// takes nobody for somebody.
func ExamineAuthURL(ctx context.Context, asked string) []Finding {
	const check = "auth-url"
	a := ask(ctx, asked, "application/json", nil)
	switch {
	case a.err != nil:
		return []Finding{{check, Failing, fmt.Sprintf("the application cannot be asked: %v", a.err), "start it, or set --auth-url to where it is"}}
	case a.code == http.StatusUnauthorized, a.code == http.StatusForbidden:
		return []Finding{{check, Fine, fmt.Sprintf("the application answers, and lets nobody in without a login (%d)", a.code), ""}}
	case a.code == http.StatusOK:
		return []Finding{{check, Failing, "the application lets everybody in: it answers 200 where there is no login", "let it answer 401 without a login"}}
	case a.code == http.StatusNotFound:
		return []Finding{{check, Failing, "the application has nothing there: " + a.String(), "set --auth-url to the view that says who is signed in; some applications want a / at its end"}}
	default:
		return []Finding{{check, Failing, "the application's answer is of no use where there is no login: " + a.String(), "let it answer 401 without a login, and lead nowhere else"}}
	}
}

// An answered is what came of a GET without any login.
type answered struct {
	err      error
	code     int
	kind     string // media type
	location string
	body     []byte // its beginning
}

// ask follows no redirects: clients with a stream would not, either.
func ask(ctx context.Context, url, accept string, config *tls.Config) answered {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answered{err: err}
	}
	r.Header.Set("Accept", accept)
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return answered{err: err}
	}
	defer response.Body.Close()
	a := answered{code: response.StatusCode, location: response.Header.Get("Location")}
	a.kind, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type")) // "" is none of ours
	a.body, _ = io.ReadAll(io.LimitReader(response.Body, mostAnswer))       // one that is cut is not JSON
	return a
}

// healthy says whether it is a gateway's answer to /healthz.
func (a answered) healthy() bool {
	var health struct{ Status string }
	return a.code == http.StatusOK && a.kind == "application/json" && json.Unmarshal(a.body, &health) == nil && health.Status == "ok"
}

// refusesStrangers says whether it is a gateway's answer to who has no login.
func (a answered) refusesStrangers() bool {
	var refusal struct{ Error string }
	return a.err == nil && a.code == http.StatusUnauthorized && a.kind == "application/json" && json.Unmarshal(a.body, &refusal) == nil && refusal.Error != ""
}

func (a answered) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%d %s, %s", a.code, http.StatusText(a.code), a.kind)
}
