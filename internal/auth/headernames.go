package auth

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

const (
	maxHeaderName   = 256 // bytes of a user's name
	maxHeaderGroups = 1000
)

var headerForm = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z]*(-[0-9A-Za-z]+)*$`)

// notForNames are headers that callers send, or that mean something to a server.
var notForNames = []string{
	"Accept", "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Expect", "Forwarded", "From", "Host",
	"Last-Event-Id", "Origin", "Proxy-Authorization", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", SecretHeader,
}

// CheckHeaderName says what is wrong with the name of a header that a proxy is to set.
func CheckHeaderName(name string) error {
	switch {
	case len(name) > 64 || !headerForm.MatchString(name):
		return errors.New("it is not up to 64 letters and digits with single hyphens between them, such as Remote-User")
	case slices.Contains(notForNames, http.CanonicalHeaderKey(name)) || strings.HasPrefix(http.CanonicalHeaderKey(name), "Sec-"):
		return errors.New("it means something else, or browsers send it")
	}
	return nil
}

// headerNames are the headers with a user's name and groups, as net/http spells them.
type headerNames struct {
	name, groups string
	folded       map[string]string // what a name comes down to, to the name
}

func newHeaderNames(name, groups string) (headerNames, error) {
	n := headerNames{name: http.CanonicalHeaderKey(name), folded: map[string]string{}}
	own := []string{n.name, SecretHeader}
	if err := CheckHeaderName(name); err != nil {
		return n, fmt.Errorf("the header %q: %w", name, err)
	}
	if groups != "" {
		if err := CheckHeaderName(groups); err != nil {
			return n, fmt.Errorf("the header %q: %w", groups, err)
		}
		n.groups = http.CanonicalHeaderKey(groups)
		own = append(own, n.groups)
	}
	for _, header := range own {
		folded := foldHeader(header)
		if other, twice := n.folded[folded]; twice {
			return n, fmt.Errorf("the headers %s and %s are too alike", other, header)
		}
		n.folded[folded] = header
	}
	return n, nil
}

// foldHeader is what a header's name comes down to for the laxest reader: some take "_" or
// "." for "-", or leave out what they do not know.
func foldHeader(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		default:
			return -1
		}
	}, name)
}

// read returns the user's name and groups; "" where there is no such header. It fails where
// it is not certain who is meant.
func (n headerNames) read(header http.Header) (name string, groups []string, err error) {
	for spelled := range header {
		if meant, found := n.folded[foldHeader(spelled)]; found && spelled != meant {
			return "", nil, unclear("it has a header that is spelled almost like " + meant)
		}
	}
	names := header.Values(n.name)
	groupLines := header.Values(n.groups)
	switch {
	case len(names) > 1 || len(groupLines) > 1:
		return "", nil, unclear("it has the header " + n.name + " or that of the groups twice")
	case n.connected(header, n.name) || n.groups != "" && n.connected(header, n.groups):
		return "", nil, unclear("its Connection header names " + n.name + " or that of the groups")
	case len(names) == 0:
		return "", nil, nil
	case !clearName(names[0]):
		return "", nil, unclear(fmt.Sprintf("its %s is not 1 to %d printable characters of ASCII without commas, percent signs and spaces at its ends", n.name, maxHeaderName))
	}
	if len(groupLines) == 1 {
		if groups, err = readGroups(groupLines[0]); err != nil {
			return "", nil, unclear("its " + n.groups + " " + err.Error())
		}
	}
	return names[0], groups, nil
}

// connected says whether a header is named in Connection, so that whoever stands between
// may have taken it out, or will.
func (n headerNames) connected(header http.Header, name string) bool {
	folded := foldHeader(name)
	for _, line := range header.Values("Connection") {
		for item := range strings.SplitSeq(line, ",") {
			if foldHeader(item) == folded {
				return true
			}
		}
	}
	return false
}

func clearName(name string) bool {
	return name != "" && len(name) <= maxHeaderName && printable(name) &&
		!strings.ContainsAny(name, ",%") && strings.TrimSpace(name) == name
}

func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// readGroups splits a line of groups at its commas.
func readGroups(line string) ([]string, error) {
	if !printable(line) {
		return nil, errors.New("has other than printable characters of ASCII")
	}
	var groups []string
	for group := range strings.SplitSeq(line, ",") {
		group = strings.TrimSpace(group)
		switch {
		case group == "":
			continue
		case len(group) > maxGroupName:
			return nil, fmt.Errorf("has a group of more than %d bytes", maxGroupName)
		case len(groups) == maxHeaderGroups:
			return nil, fmt.Errorf("has more than %d groups", maxHeaderGroups)
		}
		groups = append(groups, group)
	}
	return groups, nil
}
