package tail

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options are what a [Reader] reads, and from where.
type Options struct {
	// URL is the gateway's with its base path, such as https://example.org/logs/.
	URL string
	// Token is sent as a bearer token; "" sends none.
	Token string
	// User or Channel (a context such as "global") names another channel than the
	// caller's own; at most one of them.
	User, Channel string
	// Start is where reading begins.
	Start Start
	// Until ends reading with the last line stored before it; zero is without an end.
	Until time.Time
	// Once ends reading with the last line that is there now.
	Once bool
	// Level lets lines of this level and above pass, and those without one; "" is all.
	Level string
	// MaxRetries is how many tries in a row may fail, negative for any number. 0 ends
	// reading with the first loss.
	MaxRetries int
	// Transport is for tests; nil is a transport of its own, ended by Read.
	Transport http.RoundTripper
}

// A Start is where reading begins: at one of the members, else with the next line.
type Start struct {
	Lines  int       // so many lines before the next, at most 1 MiB of them
	All    bool      // with the oldest line that is kept
	Cursor string    // after this place
	Since  time.Time // with the first line stored at or after this time
}

// base checks the URL and returns it with a slash at the end.
func (o Options) base() (*url.URL, error) {
	base, err := url.Parse(o.URL)
	switch {
	case err != nil: // its text would repeat the URL, which may have a password
		return nil, errors.New("the URL cannot be read: an example is http://127.0.0.1:8080")
	case base.User != nil:
		return nil, errors.New("the URL has a user or a password in it: pass a token instead")
	case base.Scheme != "http" && base.Scheme != "https", base.Host == "":
		return nil, fmt.Errorf("the URL %q is not http://HOST:PORT or https://HOST", o.URL)
	case base.RawQuery != "" || base.Fragment != "":
		return nil, fmt.Errorf("the URL %q has more than a path: it is the gateway's own, such as https://example.org/logs/", o.URL)
	}
	base.Path = strings.TrimRight(base.Path, "/") + "/"
	base.RawPath = ""
	return base, nil
}

// query is what every request asks for.
func (o Options) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"user": o.User, "channel": o.Channel, "level": o.Level} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}
