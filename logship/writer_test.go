package logship_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// raw returns the records of a channel without their timestamps, which it wants to be
// there.
func raw(t testing.TB, b *loglane.MemoryBroker, channel string) []string {
	t.Helper()
	page, err := b.Read(context.Background(), channel, loglane.Oldest(), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range page.Entries {
		text := string(e.Data)
		if i := strings.Index(text, `"timestamp":"20`); i >= 0 {
			end := i + strings.Index(text[i:], ",") + 1
			text = text[:i] + text[end:]
		}
		list = append(list, text)
	}
	return list
}

func TestWriterRecords(t *testing.T) {
	for _, tt := range []struct {
		name, line, want string
	}{
		{"text", "it works", `{"message":"it works","level":"INFO",CONTEXT}`},
		{"nothing", "", `{"message":"","level":"INFO",CONTEXT}`},
		{"CRLF", "it works\r", `{"message":"it works","level":"INFO",CONTEXT}`},
		{"invalid UTF-8", "caf\xe9 \"<b>\"", `{"message":"caf` + "\uFFFD" + ` \"<b>\"","level":"INFO",CONTEXT}`},
		{"zap", `{"level":"warn","ts":1.5,"caller":"x.go:1","msg":"slow","took":{"ms":[1,2]}}`,
			`{"level":"warn","ts":1.5,"caller":"x.go:1","msg":"slow","took":{"ms":[1,2]},CONTEXT}`},
		{"zerolog", ` { "level" : "error", "time":"2026-05-04T09:00:00Z", "message":"a, \"b\" }" } `,
			`{"level":"error","time":"2026-05-04T09:00:00Z","message":"a, \"b\" }",CONTEXT}`},
		{"an unknown level", `{"level":"odd","message":"x"}`, `{"level":"odd","message":"x",CONTEXT}`},
		{"another's context", `{"message":"x","context":"User.bob","c\u006fntext":"global","_ll":"1 x","\u005fll2":3}`, `{"message":"x","level":"INFO",CONTEXT}`},
		{"an empty object", `{}`, `{"level":"INFO",CONTEXT}`},
		{"half an object", `{"a":1`, `{"message":"{\"a\":1","level":"INFO",CONTEXT}`},
		{"more than an object", `{"a":1} 2`, `{"message":"{\"a\":1} 2","level":"INFO",CONTEXT}`},
		{"another value", `[1,"2"]`, `{"message":"[1,\"2\"]","level":"INFO",CONTEXT}`},
	} {
		sink := newSink(t)
		h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
		w := logship.NewWriter(logship.WithUser(t.Context(), "alice"), h, nil)
		if n, err := w.Write([]byte(tt.line + "\n")); n != len(tt.line)+1 || err != nil {
			t.Errorf("%s: Write returns %d, %v", tt.name, n, err)
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(tt.want, "CONTEXT", `"context":"User.alice"`)
		if got := raw(t, sink.MemoryBroker, aliceChannel); len(got) != 1 || got[0] != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, want)
		}
	}
}

// The handler's options count: the threshold, the level for the global channel, and the
// members that a line leaves open.
func TestWriterOptions(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: slog.LevelWarn, Level: slog.LevelInfo, Logger: "shop", Pod: "p-1"})
	w := logship.NewWriter(logship.WithUser(t.Context(), "alice"), h, &logship.WriterOptions{Level: slog.LevelWarn})
	if _, err := fmt.Fprint(w, "text\n{\"level\":20,\"msg\":\"hidden\"}\n{\"level\":\"info\",\"msg\":\"own\",\"name\":\"x\",\"pod\":\"y\"}\n"); err != nil {
		t.Fatal(err)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := `{"message":"text","level":"WARN","logger":"shop","pod":"p-1","context":"User.alice"}`
	own := `{"level":"info","msg":"own","name":"x","pod":"y","context":"User.alice"}`
	if got := raw(t, sink.MemoryBroker, aliceChannel); !slices.Equal(got, []string{text, own}) {
		t.Errorf("alice has %s", got)
	}
	if got := raw(t, sink.MemoryBroker, loglane.GlobalChannel); !slices.Equal(got, []string{text}) {
		t.Errorf("the global channel has %s", got)
	}
}

// A member may say whose line it is, and nobody else's lines are there.
func TestWriterUserKey(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{})
	job := logship.WithJob(t.Context())
	w := logship.NewWriter(job, h, &logship.WriterOptions{UserKey: "user"})
	for range 100 {
		for _, line := range []string{
			`{"m":1,"user":"alice"}`, `{"m":2,"user":42}`, `{"m":3}`, `{"m":4,"user":null}`, `{"m":5,"user":["bob"]}`, `{"user":"alice","us\u0065r":"bob"}`, `user=alice`, `{"m":6,"user":"` + strings.Repeat("n", 300) + `"}`,
		} {
			if _, err := w.Write([]byte(line + "\n")); err != nil {
				t.Fatal(err)
			}
		}
		flush(t, h)
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for channel, want := range map[string]int{
		aliceChannel: 100, "logs:User.42": 100, loglane.ChannelPrefix + h.Context(job): 5 * 100,
	} {
		if n := len(raw(t, sink.MemoryBroker, channel)); n != want {
			t.Errorf("%s has %d lines, want %d", channel, n, want)
		}
	}
	if s := h.Stats(); s.Misnamed != 100 {
		t.Errorf("stats %+v", s)
	}
}

