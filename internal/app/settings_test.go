package app_test

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/app"
)

func TestEverySettingIsToldWhole(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[app.Settings]()) {
		if field.Anonymous {
			continue
		}
		name := field.Tag.Get("name")
		env, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if want := "LOGLANE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); name == "" || env != want {
			t.Errorf("%s: the variable of --%s is %q, want %q", field.Name, name, env, want)
		}
		if help := field.Tag.Get("help"); !strings.HasSuffix(help, ".") {
			t.Errorf("%s: the help is %q", field.Name, help)
		}
		if field.Tag.Get("default") == "" && field.Tag.Get("example") == "" {
			t.Errorf("%s: there is neither a default nor an example", field.Name)
		}
	}
}

func TestTheDefaultsLackOnlyTheUsers(t *testing.T) {
	s := app.Defaults()
	err := s.Check()
	var wrong *app.SettingError
	if !errors.As(err, &wrong) || wrong.Name != "auth-file" || strings.Contains(err.Error(), "\n") {
		t.Errorf("the defaults: %v", err)
	}
	s.AuthFile = "users"
	if err := s.Check(); err != nil {
		t.Errorf("the defaults with users: %v", err)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct {
		change func(*app.Settings)
		want   string
	}{
		{func(s *app.Settings) { s.Addr = "8080" }, "--addr=8080: it is not HOST:PORT; an example is --addr=127.0.0.1:8080"},
		{func(s *app.Settings) { s.Addr = "localhost:http!" }, "--addr=localhost:http!: it has no port"},
		{func(s *app.Settings) { s.Addr = ":70000" }, "--addr=:70000: it has no port"},
		{func(s *app.Settings) { s.Addr = "unix:gw.sock" }, "--addr=unix:gw.sock: after unix: it has no path"},
		{func(s *app.Settings) { s.Addr = "unix:@gw" }, "--addr=unix:@gw: after unix: it has no path"},
		{func(s *app.Settings) { s.Addr = "unix:/" + strings.Repeat("x", 100) }, "after unix: it has no path of up to 100 bytes"},
		{func(s *app.Settings) { s.JWTAudience = "a" }, "--jwt-issuer: it is missing: --jwt-audience is about"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTAudience = "" }, "--jwt-audience: it is missing"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTJWKSURL = "" }, "--jwt-jwks-url: it is missing, and so is --jwt-key-file"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTKeyFile = "k.pem" }, "--jwt-key-file=k.pem: --jwt-jwks-url has keys, too"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTJWKSURL = "http://id.example.com/k?s=secret" }, "--jwt-jwks-url=http://id.example.com/k: it must begin with https://"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTAlgorithms = "RS256,none" }, `--jwt-algorithms=RS256,none: "none" is none of`},
		{func(s *app.Settings) { jwtSettings(s); s.JWTAlgorithms = "HS256" }, "--jwt-algorithms=HS256: HS256, HS384 and HS512 take a shared secret"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTNameClaim = "" }, "--jwt-name-claim: it must not be empty"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTNamePrefix = "a b" }, "--jwt-name-prefix=a b: it is not"},
		{func(s *app.Settings) { jwtSettings(s); s.JWTJWKSURL, s.JWTKeyFile = "", "/nowhere/k.pem" }, "--jwt-key-file: open /nowhere/k.pem"},
		{func(s *app.Settings) { s.TrustedHeaderProxies = "127.0.0.1" }, "--trusted-header: it is missing: --trusted-header-proxies is about it"},
		{func(s *app.Settings) { s.TrustedHeader = "Remote-User" }, "--trusted-header-proxies: it is missing, so that whoever reaches the gateway could say who they are"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeader = "Remote_User" }, "--trusted-header=Remote_User: it is not up to 64 letters"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeader = "Cookie" }, "--trusted-header=Cookie: it means something else"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeaderGroups = "remote-user" }, "--trusted-header-groups=remote-user: the headers"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeaderProxies = "::/0" }, `--trusted-header-proxies=::/0: "::/0" would believe everybody`},
		{func(s *app.Settings) { headerSettings(s); s.Addr = "unix:/run/gw.sock" }, "--trusted-header-proxies=127.0.0.1: who comes over the Unix socket"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeaderSecretFile = "/nowhere/s" }, "--trusted-header-secret-file: open /nowhere/s"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeaderSecretFile = os.DevNull }, "it has no secret of 16 to 1024 printable"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeaderMaxAge = time.Second }, "--trusted-header-max-age=1s: it must be from 1m0s to 24h0m0s"},
		{func(s *app.Settings) { headerSettings(s); s.TrustedHeaderNamePrefix = "a,b" }, "--trusted-header-name-prefix=a,b: it is not"},
		{func(s *app.Settings) { s.ViewerLevel = "loud" }, "--viewer-level=loud: it is no level, such as debug, info, warning or error; an example is --viewer-level=info"},
		{func(s *app.Settings) { s.ViewerFields = "message," }, "--viewer-fields=message,: a member without a name; an example is --viewer-fields=message,level,timestamp,attrs.order"},
		{func(s *app.Settings) { s.ViewerFields = "message,a." }, `--viewer-fields=message,a.: "a.": a name is missing beside a dot; `},
		{func(s *app.Settings) { s.Redact = "yes" }, "--redact=yes: it is none of on, off; an example is --redact=on"},
		{func(s *app.Settings) { s.RedactKeys = "pin,-user" }, `--redact-keys=pin,-user: "user" is none of the known names: password, `},
		{func(s *app.Settings) { s.RedactPatterns = "a|(" }, `--redact-patterns: "a|(" cannot be read: `},
		{func(s *app.Settings) { s.RedactPatterns = "a*" }, `--redact-patterns: "a*" matches an empty text too`},
		{func(s *app.Settings) { s.BasePath = "logs" }, "--base-path=logs: "},
		{func(s *app.Settings) { s.BasePath = "/a/../b" }, "--base-path=/a/../b: "},
		{func(s *app.Settings) { s.BasePath = "/{x}/" }, "--base-path=/{x}/: "},
		{func(s *app.Settings) { s.BasePath = "//evil" }, "--base-path=//evil: "},
		{func(s *app.Settings) { s.AllowedOrigins = "*" }, `--allowed-origins=*: "*" would be everybody: name each origin; an example is --allowed-origins=https://app.example.com`},
		{func(s *app.Settings) { s.AllowedOrigins = "https://a.example/" }, `--allowed-origins=https://a.example/: "https://a.example/" is no origin as browsers send it`},
		{func(s *app.Settings) { s.AllowedOrigins = "https://a.example,null" }, `--allowed-origins=https://a.example,null: "null" is what any sandboxed page says of itself`},
		{func(s *app.Settings) { s.AuthURL, s.AuthRecheck = "http://h/", time.Millisecond }, "--auth-recheck=1ms: it must be from 1s to 10m"},
		{func(s *app.Settings) { s.AuthRecheck = 0 }, "--auth-recheck=0s: it must be from 1s to 10m"},
		{func(s *app.Settings) { s.AuditRequired = true }, "--audit-log: it is missing"},
		{func(s *app.Settings) { s.AuthFile = "" }, "--auth-file: it is missing"},
		{func(s *app.Settings) { s.AuthURL = "app/whoami" }, "--auth-url=app/whoami: it is not a URL that begins with http:// or https://; an example is --auth-url=http://127.0.0.1:8000/whoami"},
		{func(s *app.Settings) { s.AuthURL = "http://u:secret@h/" }, "--auth-url=http://u:xxxxx@h/: it has a user or password"},
		{func(s *app.Settings) { s.PublicURL = "https://u:secret@h/?k=secret" }, "--public-url=https://u:xxxxx@h/: it has more than"},
		{func(s *app.Settings) { s.LoginURL = "/login" }, "--auth-url: it is missing"},
		{func(s *app.Settings) { s.AuthURL, s.LoginURL = "http://h/", "//h/login" }, "--login-url=//h/login: it is neither a URL"},
		{func(s *app.Settings) { s.PublicURL = "logs.example.com" }, "--public-url=logs.example.com: it is not a URL"},
		{func(s *app.Settings) { s.PublicURL = "https://h/logs/" }, "--public-url=https://h/logs/: its path is /logs/, but --base-path is /: both must be the same"},
		{func(s *app.Settings) { s.TrustedProxies = "10.0.0.0/8,nginx" }, `--trusted-proxies=10.0.0.0/8,nginx: "nginx" is neither an address nor a network`},
		{func(s *app.Settings) { s.TrustedProxies = "0.0.0.0/0" }, "would believe everybody; an example is --trusted-proxies=127.0.0.1,10.0.0.0/8"},
		{func(s *app.Settings) { s.ChannelTemplate = "{username}" }, "--channel-template: "},
		{func(s *app.Settings) { s.HistoryLines = 0 }, "--history-lines: it must not be empty or 0"},
		{func(s *app.Settings) { s.HistoryLines = -1 }, "--history-lines=-1: take 1 to"},
		{func(s *app.Settings) { s.HistoryBytes = 1000 }, "--history-bytes=1000: take at least"},
		{func(s *app.Settings) { s.HistoryTTL = time.Millisecond }, "--history-ttl=1ms: take 1s to"},
		{func(s *app.Settings) { s.GlobalHistoryTTL = 1000 * time.Hour }, "--global-history-ttl=1000h0m0s: take 1s to"},
		{func(s *app.Settings) { s.Keepalive = time.Millisecond }, "--keepalive=1ms: take 1s to"},
		{func(s *app.Settings) { s.Keepalive = 0 }, "--keepalive: it must not be empty or 0"},
		{func(s *app.Settings) { s.MaxLine = 10 }, "--max-line=10: take "},
		{func(s *app.Settings) { s.EscapePolicy = "all" }, "--escape-policy=all: it is one of sgr, strip, none"},
		{func(s *app.Settings) { s.MaxStreams = 0 }, "--max-streams=0: it must be at least 1"},
		{func(s *app.Settings) { s.MaxStreamsPerUser = -1 }, "--max-streams-per-user=-1: it must be at least 0"},
		{func(s *app.Settings) { s.MaxStreamsPerAddress = -1 }, "--max-streams-per-address=-1: it must be at least 0"},
		{func(s *app.Settings) { s.Global = "some" }, "--global=some: it is none of on, off and the levels such as info or warning; an example is --global=warning"},
		{func(s *app.Settings) { s.Global = "" }, "--global: it is none of on, off"},
		{func(s *app.Settings) { s.MaxIngestBytes = 0 }, "--max-ingest-bytes=0: it must be from 65536 to 268435456"},
		{func(s *app.Settings) { s.MaxIngestBytes = 1 << 30 }, "--max-ingest-bytes=1073741824: it must be from"},
		{func(s *app.Settings) { s.LogLevel = "loud" }, "--log-level=loud: it is none of debug, info, warn, error"},
		{func(s *app.Settings) { s.LogFormat = "xml" }, "--log-format=xml: it is none of text, json"},
		{func(s *app.Settings) { s.DrainTimeout = time.Hour }, "--drain-timeout=1h0m0s: it must be from 1s to 10m0s"},
	} {
		s := app.Defaults()
		s.AuthFile = "users"
		c.change(&s)
		err := s.Check()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error is %v, want %q", err, c.want)
		}
	}
}

func jwtSettings(s *app.Settings) {
	s.JWTIssuer, s.JWTAudience, s.JWTJWKSURL = "https://id.example.com/", "loglane", "https://id.example.com/jwks.json"
}

func headerSettings(s *app.Settings) {
	s.TrustedHeader, s.TrustedHeaderProxies = "Remote-User", "127.0.0.1"
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	s := app.Defaults()
	s.Addr, s.Keepalive, s.HistoryTTL = "x", 1, time.Millisecond
	s.RedisURL = "redis://user:secret@host:port/0"
	_, err := app.New(s, nil)
	if err == nil {
		t.Fatal("they are taken")
	}
	var named []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, ":")
		name, _, _ = strings.Cut(name, "=")
		named = append(named, name)
	}
	want := []string{"--addr", "--auth-file", "--history-ttl", "--keepalive", "--redis-url"}
	if !slices.Equal(named, want) {
		t.Errorf("%v: it names %q, want %q", err, named, want)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error has the password: %v", err)
	}
}
