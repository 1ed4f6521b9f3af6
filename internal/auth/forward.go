package auth

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

// ForwardOptions is what a [Forward] is made of. URL is needed.
type ForwardOptions struct {
	// URL answers who the Cookie and Authorization headers of a request stand for: http or
	// https, without a user and a fragment.
	URL string
	// Mint makes principals of what the URL answers.
	Mint Mint
	// Recheck is how often at least the URL is asked about a login with open streams; default
	// [DefaultRecheck], at least [MinRecheck].
	Recheck time.Duration
	// Newcomers bounds, on this process, the questions from one address that find nobody, with
	// one more for each that is under way; the zero value is [DefaultNewcomers].
	Newcomers Tries
	// Origin returns where a request comes from, as the gateway believes it, which the URL is
	// told; nil tells nothing. An answer then holds for requests of one origin only.
	Origin func(*http.Request) Origin
	// Address is as [LoginOptions] has it.
	Address func(*http.Request) string
	// OnEnd is as [LoginOptions] has it: it is called when the URL no longer says of a login
	// what it said. nil ends no streams before they check their login themselves.
	OnEnd func(match func(session, user string) bool, reason string)
	// Logger gets why the URL's answers cannot be used; default slog.Default().
	Logger *slog.Logger
}

// An Origin is what an application is told of a request in the headers X-Forwarded-For,
// -Proto and -Host: it goes to no other header, and what the caller wrote there goes nowhere.
// Empty members are left out.
type Origin struct{ Address, Scheme, Host string }

// Forward is the way in through the login of another application: it asks that
// application's URL who a request comes from, with the request's Cookie and Authorization,
// with an Origin where that is asked for, and with nothing else of it. Its methods may be called concurrently; [Forward.Close] ends it.
//
//   - 200 with a JSON object {"name":…,"roles":[…],"channels":[…]}, or with the headers
//     Remote-User and Remote-Groups, is a login
//   - 401 and 403 are none
//   - anything else, within two seconds or not, is an error with code 503
//
// The highest role that the Mint knows of the roles or groups counts; without one it is
// viewer. channels are contexts that are granted beside the own and those of the groups.
// An answer holds for 5 s for the same headers, and is asked for once however many
// requests wait for it. Of a login whose Check is called every 30 s, as open streams do, the
// URL is asked again within each Recheck, once however many streams there are; they end as
// soon as it says something else. While it cannot be asked, its last answer stands for 30 s
// beyond that, and Check fails afterwards.
type Forward struct {
	mint      Mint
	asker     *asker
	answers   *answers
	residents *residents
	newcomers *newcomers
	origin    func(*http.Request) Origin // may be nil
	log       *slog.Logger
	told      *recent // channels that were refused a moment ago
}

var _ Authenticator = (*Forward)(nil)

// NewForward returns a way in through o.URL. It starts nothing before the first request.
func NewForward(o ForwardOptions) (*Forward, error) {
	if err := CheckAuthURL(o.URL); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	if o.Recheck < MinRecheck {
		return nil, fmt.Errorf("recheck %v: take %v or more, such as %v", o.Recheck, MinRecheck, DefaultRecheck)
	}
	f := &Forward{mint: o.Mint, origin: o.Origin, log: o.Logger, told: newRecent(maxTold, complainEvery)}
	f.asker = newAsker(o.URL, f.log)
	f.answers = newAnswers(f.asker.ask)
	f.residents = &residents{
		every: o.Recheck, same: f.same, onEnd: o.OnEnd, all: map[answerKey]*resident{},
		ask: func(ctx context.Context, given credentials) (*answer, error) {
			return f.answers.get(ctx, given, checking, nil)
		},
	}
	f.answers.learn = f.learn
	f.newcomers = &newcomers{tries: newTries(o.Newcomers), address: o.Address, familiar: newRecent(maxFamiliar, familiarFor)}
	return f, nil
}

func (o ForwardOptions) withDefaults() ForwardOptions {
	if o.Recheck == 0 {
		o.Recheck = DefaultRecheck
	}
	if !o.Newcomers.valid() {
		o.Newcomers = DefaultNewcomers
	}
	if o.Address == nil {
		o.Address = ownAddress
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.OnEnd == nil {
		o.OnEnd = func(func(session, user string) bool, string) {}
	}
	return o
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
	f.residents.close()
	f.asker.close()
}

// Authenticate returns whom the application names, nil and nil where it names nobody or
// the request has neither Cookie nor Authorization, or a [*loglane.StatusError]: 403 with
// the reason for a name that cannot be a channel, 429 where too many from the request's
// address were nobody, 503 where the application does not answer as it should.
func (f *Forward) Authenticate(r *http.Request) (*Principal, error) {
	given, err := credentialsOf(r.Header)
	if err != nil || given == (credentials{}) {
		return nil, err
	}
	if f.origin != nil {
		given.origin = f.origin(r)
	}
	who, err := f.ask(r, given)
	if err != nil || who == nil {
		return nil, err
	}
	return f.principal(given, who)
}

// ask asks on behalf of a request. Whose credentials were somebody's a while ago does not
// wait behind strangers.
func (f *Forward) ask(r *http.Request, given credentials) (*answer, error) {
	key := answerKey(given.key())
	if f.newcomers.familiar.has(string(key[:])) {
		return f.answers.get(r.Context(), given, regular, nil)
	}
	return f.answers.get(r.Context(), given, newcomer, func() (func(*answer, error), error) {
		giveBack, err := f.newcomers.admit(r)
		return func(who *answer, err error) {
			if err != nil || who != nil { // that the application is away is nobody's fault
				giveBack()
			}
		}, err
	})
}

// learn takes what the application has just said.
func (f *Forward) learn(key answerKey, who *answer) {
	if who == nil {
		f.newcomers.familiar.forget(string(key[:]))
	} else {
		f.newcomers.familiar.add(string(key[:]))
	}
	f.residents.learn(key, who)
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
	p.Session = forwardSession(answerKey(given.key()))
	p.Check = func(ctx context.Context) error { return f.check(ctx, given, who) }
	return p, nil
}

// check is the Check of a principal: the application must still say just the same.
func (f *Forward) check(ctx context.Context, given credentials, before *answer) error {
	stands, known := f.residents.stands(answerKey(given.key()), given, before)
	switch {
	case known && stands:
		return nil
	case known:
		return ended()
	}
	now, err := f.answers.get(ctx, given, checking, nil)
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
		if err == nil && channel == loglane.GlobalChannel {
			err = errors.New("it is for operators: give a role")
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
type credentials struct {
	cookie, authorization string
	origin                Origin
}

// TripsCookie is the name of a cookie that counts how often a browser was led to the login
// page; it is passed on to no application.
const TripsCookie = "loglane-trips"

// Credentials says whether a request has a cookie or an Authorization header that an
// application may know.
func Credentials(header http.Header) bool {
	given, err := credentialsOf(header)
	return err != nil || given != (credentials{})
}

// credentialsOf takes them out of a request's headers, but for the gateway's own cookies,
// which are nobody else's.
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
	var text []byte
	for _, part := range []string{c.cookie, c.authorization, c.origin.Address, c.origin.Scheme, c.origin.Host} {
		text = binary.AppendUvarint(text, uint64(len(part)))
		text = append(text, part...)
	}
	return sha256.Sum256(text)
}
