package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/redistest"
)

func TestHelpBeginsWithExamples(t *testing.T) {
	dir := t.TempDir()
	for _, verb := range []string{"", "serve ", "demo ", "check ", "user ", "user add ", "user passwd ", "user role ", "user list ", "user remove ", "token ", "token create ", "token list ", "token revoke ", "send ", "healthcheck ", "tail ", "completion ", "version "} {
		cmd := command(t, dir, append(strings.Fields(verb), "--help")...)
		out, err := cmd.Output()
		if err != nil || !strings.HasPrefix(string(out), "Examples:\n  ") || !strings.Contains(string(out), "\nUsage: loglane") {
			t.Errorf("loglane %s--help: %v\n%s", verb, err, out)
		}
	}
}

func TestHelpOfServeTellsDefaultsAndVariables(t *testing.T) {
	out, err := command(t, t.TempDir(), "serve", "--help").Output()
	must(t, err)
	text := strings.Join(strings.Fields(string(out)), " ")
	for _, want := range []string{"(default 127.0.0.1:8080, $LOGLANE_ADDR)", "($LOGLANE_REDIS_URL, $REDIS_URL)", "(default 20, $LOGLANE_MAX_STREAMS_PER_USER)", "--config=FILE", "($LOGLANE_CONFIG)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, out)
		}
	}
}

func TestWrongCalls(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []call{
		{args: "", code: 2, err: `expected one of "serve", "demo", "check"`},
		{args: "serv", code: 2, err: `did you mean one of "serve", "user"`},
		{args: "serve --no-such-flag", code: 2, err: "unknown flag --no-such-flag\nSee 'loglane serve --help'."},
		{args: "serve", code: 2, err: "--auth-file: it is missing, so nobody could sign in: make one with 'loglane user add NAME --auth-file FILE'"},
		{args: "serve --auth-file FILE", code: 2, err: "does not exist: create it with"},
		{args: "serve --auth-file .", code: 2, err: "is not a regular file"},
		{args: "serve --auth-file FILE --history-lines many --keepalive 15 --addr x", code: 2, err: "4 things are wrong:\n  --history-lines=many: it is not a whole number; an example is --history-lines=1000"},
		{args: "serve --auth-file FILE --history-lines -3", code: 2, err: `--history-lines: expected a value but got "-3"`},
		{args: "serve --auth-file FILE --keepalive 15", code: 2, err: "--keepalive=15: it is not a time with its unit; an example is --keepalive=15s"},
		{args: "serve --auth-file FILE", env: []string{"LOGLANE_MAX_STREAMS=x"}, code: 2, err: "--max-streams=x: it is not a whole number"},
		{args: "serve --auth-file FILE --redis-url http://h/0", code: 2, err: "--redis-url: the Redis URL is malformed: it begins with none of redis://"},
		{args: "serve --auth-file FILE", env: []string{"REDIS_URL=redis://:s3cret@h:x/0"}, code: 2, err: "an example is redis://user:password@127.0.0.1:6379/1"},
		{args: "user add alice", stdin: "correct horse\n", code: 2, err: "--auth-file: it is missing"},
		{args: "user add alice --auth-file FILE", code: 2, err: "standard input has no password"},
		{args: "user add alice --auth-file FILE", stdin: "short\n", code: 1, err: "alice"},
		{args: "user add " + strings.Repeat("x", 300) + " --auth-file FILE", stdin: "correct horse\n", code: 2, err: "cannot be a channel"},
		{args: "user add alice --role king --auth-file FILE", code: 2, err: `--role must be one of "viewer","operator","admin" but got "king"`},
		{args: "user list --auth-file FILE", code: 1, err: "does not exist"},
		{args: "user remove alice --auth-file FILE", code: 1, err: "does not exist"},
		{args: "serve --auth-url http://127.0.0.1:1/", code: 2, err: "--login-url: it is missing, so nobody would find where to sign in; an example is --login-url=https://app.example.com/login"},
		{args: "serve --login-url /login --auth-file FILE", code: 2, err: "--auth-url: it is missing"},
		{args: "serve --auth-url whoami --login-url in --trusted-proxies a,b --public-url http://h/x", code: 2, err: "5 things are wrong:\n  --public-url=http://h/x: its path is /x/, but --base-path is /: both must be the same"},
		{args: "token create --scope read --user alice", code: 2, err: "--auth-file: it is missing"},
		{args: "token create --auth-file FILE", code: 2, err: "missing flags: --scope=read|write"},
		{args: "token create --scope all --auth-file FILE", code: 2, err: `--scope must be one of "read","write"`},
		{args: "token create --scope read --channel a --expires soon --auth-file FILE", code: 2, err: "3 things are wrong:\n  --expires=soon: it is neither never"},
		{args: "token create --scope write --role admin --auth-file FILE", code: 2, err: "2 things are wrong:\n  --channel: it is missing"},
		{args: "token create --scope write --channel logs:User.alice --auth-file FILE", code: 2, err: `name its context, which is "User.alice"`},
		{args: "token create --scope write --channel ll:x --auth-file FILE", code: 2, err: "reserved"},
		{args: "token create --scope write --user al* --auth-file FILE", code: 2, err: "begins like it"},
		{args: "token create --scope read --user alice --expires 2020-01-01 --auth-file FILE", code: 2, err: "expired already"},
		{args: "token list --auth-file FILE", code: 1, err: "does not exist"},
		{args: "token revoke k3qv5zr7ab2m --auth-file FILE", code: 1, err: "does not exist"},
		{args: "healthcheck --addr 127.0.0.1:1", code: 1, err: "no gateway answers (is --addr right?)"},
		{args: "healthcheck --addr 1", code: 2, err: "--addr=1: it is not HOST:PORT"},
		{args: "version -o xml", code: 2, err: "xml"},
	} {
		c.check(t, dir)
	}
}

func TestUsersFilesThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct{ content, want string }{
		{"# nobody\n", "has no users: add one with"},
		{"alice:secret\n", "line 1"},
		{"user alice king $argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$c2FsdHNhbHRzYWx0c2FsdA\n", "line 1"},
	} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "users"), []byte(c.content), 0o600))
		call{args: "serve --auth-file FILE", code: 2, err: c.want}.check(t, dir)
	}
}

func TestUserCommands(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []call{
		{args: "user add alice --auth-file FILE", stdin: "correct horse\n", out: "added alice: role viewer, context User.alice\n"},
		{args: "user add bob --role operator --auth-file FILE", stdin: "battery staple\r\n", out: "added bob: role operator"},
		{args: "user add alice --auth-file FILE", stdin: "correct horse\n", code: 1, err: "there is a user alice"},
		{args: "user list", env: []string{"LOGLANE_AUTH_FILE=" + filepath.Join(dir, "users")}, out: "NAME   ROLE      CONTEXT\nalice  viewer    User.alice\nbob    operator  User.bob\n"},
		{args: "user role alice admin --auth-file FILE", out: "alice is admin now\n"},
		{args: "user passwd alice --auth-file FILE", stdin: "another horse", out: "changed the password of alice\n"},
		{args: "user remove bob --auth-file FILE", out: "removed bob\n"},
		{args: "user remove bob --auth-file FILE", code: 1, err: "bob"},
		{args: "user list --auth-file FILE", out: "alice  admin  User.alice\n"},
	} {
		c.check(t, dir)
	}
}

func TestTokenCommands(t *testing.T) {
	dir := t.TempDir()
	create := func(args string) (token, id string) {
		t.Helper()
		out := call{args: "token create " + args + " --auth-file FILE", out: "llt_", err: "shown this once", both: true}.check(t, dir)
		token, _, _ = strings.Cut(out, "\n")
		return token, strings.Split(token, "_")[1]
	}
	token, reading := create("--scope read --user alice")
	_, writing := create("--scope write --channel job_* --channel User.a,b --user bob --expires 2099-01-31")
	content, err := os.ReadFile(filepath.Join(dir, "users"))
	must(t, err)
	if strings.Contains(string(content), token) || strings.Contains(string(content), token[len("llt_")+len(reading)+1:]) {
		t.Errorf("the file has the token: %s", content)
	}
	redis := redistest.Start(t)
	redis.MustDo("SET", "loglane:token:"+reading, "2027-01-31T12:00:00Z")
	table := "ID            SCOPE  FOR                      EXPIRES"
	for _, c := range []call{
		{args: "token list --auth-file FILE", out: table + "\n" +
			reading + "  read   alice (viewer)           never\n" +
			writing + "  write  job_* User.a,b User.bob  2099-01-31 00:00:00Z\n"},
		{args: "token list --auth-file FILE --redis-url " + redis.URL(), out: "never                 2027-01-31 12:00:00Z\n"},
		{args: "token list --auth-file FILE --redis-url redis://127.0.0.1:1/0", code: 1, err: "asking redis://127.0.0.1:1/0 for the last uses"},
		{args: "user add alice --auth-file FILE", stdin: "correct horse\n", out: "added alice"},
		{args: "user remove alice --auth-file FILE", out: "removed alice\nthe API token " + reading + " still reads as alice: 'loglane token revoke " + reading + "' ends it\n"},
		{args: "token revoke " + writing + " --auth-file FILE", out: "revoked the token\n"},
		{args: "token revoke " + writing + " --auth-file FILE", code: 1, err: "there is no token " + writing},
		{args: "token revoke " + token + " --auth-file FILE", out: "revoked the token\n"},
		{args: "token list --auth-file FILE", out: "ID  SCOPE  FOR  EXPIRES\n"},
		{args: "serve --auth-file FILE", code: 2, err: "has no users: add one with"},
	} {
		c.check(t, dir)
	}
}

