package main_test

import (
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/loglane/loglane/internal/certtest"
	"github.com/loglane/loglane/internal/porttest"
)

func config(t *testing.T, dir, content string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(content), 0o600))
}

// What is wrong with flags, variables and the file is told at once, and where it is.
func TestWrongSettingsOfEveryPlace(t *testing.T) {
	dir := t.TempDir()
	config(t, dir, "# ours\nauth-flie: users\naddr: 8080\nmax-streams: many\nkeepalive: 15\nlog-level: loud\nmax-line: [1]\nstream-enabled: maybe\n")
	out := call{
		args: "serve --config config.yaml --keepalive 1 --history-lines x",
		env:  []string{"LOGLANE_MAX_STREAMS=all", "LOGLANE_DRAIN_TIMEOUT=1h", "LOGLANE_AUTH_FILE=", "LOGLANE_REDIS_URL=redis://:s3cret@h:x/0"},
		code: 2, err: "loglane: 11 things are wrong:\n",
	}.check(t, dir)
	for _, want := range []string{
		`  config.yaml line 2: there is no setting "auth-flie": did you mean auth-file?` + "\n",
		"  config.yaml line 7: max-line: it takes one value, not a list\n",
		"  --history-lines=x: it is not a whole number; an example is --history-lines=1000\n",
		"  --keepalive=1: it is not a time with its unit; an example is --keepalive=15s\n",
		"  --max-streams=all: it is not a whole number; an example is --max-streams=10000 (from $LOGLANE_MAX_STREAMS)\n",
		"  --stream-enabled=maybe: it is neither true nor false; an example is --stream-enabled=true (from config.yaml line 8)\n",
		"  --addr=8080: it is not HOST:PORT; an example is --addr=127.0.0.1:8080 (from config.yaml line 3)\n",
		"  --auth-file: it is missing",
		"  --log-level=loud: it is none of debug, info, warn, error; an example is --log-level=info (from config.yaml line 6)\n",
		"  --drain-timeout=1h0m0s: it must be from 1s to 10m0s; an example is --drain-timeout=20s (from $LOGLANE_DRAIN_TIMEOUT)\n",
		"  --redis-url: ",
		"(from $LOGLANE_REDIS_URL)\nSee 'loglane serve --help'.\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "s3cret") {
		t.Errorf("the password is in\n%s", out)
	}
}

func TestConfigFilesOfEveryVerb(t *testing.T) {
	dir := t.TempDir()
	config(t, dir, "auth-file: users\nmax-streams: many\naddr: 127.0.0.1:1\nlog-format: json\n")
	for _, c := range []call{
		{args: "user add alice --config config.yaml", stdin: "correct horse\n", out: "added alice"}, // what another verb has is not its business
		{args: "user --config config.yaml list", out: "alice"},
		{args: "user list", env: []string{"LOGLANE_CONFIG=config.yaml"}, out: "alice"},
		{args: "user list", env: []string{"LOGLANE_MAX_STREAMS=many", "LOGLANE_AUTH_FILE=users"}, out: "alice"},
		{args: "user list --auth-file other --config config.yaml", code: 1, err: "other"},
		{args: "healthcheck --config config.yaml", code: 1, err: "127.0.0.1:1"},
		{args: "serve --config config.yaml", code: 2, err: "--max-streams=many: it is not a whole number; an example is --max-streams=10000 (from config.yaml line 2)"},
		{args: "serve --config no.yaml", code: 2, err: "loglane: --config=no.yaml: there is no such file\n"},
		{args: "serve", env: []string{"LOGLANE_CONFIG=."}, code: 2, err: "loglane: --config=.: it is a directory (from $LOGLANE_CONFIG)\n"},
		{args: "user list --config no.yaml", code: 2, err: "loglane: --config=no.yaml: there is no such file\n"},
		{args: "version", env: []string{"LOGLANE_CONFIG=no.yaml"}, out: "loglane"},
	} {
		c.check(t, dir)
	}
	config(t, dir, "auth-file: users\naddrr: x\n")
	call{args: "user list --config config.yaml", code: 2, err: `loglane: config.yaml line 2: there is no setting "addrr": did you mean addr?`}.check(t, dir)
	call{args: "demo --config config.yaml", code: 2, err: `did you mean addr?`}.check(t, dir)
	call{args: "healthcheck --config config.yaml --addr x", code: 2, err: "loglane: 2 things are wrong:\n"}.check(t, dir)
}

