package redisbroker

import (
	"context"
	"slices"
	"strings"

	"github.com/redis/rueidis"
)

// The names that a broker uses, as rules of an ACL.
const (
	streamKeys    = "~stream:logs:*"
	metaKeys      = "~loglane:meta:*"
	sessionKeys   = "~loglane:session:*"
	tokenKeys     = "~loglane:token:*"
	logChannels   = "&logs:*"
	noticeChannel = "&" + controlChannel
	probeChannels = "&" + probePrefix + "*"
)

// A right is one rule that the broker's user needs, with a command that shows whether it
// has it. The commands are queued in a transaction that never runs: Redis judges the rights
// when it queues.
type right struct {
	grant string   // of the command, as ACL SETUSER takes it
	name  string   // rule of the key or channel in trial, "" where it has none
	trial []string // the command; $ stands for the key or channel
}

// rights are all that the broker, its sessions, its notices and the API tokens' last uses
// need, what their scripts run included, and what a check needs to see.
var rights = []right{
	{"+ping", "", words("PING")},
	{"+select", "", words("SELECT 0")},
	{"+time", "", words("TIME")},
	{"+multi", "", nil}, // begins the trials
	{"+exec", "", nil},  // and would end them
	{"+eval", "", []string{"EVAL", "return 0", "0"}},
	{"+evalsha", "", words("EVALSHA 0000000000000000000000000000000000000000 0")},
	{"+xadd", streamKeys, words("XADD $ * data x")},
	{"+xrange", streamKeys, words("XRANGE $ - + COUNT 1")},
	{"+xrevrange", streamKeys, words("XREVRANGE $ + - COUNT 1")},
	{"+xlen", streamKeys, words("XLEN $")},
	{"+xtrim", streamKeys, words("XTRIM $ MAXLEN 0")},
	{"+xinfo|stream", streamKeys, words("XINFO STREAM $")},
	{"+memory|usage", streamKeys, words("MEMORY USAGE $")},
	{"+pttl", streamKeys, words("PTTL $")},
	{"+pexpire", streamKeys, words("PEXPIRE $ 1")},
	{"+hmget", metaKeys, words("HMGET $ e")},
	{"+hset", metaKeys, words("HSET $ f 1")},
	{"+hlen", metaKeys, words("HLEN $")},
	{"+hrandfield", metaKeys, words("HRANDFIELD $ 1 WITHVALUES")},
	{"+hdel", metaKeys, words("HDEL $ f")},
	{"+hexists", metaKeys, words("HEXISTS $ e")},
	{"+expire", metaKeys, words("EXPIRE $ 1")},
	{"+get", sessionKeys, words("GET $")},
	{"+set", sessionKeys, words("SET $ x PX 1")},
	{"+del", sessionKeys, words("DEL $")},
	{"+lpush", sessionKeys, words("LPUSH $ x")},
	{"+rpop", sessionKeys, words("RPOP $ 1")},
	{"+pexpire", sessionKeys, words("PEXPIRE $ 1")},
	{"+get", tokenKeys, words("GET $")},
	{"+set", tokenKeys, words("SET $ x PX 1")},
	{"+publish", logChannels, words("PUBLISH $ x")},
	{"+publish", noticeChannel, words("PUBLISH $ x")},
	{"+publish", probeChannels, words("PUBLISH $ x")},
	{"+subscribe", logChannels, words("SUBSCRIBE $")},
	{"+subscribe", noticeChannel, words("SUBSCRIBE $")},
	{"+subscribe", probeChannels, words("SUBSCRIBE $")},
	{"+unsubscribe", "", words("UNSUBSCRIBE")},
	{"+psubscribe", "", words("PSUBSCRIBE logs:*")},
	{"+scan", "", words("SCAN 0")},
	{"+info", "", words("INFO server")},
}

func words(text string) []string { return strings.Fields(text) }

// clusterGrants are the commands that take another's place in a cluster; "" is none.
var clusterGrants = map[string]string{
	"+select":  "",
	"+publish": "+spublish", "+subscribe": "+ssubscribe", "+unsubscribe": "+sunsubscribe",
}

const clusterStreamKeys = "~stream:{logs:*"

// rightsIn are the rights that are needed in a layout.
func rightsIn(l layout) []right {
	if l != cluster {
		return rights
	}
	var all []right
	for _, r := range rights {
		if grant, other := clusterGrants[r.grant]; other {
			if grant == "" {
				continue
			}
			r.grant = grant
			if len(r.trial) > 0 {
				r.trial = append([]string{strings.ToUpper(grant[1:])}, r.trial[1:]...)
			}
		}
		if r.name == streamKeys {
			r.name = clusterStreamKeys
		}
		all = append(all, r)
	}
	return append(all,
		right{"+pubsub|shardchannels", "", words("PUBSUB SHARDCHANNELS ll:none")},
		right{"+asking", "", words("ASKING")},
		right{"+cluster|info", "", words("CLUSTER INFO")},
		right{"+cluster|slots", "", words("CLUSTER SLOTS")})
}

// ACL returns the smallest rule of an ACL that a gateway and a publisher need, as ACL
// SETUSER takes it after the user's name and password:
//
//	ACL SETUSER loglane on >password <rule>
//
// A user that has it, and nothing else, may neither read nor change the keys of other
// programs; by SCAN it learns their names.
func ACL() string { return rule(rightsIn(standalone)) }

// ClusterACL is [ACL] for a cluster, whose nodes each need the user.
func ClusterACL() string { return rule(rightsIn(cluster)) }