func TestPrintHashChangesNothing(t *testing.T) {
	dir := t.TempDir()
	out := call{args: "token create --scope write --user alice --print-hash", out: "llt_", err: "the second is for the auth file", both: true}.check(t, dir)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it leaves %v", left)
	}
	lines := strings.Split(out, "\n")
	must(t, os.WriteFile(filepath.Join(dir, "users"), []byte(lines[1]), 0o400))
	call{args: "token list --auth-file FILE", out: strings.Split(lines[0], "_")[1] + "  write  User.alice  never\n"}.check(t, dir)
}

// A name may have what moves a terminal's cursor, or turns the text around.
func TestNamesThatATerminalWouldObey(t *testing.T) {
	dir := t.TempDir()
	const name, shown = "al\x1b[31mice\u202e", `"al\x1b[31mice\u202e"`
	for _, c := range []call{
		{args: "user add " + name + " --auth-file FILE", stdin: "short\n", code: 1, err: shown},
		{args: "user add " + name + " --auth-file FILE", stdin: "correct horse\n", out: "added " + shown + `: role viewer, context User.al%1B[31mice\u202e` + "\n"},
		{args: "user add " + name + " --auth-file FILE", stdin: "correct horse\n", code: 1, err: "there is a user " + shown},
		{args: "user role " + name + " admin --auth-file FILE", out: shown + " is admin now\n"},
		{args: "user passwd " + name + " --auth-file FILE", stdin: "another horse\n", out: "changed the password of " + shown + "\n"},
		{args: "user list --auth-file FILE", out: shown + `  admin  User.al%1B[31mice\u202e` + "\n"},
		{args: "user list " + name + " --auth-file FILE", code: 2, err: `al\x1b[31mice\u202e`},
		{args: "user role " + name + " " + name + " --auth-file FILE", code: 2, err: `\u202e`},
		{args: "user remove " + name + " --auth-file FILE", out: "removed " + shown + "\n"},
		{args: "user remove " + name + " --auth-file FILE", code: 1, err: shown},
		{args: "user add " + strings.Repeat(name, 20) + " --auth-file FILE", stdin: "correct horse\n", code: 2, err: "cannot be a channel"},
	} {
		if out := c.check(t, dir); strings.ContainsAny(out, "\x1b\u202e") {
			t.Errorf("loglane %q writes %q", c.args, out)
		}
	}
}

func TestVersion(t *testing.T) {
	dir := t.TempDir()
	call{args: "version", out: "loglane (devel)"}.check(t, dir)
	call{args: "version -o json", out: `{"version":"`}.check(t, dir)
}

func TestWhatOnlyTheStartCanTell(t *testing.T) {
	dir := t.TempDir()
	call{args: "user add alice --auth-file FILE", stdin: "correct horse\n", out: "added"}.check(t, dir)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	redis := redistest.Start(t, "--requirepass", "the-right-one")
	for _, c := range []struct{ args, want string }{
		{"serve --auth-file users --addr " + taken.Addr().String(), "the port is in use"},
		{"demo --addr " + taken.Addr().String(), "--addr " + taken.Addr().String() + ": the port is in use: stop the program that has it, or choose another"},
		{fmt.Sprintf("serve --auth-file users --addr 127.0.0.1:0 --redis-url redis://:wrong@127.0.0.1:%d/0", redis.Port), "Redis refused"},
	} {
		s := serve(t, dir, strings.Fields(c.args)...)
		err := s.cmd.Wait()
		if s.cmd.ProcessState.ExitCode() != 1 || !strings.Contains(s.err.String(), c.want) {
			t.Errorf("loglane %s: %v\n%s", c.args, err, s.err)
		}
	}
}
