package redisbroker

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// A layout is how many servers there are, and who says which has a key.
type layout int

const (
	standalone layout = iota
	sentinel
	cluster
)

// An address is what a Redis URL says. Its option has no more than how to sign in at one
// server.
type address struct {
	layout layout
	url    *url.URL
	option rueidis.ClientOption
	hosts  []string // of Sentinels, or of nodes of the cluster, as host:port
	master string   // the name that Sentinels know it by
	trust  *trust   // nil without TLS

	sentinelUser, sentinelPassword string
}

const (
	redisPort    = "6379"
	sentinelPort = "26379"
)

// parseURL is rueidis.ParseURL for URLs that cannot be misread, and for more kinds. Its
// errors have nothing of the URL: where a sign of the password is not escaped, any part may
// be the password's.
func parseURL(rawURL string) (*address, error) {
	scheme, rest, found := strings.Cut(rawURL, "://")
	if scheme = strings.ToLower(scheme); !found || !slices.Contains(schemes, scheme) {
		return nil, errors.New("it begins with none of redis://, rediss:// and unix://")
	}
	separators := "/?#"
	if scheme == "unix" {
		separators = "?#" // a socket's path may have an @
	}
	if at := strings.LastIndexByte(rest, '@'); strings.ContainsAny(rest[:max(at, 0)], separators) || strings.Contains(rest, "#") {
		return nil, errors.New("it has a /, ? or # where none can be")
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("its host, its port or an escape is none")
	}
	if err := checkPlace(scheme, u); err != nil {
		return nil, err
	}
	if u.Path == "/" { // database 0, as other clients read it
		u.Path = ""
		rawURL = u.String()
	}
	option, err := rueidis.ParseURL(rawURL)
	if err != nil {
		return nil, errors.New("a parameter after its ? is malformed")
	}
	a := &address{url: u, option: option}
	return a, a.readParameters()
}

func checkPlace(scheme string, u *url.URL) error {
	switch port, err := strconv.ParseUint(u.Port(), 10, 16); {
	case scheme == "unix" && (u.Host != "" || u.Path == ""):
		return errors.New("it has no path of a socket, such as unix:///run/redis.sock")
	case scheme == "unix":
	case !plainHost(u.Hostname()):
		return errors.New("its host is none")
	case strings.HasSuffix(u.Host, ":"), u.Port() != "" && (err != nil || port == 0):
		return errors.New("its port is not a number from 1 to 65535")
	case !databasePath.MatchString(u.Path):
		return errors.New("its database number is none")
	}
	return nil
}

// readParameters takes what a URL says of Sentinels and of a cluster.
func (a *address) readParameters() error {
	query, err := url.ParseQuery(a.url.RawQuery)
	if err != nil {
		return errors.New("a parameter after its ? is malformed")
	}
	if a.trust, err = parseTrust(a.url, query); err != nil {
		return err
	}
	clustered := false
	if query.Has("cluster") {
		if clustered, err = strconv.ParseBool(query.Get("cluster")); err != nil {
			return errors.New("its cluster= is neither true nor false")
		}
	}
	a.master, a.sentinelUser, a.sentinelPassword = query.Get("master_set"), query.Get("sentinel_username"), query.Get("sentinel_password")
	a.option.Sentinel = rueidis.SentinelOption{} // it is for us, not for the client
	port := redisPort
	switch {
	case query.Has("master_set") && a.master == "":
		return errors.New("its master_set= has no name")
	case query.Has("master_set") && clustered:
		return errors.New("it has master_set= of Sentinels and cluster=true of a cluster")
	case (query.Has("master_set") || clustered) && a.url.Scheme == "unix":
		return errors.New("a socket is neither a Sentinel nor a cluster")
	case clustered && a.option.SelectDB != 0:
		return errors.New("a cluster has no database but 0")
	case query.Has("master_set"):
		a.layout, port = sentinel, sentinelPort
	case clustered:
		a.layout = cluster
	case query.Has("addr"):
		return errors.New("its addr= needs master_set= of Sentinels or cluster=true")
	}
	if a.layout != sentinel && (query.Has("sentinel_username") || query.Has("sentinel_password")) {
		return errors.New("its sentinel_username= or sentinel_password= needs master_set=")
	}
	if a.layout == standalone {
		return nil
	}
	for _, host := range append([]string{a.url.Host}, query["addr"]...) {
		place, ok := hostPort(host, port)
		if !ok {
			return errors.New("its addr= is no host:port")
		}
		if !slices.Contains(a.hosts, place) {
			a.hosts = append(a.hosts, place)
		}
	}
	return nil
}

// hostPort completes a host with a port where it has none.
func hostPort(text, port string) (string, bool) {
	u, err := url.Parse("redis://" + text)
	if err != nil || u.Host != text || u.Hostname() == "" && text != "" || !plainHost(u.Hostname()) {
		return "", false
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return "", false
		}
		port = p
	} else if strings.HasSuffix(text, ":") {
		return "", false
	}
	host := u.Hostname()
	if host == "" {
		host = "localhost"
	}
	return net.JoinHostPort(host, port), true
}

var (
	schemes      = []string{"redis", "rediss", "valkey", "valkeys", "unix"}
	databasePath = regexp.MustCompile(`^(/[0-9]{0,5})?$`)
	hostName     = regexp.MustCompile(`^[0-9A-Za-z._-]*$`)
)

func plainHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || hostName.MatchString(host)
}

// Redacted returns the parts of a Redis URL that are no secret, for logs and errors:
// scheme, host, port and database number. Of a URL that [New] refuses, and of one without
// a host, which may be a password only, it shows nothing.
func Redacted(rawURL string) string {
	a, err := parseURL(rawURL)
	switch {
	case err != nil:
		return "(not shown)"
	case a.url.Scheme == "unix":
		return "unix://"
	case a.url.Hostname() == "":
		return "(not shown)"
	default:
		return a.url.Scheme + "://" + a.url.Host + a.url.Path
	}
}
