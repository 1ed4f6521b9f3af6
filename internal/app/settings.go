package app

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/loglane/loglane/internal/server"
)

// Settings are all settings of a gateway. The tags are the one place where a setting's
// flag, environment variable, default, help and example stand; a setting without an
// example has its default as one. A setting that takes several values is a slice, or a
// string whose placeholder ends with ",…".
type Settings struct {
	Place
	Outside
	Identity
	OIDC
	JWT
	HeaderLogin
	Logins
	Forward
	Names
	Upstream
	Streams
	Viewers
	Sending
	Redaction
	Limits
	Metrics
	Logging
	Audit
	Development
	DrainTimeout time.Duration `name:"drain-timeout" env:"LOGLANE_DRAIN_TIMEOUT" default:"20s" help:"How long SIGTERM lets open streams end, one after the other over most of it; what is left is cut."`
}

// ConfigFile is where further settings stand, for each verb that has any of them. It is no
// setting itself: a file names no other.
type ConfigFile struct {
	Config string `name:"config" env:"LOGLANE_CONFIG" placeholder:"FILE" help:"YAML file with settings by the names of their flags; flags and environment variables go before it."`
}

// Place is where the gateway listens.
type Place struct {
	Addr     string `name:"addr" env:"LOGLANE_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on; unix:/run/loglane.sock is a Unix socket, which its user and group may open."`
	BasePath string `name:"base-path" env:"LOGLANE_BASE_PATH" default:"/" example:"/logs/" placeholder:"PATH" help:"Path below which everything is served."`
	TLSCert  string `name:"tls-cert" env:"LOGLANE_TLS_CERT" example:"cert.pem" placeholder:"FILE" help:"PEM file of a certificate and its chain, to serve HTTPS; it is read again when it changes."`
	TLSKey   string `name:"tls-key" env:"LOGLANE_TLS_KEY" example:"key.pem" placeholder:"FILE" help:"PEM file of the certificate's private key."`
}

// Identity is who may sign in, and to which channels names lead.
type Identity struct {
	AuthFile        string `name:"auth-file" env:"LOGLANE_AUTH_FILE" example:"users.txt" placeholder:"FILE" help:"File of the users and API tokens, as the user and token commands write it."`
	ChannelTemplate string `name:"channel-template" env:"LOGLANE_CHANNEL_TEMPLATE" default:"User.{username}" placeholder:"TEMPLATE" help:"Context of a user's own channel."`
}

// Outside is how the gateway is reached through what stands before it.
type Outside struct {
	PublicURL       string `name:"public-url" env:"LOGLANE_PUBLIC_URL" example:"https://logs.example.com/" placeholder:"URL" help:"Where browsers find the gateway, with its base path; https makes cookies Secure."`
	TrustedProxies  string `name:"trusted-proxies" env:"LOGLANE_TRUSTED_PROXIES" example:"127.0.0.1,10.0.0.0/8" placeholder:"CIDR,…" help:"Addresses of the proxies in front, and unix for those that come over the Unix socket of --addr; their X-Forwarded-For, -Proto and -Host are believed, so they must not pass on what callers send."`
	AllowedOrigins  string `name:"allowed-origins" env:"LOGLANE_ALLOWED_ORIGINS" example:"https://app.example.com" placeholder:"ORIGIN,…" help:"Origins whose pages may read the stream, the history and who is signed in, with their users' logins or tokens; each is named whole."`
	InsecureCookies bool   `name:"insecure-cookies" env:"LOGLANE_INSECURE_COOKIES" default:"false" help:"Whether people on other machines may sign in over plain HTTP, where anybody on the way can take their password and session."`
}

