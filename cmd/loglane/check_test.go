package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/certtest"
	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// checked calls loglane check, and returns its code, standard output and standard error.
func checked(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := command(t, dir, append([]string{"check", "--auth-file", "users"}, args...)...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if e := cmd.Run(); errors.As(e, &exit) {
		code = exit.ExitCode()
	} else {
		must(t, e)
	}
	return code, out.String(), err.String()
}

func withUsers(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	call{args: "user add alice --role admin --auth-file FILE", stdin: "correct horse\n", out: "added"}.check(t, dir)
	return dir
}

func TestCheckFinds(t *testing.T) {
	t.Parallel()
	dir := withUsers(t)
	server := redistest.Start(t)
	evicting := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru", "--requirepass", "right")
	server.MustDo("ACL", "SETUSER", "weak", "on", ">pass", "~*", "&*", "+@all", "-xadd", "-publish")
	database := func(n int) string { return fmt.Sprintf("redis://127.0.0.1:%d/%d", server.Port, n) }
	server.MustDo("EVAL", "redis.call('SELECT', 3); return redis.call('XADD', KEYS[1], '*', 'data', 'a line')", "1", "stream:logs:User.alice")
	ca := certtest.NewAuthority(t)
	pair := ca.Issue("127.0.0.1")
	secure := redistest.StartSecure(t, redistest.Certificates{CA: ca.File, Cert: pair.Cert, Key: pair.Key})
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { taken.Close() })
	for _, c := range []struct {
		name, args string
		code       int
		want       []string // on standard output
	}{
		{"all is well", "--redis-url " + database(3), 0, []string{
			"ok    settings    all can work\n", "ok    auth-file   1 user, 1 of them admin\n", "ok    addr        127.0.0.1:0 is free\n",
			"ok    redis       Redis ", ", standalone, database 3 at " + database(3), "ok    rights      the user default may", "ok    eviction    maxmemory-policy is noeviction\n",
			"ok    database    1 channel with history, last line ", "ok    live        a published message came back in "}},
		{"embedded", "", 0, []string{"ok    redis       embedded broker: lines are forgotten when it ends\n"}},
		{"wrong database", "--redis-url " + database(0), 1, []string{
			"FAIL  database    database 0 has no channel, database 3 has 1 channel, the last line ", "publisher and gateway must use the same number in --redis-url\n"}},
		{"missing rights", fmt.Sprintf("--redis-url redis://weak:pass@127.0.0.1:%d/3", server.Port), 1, []string{
			"FAIL  rights      the user weak may not run XADD, run PUBLISH: ACL SETUSER weak +xadd +publish\n"}},
		{"evicting policy", "--redis-url " + evicting.URL(), 1, []string{"FAIL  eviction    maxmemory-policy is allkeys-lru: ", "CONFIG SET maxmemory-policy noeviction"}},
		{"wrong password", fmt.Sprintf("--redis-url redis://:wrong@127.0.0.1:%d/0", evicting.Port), 1, []string{"FAIL  redis       redis://127.0.0.1:", "Redis refused the login: WRONGPASS"}},
		{"TLS", "--redis-url " + secure.URL(), 0, []string{", standalone, database 0 at rediss://127.0.0.1:", "ok    live        a published message came back in "}},
		{"TLS with a CA that is not known", "--redis-url rediss://127.0.0.1:" + secure.PortText(), 1, []string{
			"FAIL  redis       rediss://127.0.0.1:", " is signed by no CA that is trusted: name the file of its CA by ssl_ca_certs= in --redis-url\n"}},
		{"no Redis", "--redis-url redis://127.0.0.1:1/0", 1, []string{"FAIL  redis       redis://127.0.0.1:1/0: broker unavailable", "start Redis there, or set --redis-url"}},
		{"a port of another program", "--addr " + taken.Addr().String(), 1, []string{"FAIL  addr        " + taken.Addr().String() + " is in use, and no gateway"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(c.args)
			if !strings.Contains(c.args, "--addr") {
				args = append(args, "--addr", "127.0.0.1:0")
			}
			code, out, stderr := checked(t, dir, args...)
			if code != c.code || (code != 0) != strings.HasPrefix(stderr, "loglane: 1 of ") {
				t.Errorf("%d, want %d\n%s%s", code, c.code, out, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if strings.Contains(out+stderr, "wrong@") || strings.Contains(out+stderr, "pass@") {
				t.Errorf("the password is told:\n%s%s", out, stderr)
			}
		})
	}
}

func TestCheckNamesEverySettingThatIsWrong(t *testing.T) {
	code, out, stderr := checked(t, t.TempDir(), "--addr", "x", "--keepalive", "15", "--redis-url", "http://h/0")
	if code != 2 || out != "" || !strings.HasPrefix(stderr, "loglane: 4 things are wrong:\n") || !strings.HasSuffix(stderr, "See 'loglane check --help'.\n") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	for _, want := range []string{"--addr=x: ", "--keepalive=15: ", "--redis-url: ", "does not exist"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %s in %s", want, stderr)
		}
	}
}

func TestCheckBesideARunningGateway(t *testing.T) {
	dir, addr := withUsers(t), porttest.Addr(t)
	gateway := serve(t, dir, "serve", "--auth-file", "users", "--addr", addr)
	answers(t, "http://"+addr+"/healthz")
	if code, out, stderr := checked(t, dir, "--addr", addr); code != 0 || !strings.Contains(out, "a gateway answers at http://"+addr+"/") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	gateway.end(os.Interrupt)
}

func TestCheckWarns(t *testing.T) {
	dir := withUsers(t)
	must(t, os.Chmod(filepath.Join(dir, "users"), 0o604))
	type report struct {
		OK       bool
		Findings []struct{ Check, Level, Text, Mend string }
	}
	for _, strict := range []bool{false, true} {
		args := []string{"--addr", "127.0.0.1:0", "-o", "json"}
		if strict {
			args = append(args, "--strict")
		}
		code, out, stderr := checked(t, dir, args...)
		var got report
		must(t, json.Unmarshal([]byte(out), &got))
		if (code == 1) != strict || got.OK == strict {
			t.Errorf("strict %v: %d %s %s", strict, code, out, stderr)
		}
		if f := got.Findings[1]; f.Check != "auth-file" || f.Level != "warn" || f.Mend != "chmod o-rwx users" {
			t.Errorf("%+v", f)
		}
	}
}
