package redisbroker_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/brokertest"
	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

func examine(t *testing.T, url string, listening time.Duration) *redisbroker.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	report, err := redisbroker.Examine(ctx, redisbroker.Options{URL: url}, listening)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// told are a report's problems, one a line.
func told(r *redisbroker.Report) string {
	var b strings.Builder
	for _, p := range r.Problems() {
		fmt.Fprintf(&b, "%s %v: %s (%s)\n", p.Aspect, p.Fatal, p.Text, p.Mend)
	}
	return b.String()
}

func database(server *redistest.Server, n int) string {
	return strings.TrimSuffix(server.URL(), "0") + fmt.Sprint(n)
}

func TestAHealthyRedis(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	appendTo(t, b, loglane.Batch{Producer: "one", Lines: lines(1, 3)})
	server.MustDo("XADD", "stream:logs:global", "1000-0", "data", "old")
	server.MustDo("XADD", "stream:logs:ll:reserved", "*", "data", "no channel")
	server.MustDo("SET", "stream:logs:User.bob", "no stream")
	before := server.MustDo("DBSIZE")
	r := examine(t, server.URL(), 0)
	if problems := told(r); problems != "" {
		t.Error(problems)
	}
	if want := regexp.MustCompile(`^Redis \d+\.\d+, database 0; 2 channels with history, last line \d+ s ago in User\.alice$`); !want.MatchString(r.String()) {
		t.Errorf("%q", r)
	}
	if r.Server.Mode != "standalone" || r.Server.Policy != "noeviction" || r.Server.AppendOnly || r.Trip <= 0 || r.User != "default" {
		t.Errorf("%+v", r)
	}
	for _, info := range r.Census.Channels {
		if info.Channel == alice && info.Lines != 3 || info.Channel == loglane.GlobalChannel && !info.Last.Equal(time.UnixMilli(1000)) {
			t.Errorf("%+v", info)
		}
	}
	if after := server.MustDo("DBSIZE"); after != before {
		t.Errorf("there were %s keys, and there are %s", before, after)
	}
}

// Most lines have a copy in global, a moment later.
func TestTheNewestLineIsNotItsCopy(t *testing.T) {
	server := redistest.Start(t)
	server.MustDo("XADD", aliceStream, "100000-0", "data", "a line")
	for id, want := range map[string]string{"100500-0": "User.alice", "102000-0": "global"} {
		server.MustDo("DEL", "stream:logs:global")
		server.MustDo("XADD", "stream:logs:global", id, "data", "a line")
		if r := examine(t, server.URL(), 0); loglane.ContextOf(r.Census.Newest.Channel) != want {
			t.Errorf("with global at %s: %s", id, r)
		}
	}
}

func TestExamineWithoutAnAnswer(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "right")
	for _, c := range []struct {
		name, url string
		check     func(error) bool
	}{
		{"wrong password", fmt.Sprintf("redis://:wrong@127.0.0.1:%d/0", server.Port), rejected},
		{"no such database", database(server, 99), rejected},
		{"nobody there", "redis://127.0.0.1:1", func(err error) bool { return errors.Is(err, loglane.ErrUnavailable) }},
		{"no URL", "http://127.0.0.1", func(err error) bool { return err != nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r, err := redisbroker.Examine(t.Context(), redisbroker.Options{URL: c.url}, 0); r != nil || !c.check(err) {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
}

func TestAnEvictingPolicy(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
	if problems := told(examine(t, server.URL(), 0)); !strings.HasPrefix(problems, "eviction true: maxmemory-policy is allkeys-lru: histories and sessions vanish") ||
		!strings.Contains(problems, "CONFIG SET maxmemory-policy noeviction") {
		t.Error(problems)
	}
	server.MustDo("CONFIG", "SET", "maxmemory", "0")
	if problems := told(examine(t, server.URL(), 0)); !strings.HasPrefix(problems, "eviction false: ") {
		t.Error(problems)
	}
}

// altered is an address where the server answers, but for what change makes of its answers.
func altered(t *testing.T, server *redistest.Server, change func([]byte) []byte) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		<-ended
	})
	pass := func(near net.Conn) {
		defer near.Close()
		far, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", server.Port))
		if err != nil {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(far, near)
			far.Close()
		}()
		buffer := make([]byte, 64<<10)
		for {
			n, err := far.Read(buffer)
			if err != nil {
				break
			}
			if _, err := near.Write(change(buffer[:n])); err != nil {
				break
			}
		}
		near.Close()
		<-done
	}
	go func() {
		defer close(ended)
		var open []chan struct{}
		for {
			near, err := listener.Accept()
			if err != nil {
				break
			}
			done := make(chan struct{})
			open = append(open, done)
			go func() { defer close(done); pass(near) }()
		}
		for _, done := range open {
			<-done
		}
	}()
	return "redis://" + listener.Addr().String() + "/0"
}