// Forward is the login of another application, which the gateway asks who a request
// comes from.
type Forward struct {
	AuthURL           string        `name:"auth-url" env:"LOGLANE_AUTH_URL" example:"http://127.0.0.1:8000/whoami" placeholder:"URL" help:"URL of your application that says who a Cookie or Authorization header stands for."`
	LoginURL          string        `name:"login-url" env:"LOGLANE_LOGIN_URL" example:"https://app.example.com/login" placeholder:"URL" help:"Login page of your application, for --auth-url; it gets where to come back to as ?next=."`
	AuthRecheck       time.Duration `name:"auth-recheck" env:"LOGLANE_AUTH_RECHECK" default:"60s" help:"How often at least --auth-url is asked again about a login with open streams, which end when it has ended."`
	AuthOrigin        bool          `name:"auth-origin" env:"LOGLANE_AUTH_ORIGIN" default:"false" help:"Tell --auth-url where a request comes from, as X-Forwarded-For, -Proto and -Host, for applications that bind their sessions to an address."`
	AuthURLNamePrefix string        `name:"auth-url-name-prefix" env:"LOGLANE_AUTH_URL_NAME_PREFIX" example:"app:" placeholder:"PREFIX" help:"What goes before the names that --auth-url tells, so that they are no other way's."`
}

// Names are how those of several ways in go together, and what groups give.
type Names struct {
	SharedNames bool   `name:"shared-names" env:"LOGLANE_SHARED_NAMES" default:"false" help:"Users of several ways in who have one name are one person."`
	RoleMap     string `name:"role-map" env:"LOGLANE_ROLE_MAP" example:"sre=operator,admins=admin" placeholder:"GROUP=ROLE,…" help:"Roles of the groups that other ways in than --auth-file tell; without it the groups viewer, operator and admin are roles themselves."`
	ChannelMap  string `name:"channel-map" env:"LOGLANE_CHANNEL_MAP" example:"team-a=team.a,team-b=team.b" placeholder:"GROUP=CONTEXT,…" help:"Channels, by their contexts, that those groups may read beside their own."`
}

// Upstream is the broker and what it keeps.
type Upstream struct {
	RedisURL         string        `name:"redis-url" env:"LOGLANE_REDIS_URL,REDIS_URL" example:"redis://127.0.0.1:6379/0" placeholder:"URL" help:"Redis that has the channels; without one, an embedded broker that forgets everything when it ends."`
	HistoryLines     int           `name:"history-lines" env:"LOGLANE_HISTORY_LINES" default:"1000" placeholder:"N" help:"Newest lines that a channel keeps."`
	HistoryBytes     int           `name:"history-bytes" env:"LOGLANE_HISTORY_BYTES" default:"2097152" placeholder:"N" help:"Bytes of newest lines that a channel keeps."`
	HistoryTTL       time.Duration `name:"history-ttl" env:"LOGLANE_HISTORY_TTL" default:"1h" help:"How long a channel's history lives after its last line."`
	GlobalHistoryTTL time.Duration `name:"global-history-ttl" env:"LOGLANE_GLOBAL_HISTORY_TTL" default:"24h" help:"The same for the global channel."`
}

// Streams are the settings of the event stream.
type Streams struct {
	StreamEnabled        bool          `name:"stream-enabled" env:"LOGLANE_STREAM_ENABLED" default:"true" help:"Whether log lines are streamed; take --stream-enabled=false to switch it off."`
	Keepalive            time.Duration `name:"keepalive" env:"LOGLANE_KEEPALIVE" default:"15s" help:"Silence after which a stream gets a keepalive."`
	MaxLine              int           `name:"max-line" env:"LOGLANE_MAX_LINE" default:"65536" placeholder:"BYTES" help:"Longest line; a longer one is cut and says so."`
	EscapePolicy         string        `name:"escape-policy" env:"LOGLANE_ESCAPE_POLICY" default:"sgr" placeholder:"sgr|strip|none" help:"Which control sequences of a line pass: sgr lets colours pass and shows the rest, strip takes colours out too, none lets everything pass."`
	MaxStreams           int           `name:"max-streams" env:"LOGLANE_MAX_STREAMS" default:"10000" placeholder:"N" help:"Streams open at once in this process."`
	MaxStreamsPerUser    int           `name:"max-streams-per-user" env:"LOGLANE_MAX_STREAMS_PER_USER" default:"20" placeholder:"N" help:"Streams open at once of one user; 0 is without limit."`
	MaxStreamsPerAddress int           `name:"max-streams-per-address" env:"LOGLANE_MAX_STREAMS_PER_ADDRESS" default:"0" example:"100" placeholder:"N" help:"Streams open at once of one IPv4 address or IPv6 /64; 0 is without limit."`
}

