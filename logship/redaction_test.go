package logship_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// account hides nothing of itself; secretive resolves to what does not.
type (
	account   struct{ Name, Password string }
	secretive struct{}
	spoken    struct{}
)

func (secretive) LogValue() slog.Value {
	return slog.GroupValue(slog.String("name", "al"), slog.Group("inner", slog.String("apiKey", "CANARY")))
}
func (spoken) String() string { return "password=CANARY" }

// However a program logs a secret, it does not leave the process.
func TestSecretsAreTakenOut(t *testing.T) {
	ctx := logship.WithUser(t.Context(), "alice")
	b := newBroker(t)
	var own bytes.Buffer
	h := newHandler(t, b, logship.Options{Next: slog.NewTextHandler(&own, nil), MaxLine: 1 << 10})
	log := slog.New(h)
	token := "ghp_CANARY7890123456789012345678901234"
	calls := []func(){
		func() { log.InfoContext(ctx, "a", "password", "CANARY") },
		func() {
			log.InfoContext(ctx, "a", slog.Group("db", slog.String("Password", "CANARY"), slog.Int("port", 1)))
		},
		func() { log.With("session", "CANARY").WithGroup("g").InfoContext(ctx, "a", "access-token", "CANARY") },
		func() { log.InfoContext(ctx, "a", slog.Group("cookie", slog.String("a", "CANARY"))) },
		func() { log.InfoContext(ctx, "a", "v", secretive{}) },
		func() { log.InfoContext(ctx, "a", "v", spoken{}) },
		func() {
			log.InfoContext(ctx, "a", "error", fmt.Errorf("dial: %w", errors.New("redis://:CANARY@host refused")))
		},
		func() { log.InfoContext(ctx, "a", "list", []any{1, map[string]any{"secret": "CANARY"}, token}) },
		func() { log.InfoContext(ctx, "a", "account", account{"al", "CANARY"}) },
		func() { log.InfoContext(ctx, fmt.Sprintf("%+v", account{"al", "CANARY"})) },
		func() {
			log.InfoContext(ctx, "a", "header", http.Header{"Authorization": {"Bearer CANARY"}, "Set-Cookie": {"a=CANARY"}})
		},
		func() { log.InfoContext(ctx, "used "+token) },
		func() { log.InfoContext(ctx, "a", token, 1) },
		func() { log.InfoContext(ctx, strings.Repeat("x", 960)+" "+token) }, // the cut goes through it
		func() { write(t, logship.NewWriter(ctx, h, nil), `{"msg":"a","p\u0061ssword":"CANARY"}`+"\n") },
		func() { write(t, logship.NewWriter(ctx, h, nil), "Authorization: Bearer CANARY\n") },
		func() { write(t, logship.NewWriter(ctx, h, nil), strings.Repeat("x", 950)+" "+token+"\n") },
	}
	for _, call := range calls {
		call()
	}
	flush(t, h)
	for _, channel := range []string{"logs:User.alice", loglane.GlobalChannel} {
		records := raw(t, b, channel)
		if len(records) != len(calls) {
			t.Fatalf("%d records in %s, want %d", len(records), channel, len(calls))
		}
		for _, record := range records {
			if strings.Contains(record, "CANARY") || !strings.Contains(record, "[redacted]") && !strings.Contains(record, "[cut") {
				t.Errorf("stored: %s", record)
			}
		}
	}
	if n := h.Stats().Redacted; n != uint64(len(calls))+3 {
		t.Errorf("%d secrets are counted", n)
	}
	if !strings.Contains(own.String(), "password=CANARY") {
		t.Error("the program's own output has been changed")
	}
}

func write(t *testing.T, w *logship.Writer, text string) {
	t.Helper()
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestRedactionAsTheProgramWantsIt(t *testing.T) {
	ctx := logship.WithUser(t.Context(), "alice")
	for name, c := range map[string]struct {
		redaction *logship.Redaction
		want      string
		counted   uint64
		told      string
	}{
		"by default":   {nil, `"attrs":{"pin":1,"token":"[redacted]","customer":"cust-12"}`, 1, ""},
		"off":          {&logship.Redaction{Off: true, Keys: []string{"pin"}}, `"attrs":{"pin":1,"token":"t","customer":"cust-12"}`, 0, ""},
		"keys":         {&logship.Redaction{Keys: []string{"PIN", "-token"}}, `"attrs":{"pin":"[redacted]","token":"t","customer":"cust-12"}`, 1, ""},
		"wrong keys":   {&logship.Redaction{Keys: []string{"", "pin", "-user"}}, `"attrs":{"pin":"[redacted]","token":"[redacted]","customer":"cust-12"}`, 2, "-user"},
		"patterns":     {&logship.Redaction{Patterns: []*regexp.Regexp{regexp.MustCompile(`cust-\d+`)}}, `"attrs":{"pin":1,"token":"[redacted]","customer":"[redacted]"}`, 2, ""},
		"just nothing": {&logship.Redaction{}, `"attrs":{"pin":1,"token":"[redacted]","customer":"cust-12"}`, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker(t)
			var told bytes.Buffer
			h := newHandler(t, b, logship.Options{Redact: c.redaction, ErrorLog: slog.New(slog.NewTextHandler(&told, nil))})
			slog.New(h).InfoContext(ctx, "a", "pin", 1, "token", "t", "customer", "cust-12")
			flush(t, h)
			if records := raw(t, b, "logs:User.alice"); len(records) != 1 || !strings.Contains(records[0], c.want) {
				t.Errorf("%s, want %s", records, c.want)
			}
			if n := h.Stats().Redacted; n != c.counted {
				t.Errorf("%d are counted, want %d", n, c.counted)
			}
			if c.told == "" && told.Len() > 0 || !strings.Contains(told.String(), strings.TrimPrefix(c.told, "-")) {
				t.Errorf("told: %s", &told)
			}
		})
	}
}

func BenchmarkHandleWithoutRedaction(b *testing.B) {
	h := newHandler(b, discard{}, logship.Options{QueueLines: 1 << 30, QueueBytes: 1 << 40, Redact: &logship.Redaction{Off: true}})
	log := slog.New(h)
	benchHandle(b, log)
}

func BenchmarkHandleWithASecret(b *testing.B) {
	h := newHandler(b, discard{}, logship.Options{QueueLines: 1 << 30, QueueBytes: 1 << 40})
	benchHandle(b, slog.New(h).With("token", "abc"))
}
