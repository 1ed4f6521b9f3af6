package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/loglane/loglane/redisbroker"
)

// Level is how bad a [Finding] is.
type Level string

// The levels of a [Finding].
const (
	Fine    Level = "ok"
	Warning Level = "warn" // it works, and may not for long, or not for everybody
	Failing Level = "fail" // lines are lost, or somebody cannot see theirs
)

// A Finding is what came of one check of a gateway's surroundings.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Mend  string `json:"mend,omitempty"` // what would help; "" where nothing has to be
}

// listenTime is how long a check hears what is published.
const listenTime = 2 * time.Second

// Examine looks at what a gateway with these settings needs, whether or not one runs, and
// changes nothing. An error is all that is wrong with the settings; then nothing was looked
// at. It takes some seconds at most, or as long as ctx.
func Examine(ctx context.Context, settings Settings, opts *Options) ([]Finding, error) {
	own := Options{Logger: slog.New(slog.DiscardHandler)} // the findings tell
	if opts != nil {
		own.Faults = opts.Faults
	}
	trial := settings
	if trial.AuditLog != "" { // it would be made
		trial.AuditLog, trial.AuditRequired = "", false
	}
	gateway, err := New(trial, &own)
	if err != nil {
		return nil, err
	}
	if err := gateway.Stop(ctx); err != nil {
		return nil, err
	}
	var all []Finding
	for _, examine := range []func(context.Context, *Settings) []Finding{
		examineSettings, examineAuthFile, examineOIDC, examineJWT, examineHeader, examineAuthURL, examineViewers, examineAudit, examineAddr, examineMetrics,
		examineRedis, examinePublicURL,
	} {
		all = append(all, examine(ctx, &settings)...)
	}
	return all, nil
}

func examineSettings(context.Context, *Settings) []Finding {
	return []Finding{{Check: "settings", Level: Fine, Text: "all can work"}}
}

func examineAuthFile(_ context.Context, s *Settings) []Finding {
	if s.AuthFile == "" {
		return nil
	}
	const check = "auth-file"
	users, err := s.Users(nil)
	if err != nil {
		return []Finding{{check, Failing, err.Error(), ""}}
	}
	list, err := users.List()
	if err != nil {
		return []Finding{{check, Failing, err.Error(), ""}}
	}
	admins := 0
	for _, user := range list {
		if user.Role == "admin" {
			admins++
		}
	}
	info, err := os.Stat(s.AuthFile)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0 {
		return []Finding{{check, Warning, "everybody on this machine may read or change " + s.AuthFile, "chmod o-rwx " + s.AuthFile}}
	}
	if len(list) == 0 {
		return examineTokensOnly(s)
	}
	return []Finding{{check, Fine, fmt.Sprintf("%s, %d of them admin", count(len(list), "user"), admins), ""}}
}

// examineTokensOnly says what an auth file without users is good for.
func examineTokensOnly(s *Settings) []Finding {
	const check = "auth-file"
	file, err := s.Tokens(nil)
	if err != nil {
		return []Finding{{check, Failing, err.Error(), ""}}
	}
	tokens, err := file.file.Tokens()
	text := "no user, " + count(len(tokens), "API token")
	switch {
	case err != nil:
		return []Finding{{check, Failing, err.Error(), ""}}
	case s.OIDCIssuer == "" && s.JWTIssuer == "" && s.TrustedHeader == "" && s.AuthURL == "":
		return []Finding{{check, Warning, text + ": only programs with a token come in, and nobody can sign in with a browser",
			"loglane user add NAME --auth-file " + s.AuthFile + ", or set up another way in"}}
	}
	return []Finding{{check, Fine, text, ""}}
}

func examineAuthURL(ctx context.Context, s *Settings) []Finding {
	if s.AuthURL == "" {
		return nil
	}
	return ExamineAuthURL(ctx, s.AuthURL)
}

func examinePublicURL(ctx context.Context, s *Settings) []Finding {
	if s.PublicURL == "" {
		return nil
	}
	return ExaminePublicURL(ctx, s.PublicURL)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func examineRedis(ctx context.Context, s *Settings) []Finding {
	if s.RedisURL == "" {
		return []Finding{{redisbroker.AspectServer, Fine, "embedded broker: lines are forgotten when it ends", ""}}
	}
	report, err := redisbroker.Examine(ctx, redisbroker.Options{URL: s.RedisURL}, listenTime)
	if err != nil {
		return []Finding{unreached(s.RedisURL, err)}
	}
	problems := report.Problems()
	var all []Finding
	for _, aspect := range []string{
		redisbroker.AspectServer, redisbroker.AspectRights, redisbroker.AspectEviction, redisbroker.AspectDatabase, redisbroker.AspectLive,
	} {
		var wrong []Finding
		for _, p := range problems {
			if p.Aspect == aspect {
				wrong = append(wrong, found(p))
			}
		}
		if text := fine(report, aspect); len(wrong) == 0 && text != "" {
			wrong = []Finding{{aspect, Fine, text, ""}}
		}
		all = append(all, wrong...)
	}
	return all
}

// unreached is the finding that Redis cannot be examined.
func unreached(url string, err error) Finding {
	finding := Finding{redisbroker.AspectServer, Failing, redisbroker.Redacted(url) + ": " + err.Error(), "start Redis there, or set --redis-url to where it is"}
	var rejected *redisbroker.RejectedError
	if errors.As(err, &rejected) {
		finding.Mend = "set --redis-url to a user, password and database that Redis has"
		if rejected.Mend != "" {
			finding.Text, finding.Mend = redisbroker.Redacted(url)+": "+rejected.Message, rejected.Mend
		}
	}
	return finding
}

func found(p redisbroker.Problem) Finding {
	level := Warning
	if p.Fatal {
		level = Failing
	}
	return Finding{p.Aspect, level, p.Text, p.Mend}
}

// fine says what is well with an aspect, or "" where it was not looked at.
func fine(r *redisbroker.Report, aspect string) string {
	switch aspect {
	case redisbroker.AspectServer:
		persistence := "nothing is written to an append-only file"
		if r.Server.AppendOnly {
			persistence = "with an append-only file"
		}
		return fmt.Sprintf("%s %s, %s, database %d at %s; %s", r.Server.Name, r.Server.Version, r.Server.Mode, r.Database, r.URL, persistence)
	case redisbroker.AspectRights:
		if !r.Whole {
			return ""
		}
		return fmt.Sprintf("the user %s may do all that is needed", r.User)
	case redisbroker.AspectEviction:
		if r.Server.Policy != "" {
			return "maxmemory-policy is " + r.Server.Policy
		}
	case redisbroker.AspectDatabase:
		if r.Whole && !slices.Contains(r.Missing, "+scan") {
			return r.History()
		}
	case redisbroker.AspectLive:
		if r.Trip > 0 {
			return fmt.Sprintf("a published message came back in %v", r.Trip.Round(10*time.Microsecond))
		}
	}
	return ""
}
