package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane/internal/porttest"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/logship"
	"github.com/loglane/loglane/redisbroker"
)

// The places where a secret can end up.
const (
	inRedis   = "Redis"       // all that it keeps and all that it was ever told
	inStreams = "streams"     // and what the history answers
	inOwnLog  = "the own log" // at --log-level debug
	inAudit   = "the audit log"
	inMetrics = "the metrics"
	inAnswers = "answers" // other than those with lines, to whoever asked
)

var places = []string{inRedis, inStreams, inOwnLog, inAudit, inMetrics, inAnswers}

// canaries are secrets by what they are, and where they may be found. A place that is named
// must have them too: else nothing was looked through.
var canaries = map[string][]string{
	"a line that is no secret":          {inRedis, inStreams},
	"a shipped password":                nil,
	"a shipped token in a message":      nil,
	"a shipped header":                  nil,
	"a sent password":                   nil,
	"a sent token in a message":         nil,
	"a sent key in a line of text":      nil,
	"a member that viewers do not see":  {inRedis},
	"a line that is rejected":           nil,
	"a login's password":                nil,
	"a wrong password":                  nil,
	"a session cookie":                  nil,
	"a wrong session cookie":            nil,
	"another application's cookie":      nil,
	"what the other application says":   nil,
	"a password of the auth URL":        nil,
	"a read token":                      nil,
	"a write token":                     nil,
	"a wrong token":                     nil,
	"basic credentials":                 nil,
	"a malformed Last-Event-ID":         {inAnswers}, // and only to who asked
	"a cursor in the query":             {inAnswers},
	"a token in the query":              nil,
	"what is searched for":              nil,
	"a form's next":                     nil,
	"a form's unknown field":            nil,
	"a header that nobody knows":        nil,
	"a channel that may not be read":    {inAudit}, // it says what was asked for
	"Redis' password":                   nil,
	"a level that is none in the query": {inAnswers},
}

// canary is a secret's text.
func canary(what string) string {
	return "canary7" + strings.NewReplacer(" ", "", "'", "").Replace(what)
}

// canaryRun is a gateway with everything that could leak.
type canaryRun struct {
	*testing.T
	url     string
	gateway *process
	audit   string // its file
	metrics string // its address
	redis   *redistest.Server
	secrets map[string]string // texts by what they are
	told    map[string]*strings.Builder
}

func TestSecretsStayWhereTheyBelong(t *testing.T) {
	c := &canaryRun{T: t, secrets: make(map[string]string), told: make(map[string]*strings.Builder)}
	for what := range canaries {
		c.secrets[what] = canary(what)
	}
	for _, place := range places {
		c.told[place] = new(strings.Builder)
	}
	c.redis = redistest.Start(t, "--requirepass", c.secrets["Redis' password"])
	monitored := c.monitor()
	c.serve()
	c.ship()
	c.send()
	c.signIn()
	c.watch()
	c.misbehave()
	c.dump()
	c.redis.Kill() // what the gateway says of that names its Redis
	c.call("GET", "api/v1/logs", "Authorization", "Bearer "+c.secrets["a read token"])
	c.measure()
	c.gateway.end()
	audited, err := os.ReadFile(c.audit)
	if err != nil {
		t.Fatal(err)
	}
	c.told[inAudit].Write(audited)
	c.told[inRedis].WriteString(monitored())
	c.told[inOwnLog].WriteString(c.gateway.output.String())
	c.check()
}

func (c *canaryRun) check() {
	for what, may := range canaries {
		for _, place := range places {
			text := c.told[place].String()
			at := strings.Index(text, c.secrets[what])
			switch allowed := slices.Contains(may, place); {
			case at >= 0 && !allowed:
				c.Errorf("%s stands in %s: %.300q", what, place, text[max(at-100, 0):])
			case at < 0 && allowed:
				c.Errorf("%s should be in %s, so this place was not looked through", what, place)
			}
		}
	}
}

