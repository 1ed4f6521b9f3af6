package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/server"
)

// Check reports all that is wrong with the settings: a join of *[SettingError].
func (s *Settings) Check() error {
	return errors.Join(
		s.Place.Check(),
		s.Outside.Check(s.Base()),
		s.checkWays(),
		s.Upstream.check(),
		s.Streams.check(),
		s.Viewers.Check(),
		s.Sending.check(),
		s.Redaction.Check(),
		s.Limits.check(&s.Sending),
		s.Metrics.check(),
		s.Logging.Check(),
		s.Audit.Check(),
		within("drain-timeout", s.DrainTimeout, time.Second, 10*time.Minute),
	)
}

var cleanPath = regexp.MustCompile(`^/([0-9A-Za-z_~-][0-9A-Za-z._~-]*/)*$`)

// maxSocketPath is what every system takes of a Unix socket's path.
const maxSocketPath = 100

// Check reports what is wrong with the place.
func (p *Place) Check() error {
	var errs []error
	_, port, err := net.SplitHostPort(p.Addr)
	if path, unix := server.UnixPath(p.Addr); unix {
		if !strings.HasPrefix(path, "/") || len(path) > maxSocketPath {
			errs = append(errs, Wrong("addr", p.Addr, fmt.Sprintf("after unix: it has no path of up to %d bytes that begins with a slash", maxSocketPath)))
		}
	} else if err != nil {
		errs = append(errs, Wrong("addr", p.Addr, "it is not HOST:PORT"))
	} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		errs = append(errs, Wrong("addr", p.Addr, "it has no port from 0 to 65535"))
	}
	if !cleanPath.MatchString(p.Base()) {
		errs = append(errs, Wrong("base-path", p.BasePath, "it is not a path of letters, digits, '-', '_', '.' and '~' that begins with a slash"))
	}
	if (p.TLSCert == "") != (p.TLSKey == "") {
		missing := "tls-key"
		if p.TLSCert == "" {
			missing = "tls-cert"
		}
		errs = append(errs, Wrong(missing, "", "it is missing: HTTPS needs both --tls-cert and --tls-key"))
	}
	return errors.Join(errs...)
}

// checkWays reports what is wrong with the ways in: with --dev there is one only.
func (s *Settings) checkWays() error {
	if s.Dev {
		return s.checkDev()
	}
	return errors.Join(s.someWayIn(), s.Identity.check(), s.Logins.check(), s.OIDC.Check(), s.checkReturn(), s.JWT.Check(), s.checkHeaderLogin(), s.Forward.Check(), s.Names.Check())
}

// someWayIn refuses settings with which nobody could come in.
func (s *Settings) someWayIn() error {
	if s.AuthFile != "" || s.OIDCIssuer != "" || s.JWTIssuer != "" || s.TrustedHeader != "" || s.AuthURL != "" {
		return nil
	}
	return Wrong("auth-file", "", "it is missing, so nobody could sign in: make one with 'loglane user add NAME --auth-file FILE', take your application's own login with --auth-url, a provider's with --oidc-issuer, JWTs with --jwt-issuer or a proxy's login with --trusted-header, or look around first with --dev")
}

// Check reports what is wrong with the identity of a command that edits the auth file.
func (i *Identity) Check() error {
	var errs []error
	if i.AuthFile == "" {
		errs = append(errs, Wrong("auth-file", "", "it is missing: name the file of users and API tokens"))
	}
	return errors.Join(append(errs, i.check())...)
}

func (i *Identity) check() error {
	_, err := i.Template()
	return err
}

// Template is the parsed channel template.
func (i *Identity) Template() (loglane.Template, error) {
	template, err := loglane.ParseTemplate(i.ChannelTemplate)
	if err != nil {
		return template, &SettingError{Name: "channel-template", Wrong: err.Error()}
	}
	return template, nil
}

// check asks the retention about each member alone, so that its bounds are told once and
// its errors have a setting's name.
func (u *Upstream) check() error {
	takes := func(name string, value any, r loglane.Retention) error {
		if r == (loglane.Retention{}) {
			return zero(name)
		}
		return refused(name, value, r.WithDefaults(loglane.DefaultHistoryTTL).Check())
	}
	return errors.Join(
		takes("history-lines", u.HistoryLines, loglane.Retention{Lines: u.HistoryLines}),
		takes("history-bytes", u.HistoryBytes, loglane.Retention{Bytes: u.HistoryBytes}),
		takes("history-ttl", u.HistoryTTL, loglane.Retention{TTL: u.HistoryTTL}),
		takes("global-history-ttl", u.GlobalHistoryTTL, loglane.Retention{TTL: u.GlobalHistoryTTL}),
	)
}

// check asks a hub about each of its options alone, for the same reason.
func (s *Streams) check() error {
	takes := func(name string, value any, opts loglane.HubOptions) error {
		if opts == (loglane.HubOptions{}) {
			return zero(name)
		}
		hub, err := loglane.NewHub(nil, &opts) // without streams, it never asks its broker
		if err != nil {
			return refused(name, value, err)
		}
		return hub.Close(context.Background())
	}
	return errors.Join(
		takes("keepalive", s.Keepalive, loglane.HubOptions{Keepalive: s.Keepalive}),
		takes("max-line", s.MaxLine, loglane.HubOptions{MaxLine: s.MaxLine}),
		takes("escape-policy", s.EscapePolicy, loglane.HubOptions{EscapePolicy: s.EscapePolicy}),
		atLeast("max-streams", s.MaxStreams, 1),
		atLeast("max-streams-per-user", s.MaxStreamsPerUser, 0),
		atLeast("max-streams-per-address", s.MaxStreamsPerAddress, 0),
	)
}

// zero refuses what the packages below would take for their default.
func zero(name string) error { return Wrong(name, "", "it must not be empty or 0") }

// refused gives an error of a package below a setting's name, for the option's own.
func refused(name string, value any, err error) error {
	if err == nil {
		return nil
	}
	_, wrong, found := strings.Cut(err.Error(), ": ")
	if !found {
		wrong = err.Error()
	}
	return &SettingError{Name: name, Value: fmt.Sprint(value), Wrong: wrong}
}

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"text", "json"}
)

// Check reports what is wrong with the logging.
func (l *Logging) Check() error {
	return errors.Join(oneOf("log-level", l.LogLevel, logLevels), oneOf("log-format", l.LogFormat, logFormats))
}

func oneOf(name, value string, all []string) error {
	if slices.Contains(all, value) {
		return nil
	}
	return Wrong(name, value, "it is none of "+strings.Join(all, ", "))
}

func atLeast(name string, value, least int) error {
	if value >= least {
		return nil
	}
	return Wrong(name, strconv.Itoa(value), fmt.Sprintf("it must be at least %d", least))
}

func within(name string, value, least, most time.Duration) error {
	if value >= least && value <= most {
		return nil
	}
	return Wrong(name, value.String(), fmt.Sprintf("it must be from %v to %v", least, most))
}