func TestServeByAConfigFile(t *testing.T) {
	dir, addr := t.TempDir(), porttest.Addr(t)
	call{args: "user add alice --auth-file FILE", stdin: "correct horse\n", out: "added"}.check(t, dir)
	config(t, dir, "auth-file: users\naddr: "+addr+"\nbase-path: /logs\nlog-format: json\nlog-level: warn\nstream-enabled: false\n")
	gateway := start(t, dir, []string{"LOGLANE_REDIS_ULR=x", "LOGLANE_COLOUR=x", "LOGLANE_PORT_8080_TCP_ADDR=x", "LOGLANE_SERVICE_HOST=x", "LOGLANE_TOKEN=x", "LOGLANE_LOG_LEVEL="}, "serve", "--config", "config.yaml")
	base := "http://" + addr + "/logs/"
	answers(t, base+"healthz")
	call{args: "healthcheck --config config.yaml", out: "ok\n"}.check(t, dir)
	if line, err := open(t, base, "alice", "correct horse").ReadString('\n'); err != nil || !strings.Contains(line, "stream-enabled") {
		t.Errorf("%q %v", line, err)
	}
	gateway.end(syscall.SIGTERM)
	log := gateway.err.String()
	if strings.Count(log, "\n") != 2 || !strings.Contains(log, `"variable":"LOGLANE_REDIS_ULR","did_you_mean":"LOGLANE_REDIS_URL"}`) || !strings.Contains(log, `"variable":"LOGLANE_COLOUR"}`) {
		t.Errorf("the log is %s", log)
	}
	if _, err := http.Get(base); err == nil {
		t.Error("it still answers")
	}
}

// Also what only the start can tell has its place.
func TestWhereAWrongAddressComesFrom(t *testing.T) {
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer taken.Close()
	config(t, dir, "addr: "+taken.Addr().String()+"\n")
	gateway := serve(t, dir, "demo", "--config", "config.yaml")
	err = gateway.cmd.Wait()
	if want := "127.0.0.1:8081 (from config.yaml line 1)\n"; gateway.cmd.ProcessState.ExitCode() != 1 || !strings.HasSuffix(gateway.err.String(), want) {
		t.Errorf("%v: %s, want %q", err, gateway.err, want)
	}
}

func TestServeHTTPS(t *testing.T) {
	dir, addr, pair := t.TempDir(), porttest.Addr(t), certtest.New(t)
	call{args: "user add alice --auth-file FILE", stdin: "correct horse\n", out: "added"}.check(t, dir)
	config(t, dir, "auth-file: users\naddr: "+addr+"\ntls-cert: "+pair.Cert+"\ntls-key: "+pair.Key+"\n")
	gateway := serve(t, dir, "serve", "--config", "config.yaml")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pair.Pool()}}}
	defer client.CloseIdleConnections()
	answersTo(t, client, "https://"+addr+"/healthz")
	call{args: "healthcheck --config config.yaml", out: "ok\n"}.check(t, dir)
	call{args: "healthcheck --addr " + addr, code: 1, err: "400"}.check(t, dir)
	gateway.end(syscall.SIGTERM)
	if log := gateway.err.String(); !strings.Contains(log, "url=https://"+addr+"/") {
		t.Errorf("the log is %s", log)
	}
	must(t, os.Remove(pair.Key))
	call{args: "serve --config config.yaml", code: 2, err: "--tls-key=" + pair.Key + ": it cannot be read: no such file or directory (from config.yaml line 4)"}.check(t, dir)
}
