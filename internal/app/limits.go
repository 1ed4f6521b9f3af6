package app

import (
	"errors"
	"strconv"

	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// Limits are how much callers may have, and how fast. docs/limits.md says what each answers
// and why it is as it is.
type Limits struct {
	MaxChannels          int `name:"max-channels" env:"LOGLANE_MAX_CHANNELS" default:"10000" placeholder:"N" help:"Channels that this process follows at once; 0 is without limit."`
	MaxChannelsPerUser   int `name:"max-channels-per-user" env:"LOGLANE_MAX_CHANNELS_PER_USER" default:"20" placeholder:"N" help:"Channels that one user follows at once; 0 is without limit."`
	MaxOpens             int `name:"max-opens-per-second" env:"LOGLANE_MAX_OPENS_PER_SECOND" default:"100" placeholder:"N" help:"Streams that this process opens a second; those beyond wait their turn, one user after the other: some 50 for each processor leave the open streams their latency. 0 is without limit."`
	MaxOpensPerUser      int `name:"max-opens-per-second-per-user" env:"LOGLANE_MAX_OPENS_PER_SECOND_PER_USER" default:"10" placeholder:"N" help:"Streams and searches that one user begins a second, after a burst of ten times as many; 0 is without limit."`
	MaxOpensPerAddress   int `name:"max-opens-per-second-per-address" env:"LOGLANE_MAX_OPENS_PER_SECOND_PER_ADDRESS" default:"0" example:"50" placeholder:"N" help:"The same for one IPv4 address or IPv6 /64; 0 is without limit."`
	MaxReplays           int `name:"max-replays" env:"LOGLANE_MAX_REPLAYS" default:"8" placeholder:"N" help:"Streams that are sent stored lines at once; further ones wait their turn."`
	MaxSearchesPerUser   int `name:"max-searches-per-user" env:"LOGLANE_MAX_SEARCHES_PER_USER" default:"4" placeholder:"N" help:"Searches of one user at once, of the 32 that there are; further ones wait their turn."`
	MaxLoginsAtOnce      int `name:"max-logins-at-once" env:"LOGLANE_MAX_LOGINS_AT_ONCE" default:"0" example:"2" placeholder:"N" help:"Passwords that are checked at once; 0 is half of the cores, from 1 to 4."`
	LoginTries           int `name:"login-tries" env:"LOGLANE_LOGIN_TRIES" default:"10" placeholder:"N" help:"Failed logins with one name from one address; then one in 10 seconds."`
	LoginTriesPerAddress int `name:"login-tries-per-address" env:"LOGLANE_LOGIN_TRIES_PER_ADDRESS" default:"50" placeholder:"N" help:"Failed logins from one address; then one a second."`
	LoginTriesPerUser    int `name:"login-tries-per-user" env:"LOGLANE_LOGIN_TRIES_PER_USER" default:"100" placeholder:"N" help:"Failed logins with one name from all addresses from which it has not signed in before; then one a second."`
	OIDCTriesPerAddress  int `name:"oidc-tries-per-address" env:"LOGLANE_OIDC_TRIES_PER_ADDRESS" default:"200" placeholder:"N" help:"Sign-ins at --oidc-issuer that one address begins and does not end, and as many that come back in vain; then one a second."`
	MaxSessionsPerUser   int `name:"max-sessions-per-user" env:"LOGLANE_MAX_SESSIONS_PER_USER" default:"50" placeholder:"N" help:"Sessions of one user; one more ends the oldest. 0 is without limit."`
	MaxWrongTokens       int `name:"max-wrong-tokens-per-minute" env:"LOGLANE_MAX_WRONG_TOKENS_PER_MINUTE" default:"60" placeholder:"N" help:"Tokens that are not valid from one IPv4 address or IPv6 /64; 0 is without limit."`
	MaxIngestRequests    int `name:"max-ingest-requests" env:"LOGLANE_MAX_INGEST_REQUESTS" default:"16" placeholder:"N" help:"Requests with lines that are stored at once; further ones wait their turn."`
	MaxIngestPerToken    int `name:"max-ingest-requests-per-token" env:"LOGLANE_MAX_INGEST_REQUESTS_PER_TOKEN" default:"8" placeholder:"N" help:"Requests with lines of one token at once, also those that are still being sent."`
	IngestBytesPerSecond int `name:"max-ingest-bytes-per-second" env:"LOGLANE_MAX_INGEST_BYTES_PER_SECOND" default:"8388608" placeholder:"BYTES" help:"Lines that one token sends over HTTP, decompressed, after a burst of twice as many; 0 is without limit."`
	IngestLinesPerSecond int `name:"max-ingest-lines-per-second" env:"LOGLANE_MAX_INGEST_LINES_PER_SECOND" default:"20000" placeholder:"N" help:"The same in lines; 0 is without limit."`
	IngestMemory         int `name:"ingest-memory" env:"LOGLANE_INGEST_MEMORY" default:"0" example:"134217728" placeholder:"BYTES" help:"What the bodies of requests with lines take at once; further ones wait. 0, and the least, is 8 times --max-ingest-bytes."`
	MaxNewChannels       int `name:"max-new-channels-per-minute" env:"LOGLANE_MAX_NEW_CHANNELS_PER_MINUTE" default:"120" placeholder:"N" help:"Channels without lines that one token begins, after a burst of a thousand; 0 is without limit."`
	MaxNewProducers      int `name:"max-new-producers-per-minute" env:"LOGLANE_MAX_NEW_PRODUCERS_PER_MINUTE" default:"120" placeholder:"N" help:"Producer names that one token begins, after a burst of a thousand; 0 is without limit."`
	MaxConnections       int `name:"max-connections" env:"LOGLANE_MAX_CONNECTIONS" default:"0" example:"12000" placeholder:"N" help:"Connections at once; further ones are answered 503. 0 is as many as the process may have files open, but for 200."`
	MemoryLimit          int `name:"memory-limit" env:"LOGLANE_MEMORY_LIMIT" default:"0" example:"1073741824" placeholder:"BYTES" help:"Memory of the process: at 90 % of it no further streams and lines are taken, at 95 % the newest streams end. 0 is the limit of the container, if there is one."`
}

func (l *Limits) check(s *Sending) error {
	var errs []error
	for name, value := range map[string]int{
		"max-replays": l.MaxReplays, "max-searches-per-user": l.MaxSearchesPerUser, "login-tries": l.LoginTries,
		"login-tries-per-address": l.LoginTriesPerAddress, "login-tries-per-user": l.LoginTriesPerUser, "oidc-tries-per-address": l.OIDCTriesPerAddress,
		"max-ingest-requests": l.MaxIngestRequests, "max-ingest-requests-per-token": l.MaxIngestPerToken,
	} {
		errs = append(errs, atLeast(name, value, 1))
	}
	for name, value := range map[string]int{
		"max-channels": l.MaxChannels, "max-channels-per-user": l.MaxChannelsPerUser, "max-opens-per-second": l.MaxOpens,
		"max-opens-per-second-per-user": l.MaxOpensPerUser, "max-opens-per-second-per-address": l.MaxOpensPerAddress,
		"max-logins-at-once": l.MaxLoginsAtOnce, "max-sessions-per-user": l.MaxSessionsPerUser, "max-wrong-tokens-per-minute": l.MaxWrongTokens,
		"max-ingest-bytes-per-second": l.IngestBytesPerSecond, "max-ingest-lines-per-second": l.IngestLinesPerSecond,
		"max-new-channels-per-minute": l.MaxNewChannels, "max-new-producers-per-minute": l.MaxNewProducers,
		"ingest-memory": l.IngestMemory, "max-connections": l.MaxConnections, "memory-limit": l.MemoryLimit,
	} {
		errs = append(errs, atLeast(name, value, 0))
	}
	if least := server.LeastIngestMemory(s.MaxIngestBytes); l.IngestMemory > 0 && l.IngestMemory < least {
		errs = append(errs, Wrong("ingest-memory", strconv.Itoa(l.IngestMemory), "with this --max-ingest-bytes it must be 0 or at least "+strconv.Itoa(least)))
	}
	if l.MemoryLimit > 0 && l.MemoryLimit < leastMemory {
		errs = append(errs, Wrong("memory-limit", strconv.Itoa(l.MemoryLimit), "it must be 0 or at least "+strconv.Itoa(leastMemory)))
	}
	return errors.Join(errs...)
}

// serverLimits are the limits as the routes take them.
func (s *Settings) serverLimits() server.Limits {
	return server.Limits{
		Streams: s.MaxStreams, PerUser: s.MaxStreamsPerUser, PerAddress: s.MaxStreamsPerAddress, ChannelsPerUser: s.MaxChannelsPerUser,
		Opens: s.MaxOpens, OpensPerUser: s.MaxOpensPerUser, OpensPerAddress: s.MaxOpensPerAddress,
		Replays: s.MaxReplays, SearchesPerUser: s.MaxSearchesPerUser, WrongTokens: s.MaxWrongTokens,
		Ingest: server.IngestLimits{
			BytesPerSecond: s.IngestBytesPerSecond, LinesPerSecond: s.IngestLinesPerSecond, Memory: s.IngestMemory,
			Requests: s.MaxIngestRequests, PerToken: s.MaxIngestPerToken, NewChannels: s.MaxNewChannels, NewProducers: s.MaxNewProducers,
		},
	}
}

// oidcTries bounds sign-ins at a provider.
func (l *Limits) oidcTries() auth.Tries {
	tries := auth.DefaultOIDCTries
	tries.Burst = l.OIDCTriesPerAddress
	return tries
}

// tries gives a login its limits.
func (l *Limits) tries(o *auth.LoginOptions) {
	o.AccountTries, o.AddressTries, o.TotalTries = auth.DefaultAccountTries, auth.DefaultAddressTries, auth.DefaultTotalTries
	o.AccountTries.Burst, o.AddressTries.Burst, o.TotalTries.Burst = l.LoginTries, l.LoginTriesPerAddress, l.LoginTriesPerUser
	o.MaxSessions = l.MaxSessionsPerUser
}