// However many users there are, each line is its user's.
func TestWriterManyUsers(t *testing.T) {
	const users = 3000
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
	w := logship.NewWriter(t.Context(), h, &logship.WriterOptions{UserKey: "user"})
	for i := range 2 * users {
		if _, err := fmt.Fprintf(w, "{\"message\":\"x %d\",\"user\":\"u%d\"}\n", i/users, i%users); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range users {
		wantMessages(t, sink.MemoryBroker, fmt.Sprint("logs:User.u", i), []string{"x 0", "x 1"})
	}
}

// Lines in pieces, and a last one without its end.
func TestWriterPieces(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
	w := logship.NewWriter(logship.WithUser(t.Context(), "alice"), h, nil)
	for _, piece := range []string{"o", "ne\ntwo\nth", "", "ree\n\nfi", "ve"} {
		if _, err := w.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"one", "two", "three", ""}
	flush(t, h)
	wantMessages(t, sink.MemoryBroker, aliceChannel, want)
	for range 2 {
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	wantMessages(t, sink.MemoryBroker, aliceChannel, append(want, "five"))
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write([]byte("late\n")); n != 0 || !errors.Is(err, logship.ErrShutdown) {
		t.Errorf("Write after the end returns %d, %v", n, err)
	}
}

// A line without an end does not fill the memory, and says how long it was.
func TestWriterLongLines(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff, MaxLine: loglane.MinMaxLine})
	w := logship.NewWriter(logship.WithUser(t.Context(), "alice"), h, nil)
	write := func(text string, times int) {
		for range times {
			if _, err := w.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("é", 50_000)
	write("\n", 1)
	write("short\n", 1)
	write(strings.Repeat("z", 1500)+"\n", 1)
	write(`{"message":"`+strings.Repeat("y", 2000)+`","level":"ERROR"}`+"\n", 1)
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := stored(t, sink.MemoryBroker, aliceChannel)
	if len(got) != 4 || got[1].Message != "short" || got[3].Level != "ERROR" {
		t.Fatalf("%.300v", got)
	}
	for i, end := range map[int]string{0: "é… [cut, the line had 100000 bytes]", 2: "z… [cut, the line had 1500 bytes]", 3: "y… [cut, the record had "} {
		if !strings.Contains(got[i].Message, end) && !strings.Contains(got[i].Message, "… [cut, the record had ") || got[i].Context != "User.alice" {
			t.Errorf("line %d is %+v", i, got[i])
		}
	}
}

func TestWriterConcurrent(t *testing.T) {
	sink := newSink(t)
	h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff})
	out := log.New(logship.NewWriter(logship.WithUser(t.Context(), "alice"), h, nil), "", 0)
	var running sync.WaitGroup
	for g := range 8 {
		running.Go(func() {
			for i := range 200 {
				out.Printf("%d/%d", g, i)
			}
		})
	}
	running.Wait()
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := make(map[string]bool)
	for _, m := range messages(t, sink.MemoryBroker, aliceChannel) {
		got[m] = true
	}
	if len(got) != 8*200 {
		t.Errorf("%d different lines", len(got))
	}
}

// Sync does not wait for ever for a sink that is away, and Write not at all.
func TestWriterDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := newSink(t)
		sink.setFault(func(context.Context, string, loglane.Batch) (error, error) { return errDown, nil })
		h := newHandler(t, sink, logship.Options{QueueLines: 3})
		w := logship.NewWriter(t.Context(), h, nil)
		start := time.Now()
		for range 100 {
			if _, err := w.Write([]byte("x\n")); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("Write waited %v", took)
		}
		if err := w.Sync(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("Sync: %v after %v", err, time.Since(start))
		}
	})
}

// Whatever is written, however it is cut into pieces: each line is one record that is
// JSON, has its line's context, and nothing that only Loglane may write.
func FuzzWriter(f *testing.F) {
	for _, seed := range []string{
		"", "a\nb", "\n\n", `{"a":{"b":[1,"}"]},"msg":"x\n"}`, "{\"_ll\":1}\n{", "\xff\n{\"\xff\":\"\xff\"}\n", `{"context":1,"context":{}}`, "{\"level\":\"x\",\"time\":0}\r\n", `{"user":"` + "bob\"}\n",
	} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		sink := newSink(t)
		h := newHandler(t, sink, logship.Options{Global: logship.GlobalOff, QueueLines: 100_000, Level: slog.Level(-1_000_000), MaxLine: loglane.MinMaxLine})
		w := logship.NewWriter(logship.WithUser(t.Context(), "alice"), h, nil)
		for p := range slices.Chunk(data, int(piece)+1) {
			if n, err := w.Write(p); n != len(p) || err != nil {
				t.Fatalf("Write returns %d, %v", n, err)
			}
		}
		if err := errors.Join(w.Close(), h.Shutdown(t.Context())); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(data, []byte("\n"))
		if len(data) > 0 && data[len(data)-1] != '\n' {
			lines++
		}
		page, err := sink.Read(t.Context(), aliceChannel, loglane.Oldest(), 1_000_000)
		if err != nil || len(page.Entries) != lines {
			t.Fatalf("%d records of %d lines, %v", len(page.Entries), lines, err)
		}
		for _, e := range page.Entries {
			wantWriterRecord(t, e.Data)
		}
	})
}

func wantWriterRecord(t *testing.T, data []byte) {
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil || !utf8.Valid(data) || len(data) > loglane.MinMaxLine || bytes.Contains(data, []byte("\n")) {
		t.Fatalf("the record %q: %v", data, err)
	}
	if members["context"] != "User.alice" {
		t.Errorf("the record %q has another context", data)
	}
	for name := range maps.Keys(members) {
		if strings.HasPrefix(name, "_ll") {
			t.Errorf("the record %q has a member of Loglane's own", data)
		}
	}
}
