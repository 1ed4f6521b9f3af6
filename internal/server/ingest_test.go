package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
	"github.com/loglane/loglane/internal/server"
)

// knownTokens are whom bearer tokens stand for.
type knownTokens map[string]*auth.Principal

func (k knownTokens) Authenticate(r *http.Request) (*auth.Principal, error) {
	return k[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")], nil
}

// withKnownTokens are those of the tests below: what they may write is in their names.
func withKnownTokens(s *setup) {
	s.tokens = knownTokens{
		"all":   {Token: "t-all", Writes: []string{"*"}},
		"other": {Token: "t-other", Writes: []string{"*"}},
		"alice": {Token: "t-alice", Writes: []string{"User.alice", "job_*"}},
		"reads": {Token: "t-reads", Name: "alice", Channel: "logs:User.alice"},
		"none":  {Name: "root", Role: auth.Admin, Writes: []string{"*"}},
	}
}

// post sends a body with a bearer token and further headers, name after name.
func (g *gateway) post(token, query, body string, headers ...string) answer {
	g.t.Helper()
	b := g.as("")
	r := b.request(http.MethodPost, "api/v1/logs"+query, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return b.do(r)
}

var (
	ndjson    = []string{"Content-Type", "application/x-ndjson"}
	jsonArray = []string{"Content-Type", "application/json"}
)

// stored are the records of a channel, oldest first.
func stored(t *testing.T, broker loglane.Broker, channel string) (records []string) {
	t.Helper()
	page, err := broker.Read(t.Context(), channel, loglane.Oldest(), 10_000)
	must(t, err)
	for _, entry := range page.Entries {
		records = append(records, string(entry.Data))
	}
	return records
}

func TestLinesGoToTheirChannelAndToGlobal(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	alice := g.as("alice").open("api/v1/stream")
	alice.until("id: ")
	a := g.post("alice", "?user=alice", "one\r\n\ntwo\n")
	if a.code != http.StatusOK || strings.TrimSpace(a.body) != `{"accepted":2,"rejected":[]}` {
		t.Errorf("%d %s", a.code, a.body)
	}
	alice.until(`data: {"message":"two","context":"User.alice"}`)
	want := []string{`{"message":"one","context":"User.alice"}`, `{"message":"two","context":"User.alice"}`}
	for _, channel := range []string{"logs:User.alice", "logs:global"} {
		if got := stored(t, g.broker, channel); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %q", channel, got)
		}
	}
}

// A body may take two minutes, in which its token is revoked.
func TestATokenThatEndsMeanwhileStoresNothing(t *testing.T) {
	g := newGateway(t, func(s *setup) {
		ends := func(context.Context) error {
			return &loglane.StatusError{Code: http.StatusUnauthorized, Message: "revoked"}
		}
		s.tokens = knownTokens{"ends": {Token: "t-ends", Writes: []string{"*"}, Check: ends}}
	})
	if a := g.post("ends", "?user=alice", "line"); a.code != http.StatusUnauthorized {
		t.Errorf("%d %s", a.code, a.body)
	}
	if got := stored(t, g.broker, "logs:User.alice"); len(got) > 0 {
		t.Errorf("alice has %q", got)
	}
}

func TestEachRecordNamesItsChannel(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	a := g.post("alice", "", `[
		{"message":"1","user":"alice"},
		{"message":"2","user":"bob"},
		17,
		{"message":"4","context":"job_7","user":"bob"},
		{"message":"5"},
		{"message":"6","context":"User.bob"},
		{"message":"7","context":"ll:control"},
		{"message":"8","context":{"order":17},"user":"alice"},
		{"message":"9","user":17},
		{"message":"10","context":"global"},
		{"message":"11","user":"alice","context":null}
	]`, jsonArray...)
	var got struct {
		Accepted int
		Rejected []struct {
			Line  int
			Error string
		}
	}
	must(t, json.Unmarshal([]byte(a.body), &got))
	var rejected []string
	for _, r := range got.Rejected {
		rejected = append(rejected, fmt.Sprintf("%d %.22s", r.Line, r.Error))
	}
	want := []string{
		"2 You may not write to t", "3 it is no JSON object", "5 it names no channel: a", "6 You may not write to t",
		"7 channel: contexts that", "9 it names no channel: a", "10 You may not write to t",
	}
	if got.Accepted != 4 || !reflect.DeepEqual(rejected, want) {
		t.Errorf("%d accepted, rejected %q", got.Accepted, rejected)
	}
	if got := stored(t, g.broker, "logs:User.alice"); len(got) != 3 || got[1] != `{"message":"8","user":"alice","attrs":{"order":17},"context":"User.alice"}` {
		t.Errorf("alice has %q", got)
	}
	if got := strings.Join(stored(t, g.broker, "logs:global"), ""); strings.Count(got, `"message"`) != 4 ||
		strings.Index(got, `"4"`) < strings.Index(got, `"1"`) || strings.Index(got, `"8"`) < strings.Index(got, `"4"`) {
		t.Errorf("global has %s: not all, or not in the request's order", got)
	}
	if got := stored(t, g.broker, "logs:User.bob"); len(got) > 0 {
		t.Errorf("bob has %q", got)
	}
}

func TestTheQueryWinsAndNoContextIsForged(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	a := g.post("alice", "?channel=job_7", `{"message":"x","context":"User.bob","user":"bob"}`, ndjson...)
	if a.code != http.StatusOK {
		t.Fatalf("%d %s", a.code, a.body)
	}
	want := []string{`{"message":"x","user":"bob","context":"job_7"}`}
	for _, channel := range []string{"logs:job_7", "logs:global"} {
		if got := stored(t, g.broker, channel); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has %q", channel, got)
		}
	}
}

