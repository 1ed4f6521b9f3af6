package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
)

// checked runs loglane check, and returns its code and all that it says.
func checked(t *testing.T, args ...string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), append([]string{"check"}, args...)...)
	cmd.Dir = t.TempDir()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the code says it
	return cmd.ProcessState.ExitCode(), out.String()
}

// TestCheck asks what stands between clients and a gateway behind nginx, and what happens
// where a publisher has another database.
func TestCheck(t *testing.T) {
	t.Parallel()
	redis, file, gateway := redistest.Start(t), addUsers(t), porttest.Addr(t)
	flags := func(database int, public string) []string {
		return []string{
			"--addr", gateway, "--auth-file", file, "--trusted-proxies", "127.0.0.1",
			"--public-url", public, "--redis-url", fmt.Sprintf("redis://127.0.0.1:%d/%d", redis.Port, database),
		}
	}
	recipe := blockWith(t, nginxPage, "nginx", "server_name logs.example.com;")
	base := "http://" + nginx(t, recipe, gateway, "") + "/"
	elsewhere := "http://" + nginx(t, recipe, porttest.Addr(t), "") + "/" // passes to where nobody is
	publish(redis, "User.alice", "in database 0")
	p := start(t, t.TempDir(), nil, program(t), append([]string{"serve"}, flags(0, base)...)...)
	answers(t, "http://"+gateway+"/healthz")
	for _, c := range []struct {
		name, public string
		database     int
		code         int
		want         string
	}{
		{"all is well", base, 0, 0, "ok    public-url  a gateway answers at " + base + "\n"},
		{"a publisher in another database", base, 2, 1, "FAIL  database    database 2 has no channel, database 0 has 1 channel"},
		{"nobody at the public URL", "http://" + porttest.Addr(t) + "/", 0, 1, "FAIL  public-url  "},
		{"a proxy that passes elsewhere", elsewhere, 0, 1, "does not reach the gateway: 502 Bad Gateway"},
	} {
		code, said := checked(t, flags(c.database, c.public)...)
		if code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%s: %d, want %d and %q:\n%s", c.name, code, c.code, c.want, said)
		}
		if n := strings.Count(said, "FAIL "); n != c.code {
			t.Errorf("%s: %d things fail:\n%s", c.name, n, said)
		}
	}
	if log := p.output.String(); strings.Contains(log, "ERROR") {
		t.Errorf("the checks make the gateway log errors:\n%s", log)
	}
}
