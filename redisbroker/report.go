package redisbroker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/loglane/loglane"
)

// A Report is what [Examine] has found.
type Report struct {
	URL      string // without secrets
	User     string
	Database int
	Cluster  bool       // the URL says that it is one
	Server   ServerInfo // in a cluster the master that is worst off
	Whole    bool       // all was looked at; otherwise a problem says why not

	Missing  []string // rules of an ACL that the user lacks, such as +xadd
	Refusals []string // what Redis said against commands that the user may send

	Census Census      // of this database
	Others []Census    // of other databases that have channels
	Heard  []HeardLine // published while it listened

	Trip   time.Duration // of a message from PUBLISH to a subscriber
	NoTrip error         // why none came

	now time.Time // Redis' clock; zero is unknown
}

// A HeardLine is a line that was published.
type HeardLine struct {
	Channel  string
	Database int // that has it in its history; -1 is none
	// Unsharded is one in a cluster whose channel was heard by PUBLISH only.
	Unsharded bool
}

// The aspects of a [Problem], in the order of a report.
const (
	AspectServer   = "redis"
	AspectRights   = "rights"
	AspectEviction = "eviction"
	AspectDatabase = "database"
	AspectLive     = "live"
)

// A Problem is what keeps Loglane from working on a Redis, and what would mend it.
type Problem struct {
	Aspect     string
	Fatal      bool // lines will be lost or cannot be served; otherwise they may be
	Text, Mend string
}

// Problems are all that is wrong, in the order of the aspects.
func (r *Report) Problems() []Problem {
	return slices.Concat(r.serverProblems(), r.rightsProblems(), r.evictionProblems(), r.databaseProblems(), r.liveProblems())
}

// unusable are the problems that make a trial of live lines pointless.
func (r *Report) unusable() []Problem {
	return slices.DeleteFunc(r.rightsProblems(), func(p Problem) bool { return !p.Fatal })
}

func (r *Report) serverProblems() (all []Problem) {
	fail := func(text, mend string) { all = append(all, Problem{AspectServer, true, text, mend}) }
	s := r.Server
	cluster := s.Mode == "cluster"
	switch {
	case s.Version == "":
		all = append(all, Problem{AspectServer, false, "the version and the settings of Redis cannot be seen", "allow the command INFO: " + r.mend("+info")})
	case s.before(6, 2):
		fail(fmt.Sprintf("%s %s is too old", s.Name, s.Version), "take Redis 6.2 or later, or Valkey")
	case cluster && s.before(7, 0):
		fail(fmt.Sprintf("%s %s is too old for a cluster", s.Name, s.Version), "take Redis 7.0 or later, or Valkey")
	}
	if cluster && !r.Cluster {
		fail("it is a node of a cluster, and the URL is one of a single Redis", "add ?cluster=true to --redis-url")
	}
	if s.Mode == "sentinel" {
		fail("it is a Sentinel, which keeps no lines", "add ?master_set=NAME to --redis-url, with the name in sentinel.conf")
	}
	if s.Replica {
		fail("it is a replica, which takes no lines", "set --redis-url to its master")
	}
	for _, text := range r.Refusals {
		fail("Redis refuses commands: "+text, "mend that in Redis")
	}
	return all
}

// seeing are the rules that only a check and the list of channels need.
var seeing = []string{"+psubscribe", "+scan", "+info", "+pubsub|shardchannels"}

func (r *Report) rightsProblems() []Problem {
	if len(r.Missing) == 0 {
		return nil
	}
	fatal := slices.ContainsFunc(r.Missing, func(rule string) bool { return !slices.Contains(seeing, rule) })
	var may []string
	for _, rule := range r.Missing {
		switch name := rule[1:]; rule[0] {
		case '+':
			may = append(may, "run "+strings.ToUpper(strings.ReplaceAll(name, "|", " ")))
		case '~':
			may = append(may, "use keys "+name)
		case '&':
			may = append(may, "use channels "+name)
		}
	}
	return []Problem{{AspectRights, fatal, fmt.Sprintf("the user %s may not %s", r.User, strings.Join(may, ", ")), r.mend(r.Missing...)}}
}

func (r *Report) mend(rules ...string) string {
	return "ACL SETUSER " + r.User + " " + strings.Join(rules, " ")
}