func TestWhichLinesAreCopied(t *testing.T) {
	warning, off := loglane.LevelWarn, server.GlobalOff
	const body = `{"message":"debug","level":"debug"}
{"message":"none"}
{"message":"error","level":50}
{"message":"own","context":"global","level":"debug"}`
	for _, c := range []struct {
		global *loglane.Level
		want   string
	}{
		{nil, "debug none error own"},
		{&warning, "none error own"},
		{&off, "own"},
	} {
		g := newGateway(t, func(s *setup) {
			withKnownTokens(s)
			s.Global = c.global
		})
		lines := strings.ReplaceAll(body, `"message":"debug"`, `"user":"alice","message":"debug"`)
		lines = strings.ReplaceAll(lines, `"message":"none"`, `"user":"alice","message":"none"`)
		lines = strings.ReplaceAll(lines, `"message":"error"`, `"user":"alice","message":"error"`)
		if a := g.post("all", "", lines, ndjson...); !strings.Contains(a.body, `"accepted":4`) {
			t.Fatalf("%d %s", a.code, a.body)
		}
		var got []string
		for _, record := range stored(t, g.broker, loglane.GlobalChannel) {
			var r struct{ Message string }
			must(t, json.Unmarshal([]byte(record), &r))
			got = append(got, r.Message)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: %q, want %s", c.global, got, c.want)
		}
		if own := stored(t, g.broker, "logs:User.alice"); len(own) != 3 {
			t.Errorf("alice has %q", own)
		}
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	g := newGateway(t, func(s *setup) {
		withKnownTokens(s)
		s.MaxIngestBytes = 1000
	})
	producer := func(headers ...string) []string { return append(headers, "Content-Type", "text/plain") }
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write(make([]byte, 1001))
	must(t, err)
	must(t, w.Close())
	several := `{"user":"alice"}` + "\n" + `{"user":"bob"}`
	for _, c := range []struct {
		token, query, body string
		headers            []string
		code               int
		want               string // part of the message
	}{
		{"", "?user=alice", "x", nil, 401, "API token"},
		{"unknown", "?user=alice", "x", nil, 401, "API token"},
		{"reads", "?user=alice", "x", nil, 403, "scope write"},
		{"none", "?user=alice", "x", nil, 403, "scope write"},
		{"alice", "?user=bob", "x", nil, 403, "scope write"},
		{"alice", "?channel=global", "x", nil, 403, "scope write"},
		{"alice", "?channel=a%20b", "x", nil, 403, "scope write"},
		{"alice", "?user=alice&user=bob", "x", nil, 403, "scope write"},
		{"all", "?channel=a%20b", "x", nil, 400, "channel: "},
		{"all", "?channel=ll:control", "x", nil, 400, "reserved"},
		{"all", "?user=alice&channel=job_1", "x", nil, 400, "take one of them"},
		{"all", "", "x", nil, 400, "add ?user=NAME"},
		{"all", "?user=alice", "x", []string{"Content-Encoding", "br"}, 415, "gzip, zstd"},
		{"all", "?user=alice", "x", []string{"Content-Type", "application/msgpack"}, 415, "format json"},
		{"all", "?user=alice", "x", []string{"Content-Encoding", "gzip"}, 400, "no whole gzip"},
		{"all", "?user=alice", strings.Repeat("x", 1001), nil, 413, "max-ingest-bytes"},
		{"all", "?user=alice", zipped.String(), []string{"Content-Encoding", "gzip"}, 413, "max-ingest-bytes"},
		{"all", "?user=alice", "x", producer("Producer", "a b"), 400, "Producer: take"},
		{"all", "?user=alice", "x", producer("Producer-Seq", "1"), 400, "Producer: take"},
		{"all", "?user=alice", "x", producer("Producer-After", "1,1"), 400, "Producer: take"},
		{"all", "?user=alice", "x", producer("Producer", strings.Repeat("a", 65), "Producer-Seq", "1"), 400, "Producer: take"},
		{"all", "?user=alice", "x", producer("Producer", "a"), 400, "Producer-Seq: take"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer-Seq", "0"), 400, "Producer-Seq: take"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer-Seq", "-1"), 400, "Producer-Seq: take"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer-Seq", "9007199254740992"), 400, "Producer-Seq: take"},
		{"all", "?user=alice", "x\ny", producer("Producer", "a", "Producer-Seq", "9007199254740991"), 400, "Producer-Seq: the last line"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer-Seq", "1", "Producer-After", "1"), 400, "Producer-After: take"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer-Seq", "1", "Producer-After", "1,x"), 400, "Producer-After: take"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer-Seq", "1", "Producer-After", "1,2,3"), 400, "Producer-After: take"},
		{"all", "?user=alice", "x", producer("Producer", "a", "Producer", "b", "Producer-Seq", "1"), 400, "Producer: the header"},
		{"all", "", several, append(ndjson, "Producer", "a", "Producer-Seq", "1"), 400, "one channel"},
	} {
		a := g.post(c.token, c.query, c.body, c.headers...)
		var message struct{ Error string }
		must(t, json.Unmarshal([]byte(a.body), &message))
		if a.code != c.code || !strings.Contains(message.Error, c.want) {
			t.Errorf("%s %s %q: %d %s, want %d %s", c.token, c.query, c.headers, a.code, a.body, c.code, c.want)
		}
		checkHeaders(t, "POST api/v1/logs", a)
	}
	for _, channel := range []string{"logs:User.alice", "logs:User.bob", "logs:global"} {
		if got := stored(t, g.broker, channel); len(got) > 0 {
			t.Errorf("%s has %q", channel, got)
		}
	}
}

// A signed-in browser is no sender, wherever its request comes from.
func TestACookieWritesNothing(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	for _, site := range []string{"same-origin", "cross-site"} {
		adam := g.as("adam")
		r := adam.request(http.MethodPost, "api/v1/logs?user=adam", strings.NewReader("x"))
		r.Header.Set("Sec-Fetch-Site", site)
		if a := adam.do(r); a.code != http.StatusForbidden {
			t.Errorf("%s: %d %s", site, a.code, a.body)
		}
	}
}

func TestManyLinesKeepTheirOrder(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	var body strings.Builder
	var sent, want []string
	for i := range 900 {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", i*3))
		fmt.Fprintln(&body, text)
		sent = append(sent, `{"message":"`+text+`","context":"User.alice"}`)
	}
	for range 2 { // the second request's lines come after the first one's
		if a := g.post("all", "?user=alice", body.String()); !strings.Contains(a.body, `"accepted":900,"rejected":[]`) {
			t.Fatalf("%d %s", a.code, a.body)
		}
		want = append(want, sent...)
		for _, channel := range []string{"logs:User.alice", "logs:global"} {
			got := stored(t, g.broker, channel)
			if len(got) < 500 || !reflect.DeepEqual(got, want[len(want)-len(got):]) {
				t.Fatalf("%s has %d lines, not the last ones in order", channel, len(got))
			}
			if page, err := g.broker.Read(t.Context(), channel, loglane.Last(1), 1); err != nil || page.Tail.N%900 != 0 {
				t.Errorf("%s: line number %d, %v", channel, page.Tail.N, err)
			}
		}
	}
}

func TestTooManyRejectedLinesAreCounted(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	a := g.post("all", "", strings.Repeat("17\n", 1500)+`{"user":"alice"}`, ndjson...)
	var got struct {
		Accepted, Unlisted int
		Rejected           []any
	}
	must(t, json.Unmarshal([]byte(a.body), &got))
	if got.Accepted != 1 || got.Unlisted != 500 || len(got.Rejected) != 1000 {
		t.Errorf("%d accepted, %d rejected, %d unlisted", got.Accepted, len(got.Rejected), got.Unlisted)
	}
}

func TestARequestIsBounded(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	for _, line := range []string{"17\n", "{}\n"} { // rejected ones count
		if a := g.post("all", "?user=alice", strings.Repeat(line, 100_001), ndjson...); a.code != 413 || !strings.Contains(a.body, "100000 lines") {
			t.Errorf("lines: %d %s", a.code, a.body)
		}
	}
	var body strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&body, `{"context":"job_%d"}`, i)
	}
	if a := g.post("all", "", body.String(), jsonArray...); a.code != 413 || !strings.Contains(a.body, "1000 channels") {
		t.Errorf("channels: %d %s", a.code, a.body)
	}
	if got := stored(t, g.broker, loglane.GlobalChannel); len(got) > 0 {
		t.Errorf("global has %d lines", len(got))
	}
}

// A sender that waits for "100 Continue" learns what is wrong before it sends a body.
func TestARefusalComesBeforeTheBody(t *testing.T) {
	g := newGateway(t, withKnownTokens)
	for token, want := range map[string]int{"": 401, "alice": 403} {
		b := g.as("")
		sent := &countedReader{r: strings.NewReader(strings.Repeat("x", 1<<20))}
		r := b.request(http.MethodPost, "api/v1/logs?user=bob", sent)
		r.Header.Set("Expect", "100-continue")
		r.Header.Set("Authorization", "Bearer "+token)
		b.client.Transport = &http.Transport{ExpectContinueTimeout: 1 << 40}
		a := b.do(r)
		b.client.CloseIdleConnections()
		if a.code != want || sent.n > 0 {
			t.Errorf("%q: %d %s after %d bytes", token, a.code, a.body, sent.n)
		}
	}
}

type countedReader struct {
	r io.Reader
	n int
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}
