// Package gatewaytest is a gateway's POST /api/v1/logs over an embedded broker, with the
// faults that a network, a restart and a failover have, for tests of what sends to one.
package gatewaytest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/loglane/loglane"
)

// Token is the API token that a [Gateway] takes.
const Token = "llt_AAAAAAAAAAAA_test-token"

// A Fault is what happens to a request.
type Fault struct {
	Status     int    // answered without storing anything; 0 is none
	RetryAfter string // the header, with Status
	Cut        bool   // the connection breaks before anything is stored
	LoseAnswer bool   // everything is stored, and the connection breaks
	Rewind     int    // this many batches, the last of any channel, are lost before it
}

// A Gateway is an [http.Handler]. Set its members before the first request.
type Gateway struct {
	Prefix   string                      // path before /api/v1/logs
	Contexts []string                    // that the token may write; nil is all
	NoGlobal bool                        // nothing is copied to the global channel
	MaxBytes int                         // of a body once decompressed; 0 is 1 MiB
	Severed  bool                        // connections break from outside: a request may then meet what is left of one before it
	Fault    func(*http.Request) Fault   // asked before each request; nil is none
	Reject   func(record []byte) string  // why a record is refused, "" where it is not; nil refuses none
	Sees     func(*http.Request, []byte) // gets each request that is let in, with its body decompressed

	t       testing.TB
	storing sync.Mutex // one request at a time stores; guards what follows
	broker  *loglane.MemoryBroker
	journal []entry

	mu      sync.Mutex
	running map[string]int // requests under way, by producer
}

type entry struct {
	channel string
	batch   loglane.Batch
	at      time.Time
}

// New returns a gateway that keeps 200,000 lines a channel.
func New(t testing.TB) *Gateway {
	return &Gateway{t: t, broker: newBroker(t), running: make(map[string]int)}
}

func newBroker(t testing.TB) *loglane.MemoryBroker {
	t.Helper()
	r := loglane.Retention{Lines: 200_000, Bytes: 256 << 20}
	b, err := loglane.NewMemoryBroker(&loglane.MemoryOptions{Retention: r, Global: r})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Records are what a context's channel has, oldest first.
func (g *Gateway) Records(channelContext string) [][]byte {
	g.t.Helper()
	g.storing.Lock()
	defer g.storing.Unlock()
	page, err := g.broker.Read(context.Background(), loglane.ChannelPrefix+channelContext, loglane.Oldest(), 1_000_000)
	if err != nil {
		g.t.Fatal(err)
	}
	records := make([][]byte, len(page.Entries))
	for i, e := range page.Entries {
		records[i] = e.Data
	}
	return records
}

// Messages are the members "message" of [Gateway.Records].
func (g *Gateway) Messages(channelContext string) []string {
	g.t.Helper()
	var list []string
	for _, record := range g.Records(channelContext) {
		var r struct{ Message string }
		if err := json.Unmarshal(record, &r); err != nil {
			g.t.Fatalf("%s: %v", record, err)
		}
		list = append(list, r.Message)
	}
	return list
}

// Rewind loses the last n batches of a context's channel, "" for any, as a failover
// does: none that is 10 s old.
func (g *Gateway) Rewind(channelContext string, n int) {
	g.storing.Lock()
	defer g.storing.Unlock()
	for i := len(g.journal) - 1; i >= 0 && n > 0 && time.Since(g.journal[i].at) < 10*time.Second; i-- {
		if channelContext == "" || g.journal[i].channel == loglane.ChannelPrefix+channelContext {
			g.journal = slices.Delete(g.journal, i, i+1)
			n--
		}
	}
	g.broker = newBroker(g.t)
	for _, e := range g.journal {
		e.batch.After = 0
		if _, err := g.broker.Append(context.Background(), e.channel, e.batch); err != nil {
			g.t.Error(err)
		}
	}
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var fault Fault
	if g.Fault != nil {
		fault = g.Fault(r)
	}
	if fault.Rewind > 0 {
		g.Rewind("", fault.Rewind)
	}
	if fault.Cut {
		panic(http.ErrAbortHandler)
	}
	if fault.Status != 0 {
		if fault.RetryAfter != "" {
			w.Header().Set("Retry-After", fault.RetryAfter)
		}
		answer(w, fault.Status, map[string]any{"error": "a fault of the test"})
		return
	}
	status, body := g.serve(r)
	if fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	answer(w, status, body)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who left does not want it
}

func fail(status int, text string, args ...any) (int, any) {
	return status, map[string]any{"error": fmt.Sprintf(text, args...)}
}

func (g *Gateway) serve(r *http.Request) (int, any) {
	channelContext := r.URL.Query().Get("channel")
	channel, err := loglane.ChannelName(channelContext)
	switch {
	case r.URL.Path != g.Prefix+"/api/v1/logs":
		return fail(http.StatusNotFound, "no such page")
	case r.Method != http.MethodPost:
		return fail(http.StatusMethodNotAllowed, "POST")
	case r.Header.Get("Authorization") != "Bearer "+Token:
		return fail(http.StatusUnauthorized, "the token is unknown")
	case err != nil:
		return fail(http.StatusBadRequest, "%v", err)
	case g.Contexts != nil && !slices.Contains(g.Contexts, channelContext):
		return fail(http.StatusForbidden, "the token may not write there")
	case r.Header.Get("Content-Type") != "application/x-ndjson":
		return fail(http.StatusUnsupportedMediaType, "Content-Type")
	}
	body, status := g.body(r)
	if status != 0 {
		return fail(status, "the body")
	}
	if g.Sees != nil {
		g.Sees(r, body)
	}
	p, err := parseProducer(r.Header)
	if err != nil {
		return fail(http.StatusBadRequest, "%v", err)
	}
	g.enter(p.name, 1)
	defer g.enter(p.name, -1)
	return g.store(r.Context(), channel, p, body)
}

// enter counts the requests of a producer, of which one may be in flight.
func (g *Gateway) enter(producer string, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running[producer] += n; g.running[producer] > 1 && !g.Severed {
		g.t.Error("a producer has two requests in flight")
	}
}

func (g *Gateway) body(r *http.Request) (body []byte, status int) {
	limit := g.MaxBytes
	if limit == 0 {
		limit = 1 << 20
	}
	from := io.Reader(r.Body)
	switch r.Header.Get("Content-Encoding") {
	case "":
	case "gzip":
		unzipped, err := gzip.NewReader(from)
		if err != nil {
			return nil, http.StatusBadRequest
		}
		from = unzipped
	default:
		return nil, http.StatusUnsupportedMediaType
	}
	body, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, http.StatusBadRequest
	}
	if len(body) > limit {
		return nil, http.StatusRequestEntityTooLarge
	}
	return body, 0
}