func TestServersThatCannotServe(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct{ name, pattern, replacement, want string }{
		{"old", `redis_version:\d`, "redis_version:5", "redis true: Redis 5."},
		{"just too old", `redis_version:\d\.\d`, "redis_version:6.1", "is too old (take Redis 6.2 or later, or Valkey)"},
		{"old enough", `redis_version:\d\.\d`, "redis_version:6.2", ""},
		{"replica", `role:master\r\n`, "role:slave\r\n ", "redis true: it is a replica"},
		{"cluster", `redis_mode:standalone`, "redis_mode:cluster   ", "redis true: it is a node of a cluster"},
		{"old cluster", `(?s)redis_version:\d\.\d(.*)redis_mode:standalone`, "redis_version:6.2${1}redis_mode:cluster   ", "too old for a cluster"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pattern := regexp.MustCompile(c.pattern)
			url := altered(t, server, func(answer []byte) []byte {
				return pattern.ReplaceAll(answer, []byte(c.replacement)) // of the same length
			})
			if problems := told(examine(t, url, 0)); c.want == "" && problems != "" || !strings.Contains(problems, c.want) {
				t.Errorf("%s\nwant %s", problems, c.want)
			}
		})
	}
	t.Run("a real cluster", func(t *testing.T) {
		node := redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(porttest.Free(t)))
		if problems := told(examine(t, node.URL(), 0)); !strings.HasPrefix(problems, "redis true: it is a node of a cluster") || strings.Count(problems, "\n") != 1 {
			t.Error(problems)
		}
	})
	t.Run("a real replica", func(t *testing.T) {
		replica := redistest.Start(t, "--replicaof", fmt.Sprintf("127.0.0.1 %d", server.Port))
		if problems := told(examine(t, replica.URL(), 0)); !strings.Contains(problems, "it is a replica") || !strings.Contains(problems, "READONLY") {
			t.Error(problems)
		}
	})
}

func withUser(server *redistest.Server, rules ...string) string {
	server.MustDo(append([]string{"ACL", "SETUSER", "loglane", "reset", "on", ">pass"}, rules...)...)
	return fmt.Sprintf("redis://loglane:pass@127.0.0.1:%d/0", server.Port)
}

func TestMissingRights(t *testing.T) {
	server := redistest.Start(t)
	full := strings.Fields(redisbroker.ACL())
	for _, c := range []struct {
		name     string
		less     []string
		database int
		want     string
	}{
		{"nothing", nil, 1, ""},
		{"a command", []string{"+xadd"}, 0, "rights true: the user loglane may not run XADD (ACL SETUSER loglane +xadd)\n"},
		{"commands of the scripts", []string{"+hset", "+memory|usage"}, 0, "may not run MEMORY USAGE, run HSET (ACL SETUSER loglane +memory|usage +hset)"},
		{"keys", []string{"~stream:logs:*", "~loglane:session:*"}, 0, "may not use keys stream:logs:*, use keys loglane:session:* (ACL SETUSER loglane ~stream:logs:* ~loglane:session:*)"},
		{"channels", []string{"&ll:control", "&logs:*"}, 0, "may not use channels logs:*, use channels ll:control (ACL SETUSER loglane &logs:* &ll:control)"},
		{"transactions", []string{"+multi", "+exec"}, 0, "ACL SETUSER loglane +multi"},
		{"exec", []string{"+exec"}, 0, "ACL SETUSER loglane +exec)"},
		{"another database", []string{"+select"}, 1, "ACL SETUSER loglane +select)"},
		{"database 0", []string{"+select"}, 0, ""},
		{"subscriptions", []string{"+subscribe", "+unsubscribe"}, 0, "ACL SETUSER loglane +subscribe +unsubscribe)"},
		{"sight", []string{"+info", "+scan", "+psubscribe"}, 0, "rights false: the user loglane may not run SCAN, run INFO, run PSUBSCRIBE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := slices.DeleteFunc(slices.Clone(full), func(rule string) bool { return slices.Contains(c.less, rule) })
			url := strings.TrimSuffix(withUser(server, rules...), "0") + fmt.Sprint(c.database)
			r := examine(t, url, time.Millisecond)
			if problems := told(r); c.want == "" && problems != "" || !strings.Contains(problems, c.want) {
				t.Errorf("%s\nwant %s", problems, c.want)
			}
		})
	}
	t.Run("the mend mends", func(t *testing.T) {
		url := withUser(server, "+multi", "+select")
		for range 2 {
			r := examine(t, url, time.Millisecond)
			if len(r.Missing) == 0 {
				return
			}
			server.MustDo(append([]string{"ACL", "SETUSER", "loglane"}, r.Missing...)...)
		}
		if r := examine(t, url, time.Millisecond); told(r) != "" {
			t.Errorf("after its own mend: %s", told(r))
		}
	})
}

