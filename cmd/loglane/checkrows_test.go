package main_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/porttest"
)

// What is set of the audit, the metrics and the viewers has its row, as what is beside users.
func TestCheckRows(t *testing.T) {
	t.Parallel()
	dir, tokens := withUsers(t), t.TempDir()
	call{args: "token create --scope read --user bob --auth-file FILE", out: "llt_", both: true}.check(t, tokens)
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "audit"), nil, 0o600))
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { taken.Close() })
	addr, metrics := porttest.Addr(t), porttest.Addr(t)
	gateway := serve(t, dir, "serve", "--auth-file", "users", "--addr", addr, "--metrics-addr", metrics)
	answers(t, "http://"+addr+"/healthz")
	for _, c := range []struct {
		dir, args string
		code      int
		want      string
	}{
		{dir, "", 0, "ok    audit-log   it stands among the gateway's own log lines\n"},
		{dir, "", 0, "ok    viewers     they see all of their lines\n"},
		{dir, "--log-level warn", 0, "warn  audit-log   nothing is written of who reads others' lines: --log-level=warn leaves it out: set --audit-log\n"},
		{dir, "--log-level warn --audit-log -", 0, "ok    audit-log   it goes to standard error\n"},
		{dir, "--audit-log audit", 0, "ok    audit-log   audit can be written\n"},
		{dir, "--audit-log new", 0, "ok    audit-log   new is not there yet: the start makes it\n"},
		{dir, "--audit-log none/audit", 1, "FAIL  audit-log   the folder of none/audit does not exist: make it"},
		{dir, "--audit-log folder", 1, "FAIL  audit-log   open folder: is a directory: let the gateway's user write there"},
		{dir, "--metrics-addr 127.0.0.1:0", 0, "ok    metrics     127.0.0.1:0 is free, for whoever is on this machine: no login is asked for\n"},
		{dir, "--metrics-addr 0.0.0.0:0", 0, "ok    metrics     0.0.0.0:0 is free, for whoever reaches 0.0.0.0:0: no login is asked for\n"},
		{dir, "--metrics-addr " + metrics, 0, "ok    metrics     a gateway's metrics answer at " + metrics},
		{dir, "--metrics-addr " + taken.Addr().String(), 1, "FAIL  metrics     " + taken.Addr().String() + " is in use, and no gateway's metrics answer there: stop"},
		{dir, "--viewer-level info --viewer-fields message,level", 0, "ok    viewers     they see lines of the level info and above, with the members message,level and no others\n"},
		{tokens, "", 0, "warn  auth-file   no user, 1 API token: only programs with a token come in, and nobody can sign in with a browser: loglane user add NAME --auth-file users"},
		{tokens, "--trusted-header Remote-User --trusted-header-proxies 127.0.0.1", 0, "ok    auth-file   no user, 1 API token\n"},
	} {
		code, out, stderr := checked(t, c.dir, append(strings.Fields(c.args), "--addr", "127.0.0.1:0")...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d, want %d with %q\n%s%s", c.args, code, c.code, c.want, out, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("the check has made the audit's file")
	}
	gateway.end(os.Interrupt)
}

// Who takes the demonstration to other machines is told there what they cannot do.
func TestDemoSaysWhoCannotSignIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host string
		told bool
	}{{"127.0.0.1", false}, {"0.0.0.0", true}} {
		_, port, err := net.SplitHostPort(porttest.Addr(t))
		must(t, err)
		demo := serve(t, t.TempDir(), "demo", "--addr", net.JoinHostPort(c.host, port))
		var words strings.Builder
		for !strings.Contains(words.String(), "Ctrl-C") {
			line, err := demo.out.ReadString('\n')
			must(t, err)
			fmt.Fprint(&words, line)
		}
		if told := strings.Contains(words.String(), "From another machine nobody can sign in over plain HTTP"); told != c.told {
			t.Errorf("%s: %s", c.host, words.String())
		}
		demo.end(os.Interrupt)
	}
}