// serve starts the gateway, and the application that it asks who is signed in.
func (c *canaryRun) serve() {
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says := c.secrets["what the other application says"]
		w.Header().Set("Set-Cookie", "app="+says)
		w.Header().Set("X-App", says)
		w.Header().Set("Content-Type", "application/json")
		switch cookie, _ := r.Cookie("app"); {
		case cookie == nil:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, says)
		case strings.HasPrefix(cookie.Value, "broken"):
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, says)
		case strings.HasPrefix(cookie.Value, "lying"):
			fmt.Fprintf(w, `{"name":%q`, says)
		default:
			fmt.Fprintf(w, `{"name":"carol","roles":["viewer"],"secret":%q}`, says)
		}
	}))
	c.Cleanup(application.Close)
	dir := c.TempDir()
	file := filepath.Join(dir, "users")
	run(c.T, ".", nil, c.secrets["a login's password"]+"\n", program(c.T), "user", "add", "alice", "--auth-file", file)
	for what, flags := range map[string][]string{"a read token": {"--scope", "read", "--user", "alice"}, "a write token": {"--scope", "write", "--channel", "*"}} {
		args := append([]string{"token", "create", "--auth-file", file}, flags...)
		c.secrets[what] = strings.TrimSpace(run(c.T, ".", nil, "", program(c.T), args...))
	}
	c.audit, c.metrics = filepath.Join(dir, "audit.log"), porttest.Addr(c.T)
	addr := porttest.Addr(c.T)
	c.url = "http://" + addr + "/"
	c.gateway = serveProgram(c.T, addr, "--auth-file", file, "--redis-url", c.redis.URL(), "--log-level", "debug", "--audit-log", c.audit, "--metrics-addr", c.metrics,
		"--auth-url", application.URL+"/whoami?key="+c.secrets["a password of the auth URL"], "--login-url", application.URL+"/login", "--auth-url-name-prefix", "app:",
		"--viewer-level", "info", "--viewer-fields", "message,level,attrs.shown")
}

// ship logs as a Go program beside the same Redis.
func (c *canaryRun) ship() {
	broker, err := redisbroker.New(redisbroker.Options{URL: c.redis.URL(), Logger: quiet()})
	if err != nil {
		c.Fatal(err)
	}
	handler := logship.NewHandler(broker, &logship.Options{Level: slog.LevelDebug, ErrorLog: quiet()})
	log, ctx := slog.New(handler), logship.WithUser(c.Context(), "alice")
	log.InfoContext(ctx, "shipped: "+c.secrets["a line that is no secret"], "password", c.secrets["a shipped password"])
	log.InfoContext(ctx, "a request with Bearer "+c.secrets["a shipped token in a message"],
		"header", http.Header{"Cookie": {"a=" + c.secrets["a shipped header"]}, "X-Api-Key": {c.secrets["a shipped header"]}})
	log.InfoContext(ctx, "a line with more", "internal", c.secrets["a member that viewers do not see"])
	log.DebugContext(ctx, c.secrets["a member that viewers do not see"])
	if err := handler.Shutdown(context.Background()); err != nil {
		c.Error(err)
	}
	if err := broker.Close(context.Background()); err != nil {
		c.Error(err)
	}
}

// send posts lines as programs in other languages do.
func (c *canaryRun) send() {
	with := []string{"Authorization", "Bearer " + c.secrets["a write token"]}
	record := fmt.Sprintf(`{"message":"jdbc:redis://app:%s@db/1","api_key":%q,"attrs":{"shown":1,"Set-Cookie":[%[2]q]}}`+"\n"+`{"message":%q`,
		c.secrets["a sent token in a message"], c.secrets["a sent password"], c.secrets["a line that is rejected"])
	c.post("api/v1/logs?user=alice", "application/x-ndjson", record, with...)
	c.post("api/v1/logs?user=alice", "text/plain", "level=info api_key="+c.secrets["a sent key in a line of text"]+"\n", with...)
}

// signIn signs in, and fails to.
func (c *canaryRun) signIn() {
	form := func(password string) string {
		return url.Values{"username": {"alice"}, "password": {password}, "next": {"//evil/" + c.secrets["a form's next"]}, "field": {c.secrets["a form's unknown field"]}}.Encode()
	}
	c.post("login", "application/x-www-form-urlencoded", form(c.secrets["a wrong password"]))
	answer := c.post("login", "application/x-www-form-urlencoded", form(c.secrets["a login's password"]))
	cookies := answer.Cookies()
	if answer.StatusCode != http.StatusSeeOther || len(cookies) == 0 {
		c.Fatalf("signing in: %s", answer.Status)
	}
	c.secrets["a session cookie"] = cookies[0].Value
	c.call("GET", "api/v1/me", "Cookie", cookies[0].Name+"="+cookies[0].Value)
	c.call("GET", "api/v1/logs", "Cookie", cookies[0].Name+"="+c.secrets["a wrong session cookie"])
	c.watchAs(0, "Cookie", cookies[0].Name+"="+cookies[0].Value)
	c.post("logout", "application/x-www-form-urlencoded", "", "Cookie", cookies[0].Name+"="+cookies[0].Value)
}

// watch reads all of alice's lines in each format, and as who came by the other login.
func (c *canaryRun) watch() {
	c.watchAs(3, "Authorization", "Bearer "+c.secrets["a read token"])
	if me := c.call("GET", "api/v1/me", "Cookie", "app="+c.secrets["another application's cookie"]); !strings.Contains(me, "app:carol") {
		c.Errorf("who came by the other login is %s", me)
	}
	for _, kind := range []string{"", "broken", "lying"} {
		c.watchAs(0, "Cookie", "app="+kind+c.secrets["another application's cookie"])
	}
}