func TestSessionsAndNoticesWithTheSmallestRights(t *testing.T) {
	server := redistest.Start(t)
	b, err := redisbroker.New(redisbroker.Options{URL: withUser(server, strings.Fields(redisbroker.ACL())...), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(t.Context())
	if err := b.Sessions().Save(t.Context(), "key", []byte("data"), time.Minute); err != nil {
		t.Error(err)
	}
	if data, found, err := b.Sessions().Load(t.Context(), "key"); string(data) != "data" || !found || err != nil {
		t.Errorf("%s %v %v", data, found, err)
	}
	if existed, err := b.Sessions().Delete(t.Context(), "key"); !existed || err != nil {
		t.Errorf("%v %v", existed, err)
	}
	heard := make(chan string, 8)
	defer b.Notices().Listen(func(message []byte) {
		select {
		case heard <- string(message):
		default:
		}
	})()
	for message := range heard {
		if message == "a notice" {
			break
		}
		if err := b.Notices().Notify(t.Context(), []byte("a notice")); err != nil {
			t.Fatal(err)
		}
	}
}

// The whole contract holds for a user who has the rule and nothing else.
func TestBrokerWithTheSmallestRights(t *testing.T) {
	server := redistest.Start(t)
	url := withUser(server, strings.Fields(redisbroker.ACL())...)
	brokertest.Run(t, func(t *testing.T, opts brokertest.Options) brokertest.Subject {
		b, err := redisbroker.New(redisbroker.Options{URL: url, Retention: opts.Retention, Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close(context.Background()) })
		return subject{Broker: b, t: t, server: server}
	})
}

func TestAnotherDatabase(t *testing.T) {
	server := redistest.Start(t)
	publisher, err := redisbroker.New(redisbroker.Options{URL: database(server, 3), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close(t.Context())
	appendTo(t, publisher, loglane.Batch{Producer: "one", Lines: lines(1, 3)})

	want := "database 0 has no channel, database 3 has 1 channel, the last line 0 s ago (publisher and gateway must use the same number in --redis-url)"
	if problems := told(examine(t, server.URL(), 0)); !strings.Contains(problems, "database true: "+want) {
		t.Errorf("%s\nwant %s", problems, want)
	}
	if problems := told(examine(t, database(server, 3), 0)); problems != "" {
		t.Error(problems)
	}
	server.MustDo("XADD", "stream:logs:User.bob", "1000-0", "data", "old")
	if problems := told(examine(t, server.URL(), 0)); !strings.Contains(problems, "database false: database 0 has 1 channel, the last line ") {
		t.Error(problems)
	}
}

// Pub/Sub knows no databases: what is heard shows where its history is.
func TestLinesAreHeardWhileTheyArePublished(t *testing.T) {
	server := redistest.Start(t)
	for _, c := range []struct {
		name    string
		publish func(t *testing.T, k uint64)
		want    string
	}{
		{"in this database", func(t *testing.T, k uint64) {
			appendTo(t, open(t, server, redisbroker.Options{}), loglane.Batch{Producer: fmt.Sprint("p", k), Lines: lines(1, 1)})
		}, ""},
		{"in another", func(t *testing.T, k uint64) {
			b, err := redisbroker.New(redisbroker.Options{URL: database(server, 3), Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close(t.Context())
			appendTo(t, b, loglane.Batch{Producer: fmt.Sprint("p", k), Lines: lines(1, 1)})
		}, "database true: the lines that are published now in User.alice have their history in database 3, and this is database 0"},
		{"in none", func(t *testing.T, k uint64) { server.MustDo("PUBLISH", alice, fmt.Sprint("a line ", k)) },
			"database false: a line that was published in User.alice is in no history"},
		{"by another program", func(t *testing.T, k uint64) {
			line := fmt.Sprint("another line ", k)
			server.MustDo("PUBLISH", alice, line)
			server.MustDo("XADD", aliceStream, "*", "data", line)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.MustDo("FLUSHALL")
			reports := make(chan *redisbroker.Report)
			go func() { reports <- examine(t, server.URL(), time.Second) }()
			var r *redisbroker.Report
			for k := uint64(1); r == nil; k++ {
				select {
				case r = <-reports:
				case <-time.After(50 * time.Millisecond):
					c.publish(t, k)
				}
			}
			problems := told(r)
			if len(r.Heard) == 0 || c.want == "" && problems != "" || !strings.Contains(problems, c.want) {
				t.Errorf("%d heard; %s\nwant %s", len(r.Heard), problems, c.want)
			}
		})
	}
}