func rule(rights []right) string {
	var names, commands []string
	for _, r := range rights {
		if r.name != "" && !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
		if !slices.Contains(commands, r.grant) {
			commands = append(commands, r.grant)
		}
	}
	return strings.Join(append(append([]string{"resetkeys", "resetchannels", "-@all"}, names...), commands...), " ")
}

// reserved is a name that a rule covers and that nothing else has: contexts with ll: are
// reserved.
func reserved(rule, nonce string) string {
	switch rule {
	case clusterStreamKeys:
		return cluster.streamKey("logs:ll:check:" + nonce)
	case streamKeys:
		return standalone.streamKey("logs:ll:check:" + nonce)
	case metaKeys:
		return metaKey("logs:ll:check:" + nonce)
	case sessionKeys:
		return sessionKey("ll:check:" + nonce)
	case tokenKeys:
		return "loglane:token:ll:check:" + nonce
	case logChannels:
		return "logs:ll:check:" + nonce
	case probeChannels:
		return probePrefix + "check:" + nonce
	default:
		return strings.TrimPrefix(rule, "&")
	}
}

// missingRights tries every right and returns the rules that would have to be added, and
// what else Redis said against the commands, such as MISCONF. client is one that has not
// selected a database: that may be forbidden, too.
func missingRights(ctx context.Context, client rueidis.Client, rights []right, nonce string) (missing, refusals []string, err error) {
	t := &trials{proved: make(map[string]bool)}
	subscribing, _ := client.Dedicate()
	defer subscribing.Close()
	queueing, _ := client.Dedicate()
	defer queueing.Close() // which drops the transaction
	if err := t.queue(ctx, queueing, rights, nonce); err != nil {
		return nil, nil, err
	}
	for _, r := range rights {
		if !r.subscribes() {
			continue
		}
		var cmd rueidis.Completed
		switch name := reserved(r.name, nonce); r.grant {
		case "+subscribe":
			cmd = subscribing.B().Subscribe().Channel(name).Build()
		case "+ssubscribe":
			cmd = subscribing.B().Ssubscribe().Channel(name).Build()
		case "+sunsubscribe":
			cmd = subscribing.B().Sunsubscribe().Build()
		case "+psubscribe":
			cmd = subscribing.B().Psubscribe().Pattern(loglanePattern).Build()
		default:
			cmd = subscribing.B().Unsubscribe().Build()
		}
		if err := t.note(r, subscribing.Do(ctx, cmd).Error()); err != nil {
			return nil, nil, err
		}
	}
	return t.missing(), t.refusals, nil
}

// subscribes are the rights that need a real subscription: the client knows no queued one.
func (r right) subscribes() bool { return strings.HasSuffix(r.grant, "subscribe") }

// A trials is what came of the rights' commands.
type trials struct {
	grants, names []string        // missing ones
	unproved      []string        // names whose command was refused before they were judged
	proved        map[string]bool // names that a command could use
	refusals      []string
}

// queue tries all but subscriptions. Without MULTI nothing may be tried, for it would run.
func (t *trials) queue(ctx context.Context, wire rueidis.DedicatedClient, rights []right, nonce string) error {
	err := wire.Do(ctx, wire.B().Multi().Build()).Error()
	if fault := t.note(right{grant: "+multi"}, err); fault != nil || err != nil {
		return fault
	}
	var tried []right
	var cmds rueidis.Commands
	for _, r := range rights {
		if r.trial == nil || r.subscribes() {
			continue
		}
		args := slices.Clone(r.trial)
		for i, arg := range args {
			if arg == "$" {
				args[i] = reserved(r.name, nonce)
			}
		}
		tried = append(tried, r)
		cmds = append(cmds, wire.B().Arbitrary(args...).Build())
	}
	// The transaction is spoilt, so that EXEC shows its right and runs nothing.
	cmds = append(cmds, wire.B().Arbitrary("LOGLANE.NOTHING").Build(), wire.B().Exec().Build())
	results := wire.DoMulti(ctx, cmds...)
	for i, r := range tried {
		if err := t.note(r, results[i].Error()); err != nil {
			return err
		}
	}
	// A forbidden EXEC, too, is answered with EXECABORT.
	if err := results[len(results)-1].Error(); err != nil && strings.Contains(err.Error(), "NOPERM") {
		t.grants = append(t.grants, "+exec")
	}
	return nil
}

// note takes what became of a trial; an error means that Redis could not be asked.
func (t *trials) note(r right, err error) error {
	var denied bool
	if redirected(err) { // rights are judged before slots are
		err = nil
	}
	if err != nil {
		if _, answered := rueidis.IsRedisErr(err); !answered {
			return unavailable(err)
		}
		denied = strings.HasPrefix(err.Error(), "NOPERM")
	}
	switch {
	case err == nil:
		t.proved[r.name] = true
	case denied && strings.Contains(err.Error(), "to run the"):
		t.grants = append(t.grants, r.grant)
		t.unproved = append(t.unproved, r.name)
	case denied && r.name == "": // the pattern of PSUBSCRIBE
		t.names = append(t.names, logChannels)
	case denied:
		t.names = append(t.names, r.name)
	default:
		if text := err.Error(); !slices.Contains(t.refusals, text) {
			t.refusals = append(t.refusals, text)
		}
	}
	return nil
}

// missing are the rules to add: names first, each once, in the order of the table.
func (t *trials) missing() []string {
	for _, name := range t.unproved {
		if name != "" && !t.proved[name] {
			t.names = append(t.names, name)
		}
	}
	var all []string
	for _, list := range [][]string{t.names, t.grants} {
		for _, rule := range list {
			if !slices.Contains(all, rule) {
				all = append(all, rule)
			}
		}
	}
	return all
}