func (c *canaryRun) watchAs(lines int, headers ...string) {
	for _, path := range []string{"api/v1/stream?follow=0", "api/v1/stream?follow=0&replay=bulk", "api/v1/logs", "api/v1/logs?format=csv", "api/v1/logs?format=text"} {
		body := c.call("GET", path, headers...)
		if n := strings.Count(body, "[redacted]"); n < lines {
			c.Errorf("%s: %d secrets were taken out of\n%s", path, n, body)
		}
	}
}

// misbehave asks for what is refused.
func (c *canaryRun) misbehave() {
	reader := []string{"Authorization", "Bearer " + c.secrets["a read token"]}
	c.call("GET", "api/v1/stream?follow=0", "Authorization", "Bearer llt_"+c.secrets["a wrong token"])
	c.call("GET", "api/v1/stream?follow=0", "Authorization", "Basic "+c.secrets["basic credentials"], "X-Unknown", c.secrets["a header that nobody knows"])
	c.call("GET", "api/v1/stream?follow=0", append(reader, "Last-Event-ID", c.secrets["a malformed Last-Event-ID"])...)
	c.call("GET", "api/v1/stream?follow=0&last_event_id="+c.secrets["a cursor in the query"], reader...)
	c.call("GET", "api/v1/stream?follow=0&token="+c.secrets["a token in the query"], reader...)
	c.call("GET", "api/v1/logs?q="+c.secrets["what is searched for"], reader...)
	c.call("GET", "api/v1/logs?level="+c.secrets["a level that is none in the query"], reader...)
	c.call("GET", "api/v1/logs?channel="+c.secrets["a channel that may not be read"], reader...)
	c.call("DELETE", "api/v1/logs?token="+c.secrets["a token in the query"], reader...)
	c.call("GET", "nowhere/"+c.secrets["a token in the query"], reader...)
	c.call("GET", "metrics", reader...)
	c.post("api/v1/logs?user=alice", "text/plain", "x", append(reader, "Producer", c.secrets["a header that nobody knows"]+"!")...)
}

// measure reads the metrics, which have to be some.
func (c *canaryRun) measure() {
	answer, err := http.Get("http://" + c.metrics + "/metrics")
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil || !strings.Contains(string(all), "loglane_") {
		c.Errorf("%v; the metrics are %.300q", err, all)
	}
	c.told[inMetrics].Write(all)
}

func (c *canaryRun) post(path, kind, body string, headers ...string) *http.Response {
	answer, _ := c.do("POST", path, body, append([]string{"Content-Type", kind}, headers...))
	return answer
}

func (c *canaryRun) call(method, path string, headers ...string) (body string) {
	_, body = c.do(method, path, "", headers)
	return body
}

// do notes what is answered. A response that sets a cookie is to whom the cookie is, and
// only its body is noted.
func (c *canaryRun) do(method, path, body string, headers []string) (*http.Response, string) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	for ; len(headers) > 1; headers = headers[2:] {
		req.Header.Set(headers[0], headers[1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		c.Fatal(err)
	}
	place := inAnswers
	if method == "GET" && answer.StatusCode == http.StatusOK && (strings.HasPrefix(path, "api/v1/stream") || strings.HasPrefix(path, "api/v1/logs")) {
		place = inStreams
	}
	c.told[place].Write(all)
	for name, values := range answer.Header {
		if name != "Set-Cookie" && name != "Link" { // a link repeats the caller's own query
			fmt.Fprintln(c.told[place], name, values)
		}
	}
	return answer, string(all)
}

// dumpScript returns every key with all that it holds, of whatever type.
const dumpScript = `
local all = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'string' then value = redis.call('GET', key)
  elseif kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'stream' then value = redis.call('XRANGE', key, '-', '+')
  else return redis.error_reply('a key of the type ' .. kind) end
  all[#all + 1] = {key, kind, value}
end
return cjson.encode(all)`

func (c *canaryRun) dump() {
	dump := c.redis.MustDo("EVAL", dumpScript, "0")
	for _, kind := range []string{`"stream"`, `"hash"`} {
		if !strings.Contains(dump, kind) {
			c.Errorf("Redis has no %s", kind)
		}
	}
	c.told[inRedis].WriteString(dump)
}

// monitor lets Redis tell every command that it gets, until stop, which returns them.
func (c *canaryRun) monitor() (stop func() string) {
	conn, err := net.Dial("tcp", "127.0.0.1:"+c.redis.PortText())
	if err != nil {
		c.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nMONITOR\r\n", c.secrets["Redis' password"]); err != nil {
		c.Fatal(err)
	}
	heard := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(conn) // ends with Redis
		heard <- string(all)
	}()
	return func() string {
		defer conn.Close()
		select {
		case all := <-heard:
			if !strings.Contains(all, "loglane:meta:") {
				c.Errorf("Redis tells of its commands: %.200q", all)
			}
			return all
		case <-time.After(10 * time.Second):
			c.Fatal("the monitor does not end with its Redis")
			return ""
		}
	}
}