// A producer is what the three headers say.
type producer struct {
	name          string
	seq           uint64
	after, global uint64
}

func parseProducer(h http.Header) (p producer, err error) {
	if !loglane.ValidProducer(h.Get("Producer")) {
		return p, errors.New("Producer")
	}
	sum := sha256.Sum256([]byte(Token + h.Get("Producer")))
	p.name = base64.RawURLEncoding.EncodeToString(sum[:])
	if p.seq, err = strconv.ParseUint(h.Get("Producer-Seq"), 10, 64); err != nil || p.seq == 0 {
		return p, errors.New("Producer-Seq")
	}
	channel, global, _ := strings.Cut(h.Get("Producer-After"), ",")
	if p.after, err = strconv.ParseUint(channel, 10, 64); err != nil {
		return p, errors.New("Producer-After")
	}
	if p.global, err = strconv.ParseUint(global, 10, 64); err != nil {
		return p, errors.New("Producer-After")
	}
	return p, nil
}

type rejection struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

func (g *Gateway) store(ctx context.Context, channel string, p producer, body []byte) (int, any) {
	rejected := []rejection{}
	var lines []loglane.Line
	if len(body) > 0 {
		for i, text := range bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n")) {
			why := ""
			if !json.Valid(text) {
				why = "no JSON"
			} else if g.Reject != nil {
				why = g.Reject(text)
			}
			if why != "" {
				rejected = append(rejected, rejection{i + 1, why})
				continue
			}
			lines = append(lines, loglane.Line{K: p.seq + uint64(i), Record: loglane.NewRecord(text, 0)})
		}
	}
	g.storing.Lock()
	defer g.storing.Unlock()
	receipt, err := g.append(ctx, channel, loglane.Batch{Producer: p.name, After: p.after, Lines: lines})
	global := receipt
	if err == nil && channel != loglane.GlobalChannel {
		global = loglane.Receipt{}
		if !g.NoGlobal {
			global, err = g.append(ctx, loglane.GlobalChannel, loglane.Batch{Producer: p.name, After: p.global, Lines: lines})
		}
	}
	if refused, ok := errors.AsType[*loglane.RefusedError](err); ok {
		return http.StatusConflict, map[string]any{"error": refused.Error(), "channel": loglane.ContextOf(refused.Channel), "after": refused.After}
	}
	if err != nil {
		return fail(http.StatusBadRequest, "%v", err)
	}
	return http.StatusOK, map[string]any{
		"accepted": len(lines), "duplicates": receipt.Duplicates, "rejected": rejected,
		"after": fmt.Sprintf("%d,%d", receipt.K, global.K),
	}
}

func (g *Gateway) append(ctx context.Context, channel string, b loglane.Batch) (loglane.Receipt, error) {
	receipt, err := g.broker.Append(ctx, channel, b)
	if err == nil && len(b.Lines) > 0 {
		g.journal = append(g.journal, entry{channel: channel, batch: b, at: time.Now()})
	}
	return receipt, err
}
