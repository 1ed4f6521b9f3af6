package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/picker"
	"github.com/loglane/loglane/internal/server"
	"github.com/loglane/loglane/redisbroker"
)

// notWithDev are the settings of other ways in, and of ways from elsewhere.
var notWithDev = []string{"auth-file", "oidc-issuer", "jwt-issuer", "trusted-header", "auth-url", "login-url", "public-url", "trusted-proxies", "tls-cert", "tls-key"}

// given are the names and values of the settings that are texts, in the table's order.
func (s *Settings) given() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		value := reflect.ValueOf(s).Elem()
		for _, field := range reflect.VisibleFields(value.Type()) {
			if text := value.FieldByIndex(field.Index); text.Kind() == reflect.String && !yield(field.Tag.Get("name"), text.String()) {
				return
			}
		}
	}
}

// checkDev reports what --dev cannot be together with.
func (s *Settings) checkDev() error {
	var errs []error
	if _, _, err := net.SplitHostPort(s.Addr); err == nil && !auth.LoopbackHost(s.Addr) {
		errs = append(errs, Wrong("addr", s.Addr, "with --dev it must be a loopback address, for whoever reaches the gateway could see every line"))
	}
	for name, value := range s.given() {
		if slices.Contains(notWithDev, name) && value != "" {
			errs = append(errs, &SettingError{Name: name, Wrong: "--dev has its own way in, for browsers on this machine: leave one of them out"})
		}
	}
	_, err := s.Template()
	return errors.Join(append(errs, err)...)
}

// A Dev is a gateway for the developer's own machine: it needs no accounts, prints a
// sign-in link, and shows which channels there are.
type Dev struct {
	*App
	// Found tells in one line what the broker has, such as "Redis 7.0, database 1; 14
	// channels with history, last line 3 s ago in User.alice".
	Found string
	// Problems are what is wrong with the broker.
	Problems []Finding

	page *picker.Page
}

// NewDev looks at the broker, for some seconds at most or as long as ctx, and wires the
// gateway; [App.Run] serves it. The settings must have Dev.
func NewDev(ctx context.Context, settings Settings, opts *Options) (*Dev, error) {
	d := &Dev{}
	own := Options{}
	if opts != nil {
		own = *opts
	}
	own.beside = d.pages
	if own.Faults == nil && settings.Check() == nil {
		d.look(ctx, settings.RedisURL)
	}
	var err error
	d.App, err = New(settings, &own)
	return d, err
}

// lookTime bounds how long a start waits for what there is to be found.
const lookTime = 10 * time.Second

// look fills in what is found. A Redis that is away may come back: the gateway waits.
func (d *Dev) look(ctx context.Context, redisURL string) {
	if redisURL == "" {
		d.Found = "embedded broker: lines are forgotten when it ends"
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	report, err := redisbroker.Examine(ctx, redisbroker.Options{URL: redisURL}, 0)
	if err != nil {
		d.Found = "Redis does not answer"
		d.Problems = []Finding{unreached(redisURL, err)}
		return
	}
	d.Found = report.String()
	for _, p := range report.Problems() {
		d.Problems = append(d.Problems, found(p))
	}
}

func (d *Dev) pages(a *App) (routes []server.Route, err error) {
	broker, _, _ := strings.Cut(d.Found, ";") // what follows is of the start's moment
	d.page, err = picker.New(picker.Options{Dev: a.dev, Broker: a.upstream.Broker, Base: a.settings.Base(), Found: broker, Logger: a.log})
	if err != nil {
		return nil, fmt.Errorf("the page of --dev: %w", err)
	}
	return []server.Route{{Pattern: a.settings.Base() + "dev/", Handler: d.page.Handler()}}, nil
}

// origin is where a browser on this machine finds a started gateway, without a path.
func (d *Dev) origin() string { return "http://" + d.listener.Addr().String() }

// SignInURL is the link that signs an admin in once, in the next ten minutes.
func (d *Dev) SignInURL() string { return d.origin() + d.page.SignInPath() }

// Token is an API token that writes to every channel while the gateway runs.
func (d *Dev) Token() string { return d.dev.Token() }

// Redis is the URL of the Redis without what is secret in it; "" is the embedded broker.
func (d *Dev) Redis() string {
	if d.settings.RedisURL == "" {
		return ""
	}
	return redisbroker.Redacted(d.settings.RedisURL)
}

// Channel is the full name of a user's channel; "" where a name can have none.
func (d *Dev) Channel(user string) string {
	template, _ := d.settings.Template() // New has seen it
	channel, err := template.Channel(user)
	if err != nil {
		return ""
	}
	return channel
}

// wireDev makes the way in of --dev in place of the login.
func (a *App) wireDev(template loglane.Template) (err error) {
	a.dev, err = auth.NewDev(auth.DevOptions{
		Template: template, BasePath: a.settings.Base(), OnEnd: server.EndStreams(a.hub), Logger: a.log,
	})
	a.ways = []auth.Authenticator{a.dev}
	return err
}

// onLoopback fails where a listener with --dev can be reached from elsewhere: a name may
// lead anywhere.
func (s *Settings) onLoopback(addr net.Addr) error {
	tcp, ok := addr.(*net.TCPAddr)
	if s.Dev && (!ok || !tcp.IP.IsLoopback()) {
		return Wrong("addr", s.Addr, fmt.Sprintf("with --dev it must be a loopback address, and it leads to %v", addr))
	}
	return nil
}