func (r *Report) evictionProblems() []Problem {
	s := r.Server
	if !s.evicts() {
		return nil
	}
	const mend = "CONFIG SET maxmemory-policy noeviction, or give Loglane a Redis of its own"
	if s.MaxMemory == 0 {
		return []Problem{{AspectEviction, false, fmt.Sprintf("maxmemory-policy is %s: histories and sessions will vanish once maxmemory is set", s.Policy), mend}}
	}
	return []Problem{{AspectEviction, true, fmt.Sprintf("maxmemory-policy is %s: histories and sessions vanish when the memory of %d bytes is full", s.Policy, s.MaxMemory), mend}}
}

const sameNumber = "publisher and gateway must use the same number in --redis-url"

func (r *Report) databaseProblems() []Problem {
	stray, unstored := -1, -1
	for i, line := range r.Heard {
		switch {
		case line.Database < 0:
			unstored = i
		case line.Database != r.Database:
			stray = i
		}
	}
	if stray >= 0 {
		line := r.Heard[stray]
		return []Problem{{AspectDatabase, true, fmt.Sprintf("the lines that are published now in %s have their history in database %d, and this is database %d",
			loglane.ContextOf(line.Channel), line.Database, r.Database), sameNumber}}
	}
	if other := r.newestOther(); other != nil && other.Newest.Last.After(r.Census.Newest.Last) {
		empty := len(r.Census.Channels) == 0
		return []Problem{{AspectDatabase, empty, fmt.Sprintf("database %d has %s, database %d has %s",
			r.Database, r.describe(r.Census), other.Database, r.describe(*other)), sameNumber}}
	}
	if unstored >= 0 {
		return []Problem{{AspectDatabase, false, fmt.Sprintf("a line that was published in %s is in no history: who comes later does not see it",
			loglane.ContextOf(r.Heard[unstored].Channel)), "let the publisher XADD to " + r.layout().streamKey(r.Heard[unstored].Channel) + ", too"}}
	}
	return nil
}

// newestOther is the database with the newest line of all others, or nil.
func (r *Report) newestOther() *Census {
	var newest *Census
	for i, census := range r.Others {
		if newest == nil || census.Newest.Last.After(newest.Newest.Last) {
			newest = &r.Others[i]
		}
	}
	return newest
}

func (r *Report) liveProblems() (all []Problem) {
	if r.NoTrip != nil {
		all = append(all, Problem{AspectLive, true, "live lines do not come: " + r.NoTrip.Error(), "let Pub/Sub pass whatever stands between the gateway and Redis"})
	}
	for _, line := range r.Heard {
		if line.Unsharded {
			return append(all, Problem{AspectLive, false, fmt.Sprintf("a line was published in %s by PUBLISH, which a gateway of a cluster does not hear: it is shown late, or not at all",
				loglane.ContextOf(line.Channel)), "let the publisher SPUBLISH to " + line.Channel})
		}
	}
	return all
}

// layout is that of the URL, as far as names in Redis go.
func (r *Report) layout() layout {
	if r.Cluster {
		return cluster
	}
	return standalone
}

// String tells in one line what was found, such as "Redis 7.0, database 1; 14 channels with
// history, last line 3 s ago in User.alice".
func (r *Report) String() string {
	server := "Redis"
	if r.Server.Version != "" {
		server = r.Server.Name + " " + r.Server.short()
	}
	return fmt.Sprintf("%s, database %d; %s", server, r.Database, r.History())
}

// History tells in one line which channels this database has.
func (r *Report) History() string {
	c := r.Census
	if len(c.Channels) == 0 {
		return "no channel with history"
	}
	return fmt.Sprintf("%s with history, last line %s in %s", channels(c), r.ago(c.Newest.Last), loglane.ContextOf(c.Newest.Channel))
}

func (r *Report) describe(c Census) string {
	if len(c.Channels) == 0 {
		return "no channel"
	}
	return fmt.Sprintf("%s, the last line %s", channels(c), r.ago(c.Newest.Last))
}

func channels(c Census) string {
	switch n := len(c.Channels); {
	case c.More:
		return fmt.Sprintf("more than %d channels", n)
	case n == 1:
		return "1 channel"
	default:
		return fmt.Sprintf("%d channels", n)
	}
}

// ago tells how long before Redis' clock a time is.
func (r *Report) ago(at time.Time) string {
	if r.now.IsZero() {
		return "at " + at.UTC().Format(time.RFC3339)
	}
	switch d := max(r.now.Sub(at), 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}
