package redisbroker

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// parseURL is rueidis.ParseURL for URLs that cannot be misread. Its errors have nothing of
// the URL: where a sign of the password is not escaped, any part may be the password's.
func parseURL(rawURL string) (rueidis.ClientOption, *url.URL, error) {
	refuse := func(why string) (rueidis.ClientOption, *url.URL, error) {
		return rueidis.ClientOption{}, nil, errors.New(why)
	}
	scheme, rest, found := strings.Cut(rawURL, "://")
	if scheme = strings.ToLower(scheme); !found || !slices.Contains(schemes, scheme) {
		return refuse("it begins with none of redis://, rediss:// and unix://")
	}
	separators := "/?#"
	if scheme == "unix" {
		separators = "?#" // a socket's path may have an @
	}
	if at := strings.LastIndexByte(rest, '@'); strings.ContainsAny(rest[:max(at, 0)], separators) || strings.Contains(rest, "#") {
		return refuse("it has a /, ? or # where none can be")
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return refuse("its host, its port or an escape is none")
	}
	switch port, err := strconv.ParseUint(u.Port(), 10, 16); {
	case scheme == "unix" && (u.Host != "" || u.Path == ""):
		return refuse("it has no path of a socket, such as unix:///run/redis.sock")
	case scheme == "unix":
	case !plainHost(u.Hostname()):
		return refuse("its host is none")
	case strings.HasSuffix(u.Host, ":"), u.Port() != "" && (err != nil || port == 0):
		return refuse("its port is not a number from 1 to 65535")
	case !databasePath.MatchString(u.Path):
		return refuse("its database number is none")
	}
	if u.Path == "/" { // database 0, as other clients read it
		u.Path = ""
		rawURL = u.String()
	}
	option, err := rueidis.ParseURL(rawURL)
	if err != nil {
		return refuse("a parameter after its ? is malformed")
	}
	return option, u, nil
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
	_, u, err := parseURL(rawURL)
	switch {
	case err == nil && u.Scheme == "unix":
		return "unix://"
	case err != nil, u.Hostname() == "":
		return "(not shown)"
	default:
		return u.Scheme + "://" + u.Host + u.Path
	}
}
