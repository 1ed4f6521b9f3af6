package auth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/loglane/loglane"
)

// ForwardOptions is what a [Forward] is made of. URL is needed.
type ForwardOptions struct {
	// URL answers who the Cookie and Authorization headers of a request stand for: http or
	// https, without a user and a fragment.
	URL string
	// Mint makes principals of what the URL answers.
	Mint Mint
	// Logger gets why the URL's answers cannot be used; default slog.Default().
	Logger *slog.Logger
}

// Forward is the way in through the login of another application: it asks that
// application's URL who a request comes from, with the request's Cookie and Authorization
// and nothing else of it. Its methods may be called concurrently; [Forward.Close] ends it.
//
//   - 200 with a JSON object {"name":…,"roles":[…],"channels":[…]}, or with the headers
//     Remote-User and Remote-Groups, is a login
//   - 401 and 403 are none
//   - anything else, within two seconds or not, is an error with code 503
//
// The highest role that the Mint knows of the roles or groups counts; without one it is
// viewer. channels are contexts that are granted beside the own and those of the groups.
// An answer holds for 5 s for the same headers, and is asked for once however many
// requests wait for it.
type Forward struct {
	mint    Mint
	asker   *asker
	answers *answers
	log     *slog.Logger
	told    *recent // channels that were refused a moment ago
}

var _ Authenticator = (*Forward)(nil)

// NewForward returns a way in through o.URL. It starts nothing before the first request.
func NewForward(o ForwardOptions) (*Forward, error) {
	if err := CheckAuthURL(o.URL); err != nil {
		return nil, err
	}
	f := &Forward{mint: o.Mint, log: o.Logger, told: newRecent(maxTold, complainEvery)}
	if f.log == nil {
		f.log = slog.Default()
	}
	f.asker = newAsker(o.URL, f.log)
	f.answers = newAnswers(f.asker.ask)
	return f, nil
}

// maxTold bounds the refused channels that are remembered, to be told once in a while.
const maxTold = 100

// CheckAuthURL says what is wrong with a URL that a [Forward] is to ask.
func CheckAuthURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("it is not a URL that begins with http:// or https://")
	case u.User != nil:
		return errors.New("it has a user or password, which would be sent instead of the caller's")
	case u.Fragment != "":
		return errors.New("it has a fragment (#), which no server sees")
	}
	return nil
}

// Close ends the questions under way and waits for them; whoever waits for an answer gets
// an error with code 503.
func (f *Forward) Close() {
	f.answers.close()
	f.asker.close()
}

// Authenticate returns whom the application names, nil and nil where it names nobody or
// the request has neither Cookie nor Authorization, or a [*loglane.StatusError]: 403 with
// the reason for a name that cannot be a channel, 503 where the application does not
// answer as it should.
func (f *Forward) Authenticate(r *http.Request) (*Principal, error) {
	given, err := credentialsOf(r.Header)
	if err != nil || given == (credentials{}) {
		return nil, err
	}
	who, err := f.answers.get(r.Context(), given, newcomer)
	if err != nil || who == nil {
		return nil, err
	}
	return f.principal(given, who)
}

func (f *Forward) principal(given credentials, who *answer) (*Principal, error) {
	p, err := f.mint.Principal(who.Name, who.Roles)
	if err != nil {
		return nil, err
	}
	for _, channel := range f.granted(who) {
		if !slices.Contains(p.Channels, channel) {
			p.Channels = append(p.Channels, channel)
		}
	}
	p.Check = func(ctx context.Context) error { return f.check(ctx, given, who) }
	return p, nil
}

// check is the Check of a principal: the application must still say just the same.
func (f *Forward) check(ctx context.Context, given credentials, before *answer) error {
	now, err := f.answers.get(ctx, given, resident)
	switch {
	case err != nil:
		return err
	case now == nil, !f.same(now, before):
		return ended()
	default:
		return nil
	}
}

// same says whether two answers give the same rights to one name.
func (f *Forward) same(a, b *answer) bool {
	return a.Name == b.Name && f.mint.Roles.Highest(a.Roles) == f.mint.Roles.Highest(b.Roles) &&
		slices.Equal(f.mint.Channels.Granted(a.Roles), f.mint.Channels.Granted(b.Roles)) && slices.Equal(a.Channels, b.Channels)
}

// granted returns the channels of the contexts that an answer grants; one that cannot be
// a channel is told and left out.
func (f *Forward) granted(who *answer) []string {
	var channels []string
	for _, context := range who.Channels {
		channel, err := loglane.ChannelName(context)
		if err == nil {
			err = unicodeOnly(context)
		}
		if err == nil {
			channels = append(channels, channel)
			continue
		}
		if !f.told.has(context) {
			f.told.add(context)
			f.log.Warn("--auth-url grants a channel that cannot be one; it is left out", "name", who.Name, "context", context, "error", err)
		}
	}
	return channels
}

// credentials are what is passed on of a request.
type credentials struct{ cookie, authorization string }

// credentialsOf takes them out of a request's headers, but for the gateway's own session
// cookies, which are nobody else's.
func credentialsOf(header http.Header) (credentials, error) {
	authorization := header.Values("Authorization")
	if len(authorization) > 1 {
		return credentials{}, &loglane.StatusError{Code: http.StatusBadRequest, Message: "The request has more than one Authorization header."}
	}
	var cookies []string
	for _, line := range header.Values("Cookie") {
		for cookie := range strings.SplitSeq(line, ";") {
			cookie = strings.TrimSpace(cookie)
			name, _, _ := strings.Cut(cookie, "=")
			if cookie != "" && !ownCookie(strings.TrimSpace(name)) {
				cookies = append(cookies, cookie)
			}
		}
	}
	return credentials{cookie: strings.Join(cookies, "; "), authorization: strings.Join(authorization, "")}, nil
}

// key is what an answer is kept by, so that the headers are not.
func (c credentials) key() [sha256.Size]byte {
	text := binary.AppendUvarint(nil, uint64(len(c.cookie)))
	text = append(text, c.cookie...)
	return sha256.Sum256(append(text, c.authorization...))
}