// Sending is how lines come in over HTTP.
type Sending struct {
	Global         string `name:"global" env:"LOGLANE_GLOBAL" default:"on" example:"warning" placeholder:"on|off|LEVEL" help:"Which lines that are sent over HTTP go to the global channel too: all, none, or those of a level and above."`
	MaxIngestBytes int    `name:"max-ingest-bytes" env:"LOGLANE_MAX_INGEST_BYTES" default:"8388608" placeholder:"BYTES" help:"Most bytes of lines in one request over HTTP, as they are sent and decompressed."`
}

// Metrics are for Prometheus.
type Metrics struct {
	MetricsAddr string `name:"metrics-addr" env:"LOGLANE_METRICS_ADDR" example:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"Address that answers Prometheus at /metrics, without a login; without one there are none."`
}

// Logging is how the gateway's own log lines look, on standard error.
type Logging struct {
	LogLevel  string `name:"log-level" env:"LOGLANE_LOG_LEVEL" default:"info" placeholder:"debug|info|warn|error" help:"Least level of the gateway's own log lines."`
	LogFormat string `name:"log-format" env:"LOGLANE_LOG_FORMAT" default:"text" placeholder:"text|json" help:"Format of the gateway's own log lines."`
}

// Development is the way in without accounts, for the own machine.
type Development struct {
	Dev bool `name:"dev" env:"LOGLANE_DEV" default:"false" help:"For development on this machine: no accounts, a one-use sign-in link as admin is printed. Listens on a loopback address only."`
}

// A SettingError says what is wrong with one setting, and what would be right.
type SettingError struct {
	Name    string // such as addr
	Value   string // as given; "" where it is missing or secret
	Wrong   string
	Example string // of a value; "" is none
}

func (e *SettingError) Error() string {
	text := "--" + e.Name
	if e.Value != "" {
		text += "=" + e.Value
	}
	text += ": " + e.Wrong
	if e.Example != "" {
		text += "; an example is --" + e.Name + "=" + e.Example
	}
	return text
}

// Wrong returns a *[SettingError] with the example of the table.
func Wrong(name, value, wrong string) error {
	return &SettingError{Name: name, Value: value, Wrong: wrong, Example: example(name)}
}

func example(name string) string {
	for _, setting := range table {
		if setting.Name == name {
			return setting.Example
		}
	}
	return ""
}

// Base is the base path as patterns and links take it: with a slash at both ends.
func (p Place) Base() string {
	return strings.TrimSuffix(p.BasePath, "/") + "/"
}

// Secure says whether the gateway serves HTTPS.
func (p Place) Secure() bool { return p.TLSCert != "" }

// URL is where a program on this machine finds a gateway at the place.
func (p Place) URL() string {
	addr := p.Addr
	if _, unix := server.UnixPath(addr); unix {
		addr = "localhost" // Dial leads to the socket
	}
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		addr = net.JoinHostPort("localhost", port)
	}
	scheme := "http://"
	if p.Secure() {
		scheme = "https://"
	}
	return scheme + addr + p.Base()
}

// Dial opens a connection to a gateway at the place, as [net/http.Transport] wants it for
// the place's URL.
func (p Place) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if path, unix := server.UnixPath(p.Addr); unix {
		network, addr = "unix", path
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}
