package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/demo"
	"github.com/loglane/loglane/internal/server"
	"github.com/loglane/loglane/logship"
)

// DemoSettings are what can be set of a demonstration; the rest has its default.
type DemoSettings struct {
	Place
	Logging
}

// Check reports all that is wrong with the settings.
func (s *DemoSettings) Check() error {
	if _, unix := server.UnixPath(s.Addr); unix {
		return errors.Join(Wrong("addr", s.Addr, "a browser finds no Unix socket"), s.Logging.Check())
	}
	return errors.Join(s.Place.Check(), s.Logging.Check())
}

// An Account is a user made up for the demonstration.
type Account struct {
	Name, Password string
	Role           auth.Role
}

// A Demo is a gateway with the embedded broker, and beside it a little shop whose
// requests log about the signed-in user, and shoppers who keep it busy.
type Demo struct {
	*App
	Accounts []Account
	dir      string // of the users file
}

// NewDemo makes the accounts and wires the gateway and the shop; [Demo.Run] serves them
// and removes what was made.
func NewDemo(settings DemoSettings, opts *Options) (*Demo, error) {
	d := &Demo{Accounts: []Account{
		{Name: "alice", Role: auth.Viewer}, {Name: "bob", Role: auth.Viewer}, {Name: "admin", Role: auth.Admin},
	}}
	all := Defaults()
	all.Place, all.Logging = settings.Place, settings.Logging
	// The copy: what is asked for beside the gateway is the demo's own.
	own := Options{}
	if opts != nil {
		own = *opts
	}
	own.beside = d.shop
	err := errors.Join(own.Faults, settings.Check())
	if err == nil {
		all.AuthFile, err = d.makeAccounts()
	}
	if err == nil {
		d.App, err = New(all, &own)
	}
	if err != nil {
		return nil, errors.Join(err, d.remove())
	}
	return d, nil
}

// makeAccounts writes a users file. Its hashes are cheap, for the passwords are random
// and live no longer than the demo, whose first line should not wait for them.
func (d *Demo) makeAccounts() (path string, err error) {
	if d.dir, err = os.MkdirTemp("", "loglane-demo-"); err != nil {
		return "", err
	}
	file := auth.UsersFile{
		Path: filepath.Join(d.dir, "users"), Template: loglane.DefaultTemplate,
		Cost: auth.Cost{Memory: 8 << 10},
	}
	for i := range d.Accounts {
		account := &d.Accounts[i]
		account.Password = strings.ToLower(rand.Text()[:12])
		if err := file.Add(account.Name, account.Role, account.Password); err != nil {
			return "", err
		}
	}
	return file.Path, nil
}

func (d *Demo) remove() error {
	if d.dir == "" {
		return nil
	}
	return os.RemoveAll(d.dir)
}

// shop mounts the shop below the gateway's base, so that one session serves both.
func (d *Demo) shop(a *App) ([]server.Route, error) {
	lines := logship.NewHandler(a.upstream, &logship.Options{Logger: "shop", Level: slog.LevelDebug, ErrorLog: a.log})
	a.ending.push("shop's lines", lines.Shutdown)
	path := a.settings.Base() + "shop/"
	shop, err := demo.New(demo.Options{
		Users:  []string{"alice", "bob"},
		Logger: slog.New(lines),
		CurrentUser: func(r *http.Request) string {
			p, err := a.login.Authenticate(r)
			if err != nil || p == nil {
				return ""
			}
			return p.Name
		},
		SignInURL:   a.settings.Base() + "login?next=" + path,
		TerminalURL: a.settings.Base(),
		BasePath:    path,
	})
	if err != nil {
		return nil, fmt.Errorf("the shop: %w", err)
	}
	a.spawn("shoppers", func(ctx context.Context) error {
		shop.Run(ctx)
		return nil
	})
	return []server.Route{{Pattern: path, Handler: shop.Handler()}}, nil
}

// RefusesPlain says whether people on other machines reach it, and cannot sign in.
func (d *Demo) RefusesPlain() bool {
	return d.settings.TLSCert == "" && !auth.LoopbackHost(d.settings.Addr)
}

// ShopURL is where a browser on this machine finds the shop, once the demo has started.
func (d *Demo) ShopURL() string { return d.URL() + "shop/" }

// Run is [App.Run], and then removes the accounts.
func (d *Demo) Run(ctx, cut context.Context, started func()) error {
	return errors.Join(d.App.Run(ctx, cut, started), d.remove())
}
