package loglane_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

// The writer serves TLS and HTTP/2 as it serves HTTP/1.
func TestStreamOverRealConnections(t *testing.T) {
	for name, proto := range map[string]int{"HTTP/1": 1, "HTTP/2": 2} {
		t.Run(name, func(t *testing.T) {
			broker, err := loglane.NewMemoryBroker(nil)
			if err != nil {
				t.Fatal(err)
			}
			hub, err := loglane.NewHub(broker, nil)
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewUnstartedServer(hub.Stream(admitAlice, nil))
			server.EnableHTTP2 = proto == 2
			server.StartTLS()
			defer server.Close()
			defer server.Client().CloseIdleConnections()

			response, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }() // read to its end below
			if response.ProtoMajor != proto {
				t.Fatalf("the answer is in %s", response.Proto)
			}
			decoder := sse.NewDecoder(response.Body)
			next := func() sse.Event {
				t.Helper()
				event, err := decoder.Next()
				if err != nil {
					t.Fatal(err)
				}
				return event
			}
			if event := next(); event.Retry < 0 {
				t.Fatalf("the first event is %+v", event)
			}
			if event := next(); event.ID != "0.0.0-0" {
				t.Fatalf("the second event is %+v", event)
			}
			for k := range uint64(3) {
				b := loglane.Batch{Producer: "alpha", Lines: []loglane.Line{{K: k + 1, Record: []byte(`{"message":"x"}`)}}}
				if _, err := broker.Append(t.Context(), aliceChannel, b); err != nil {
					t.Fatal(err)
				}
				if event := next(); textOf(event.Data) != "x" {
					t.Fatalf("line %d is %+v", k, event)
				}
			}
			if err := hub.Close(context.Background()); err != nil {
				t.Errorf("Close: %v", err)
			}
			if event := next(); event.Retry < 0 {
				t.Errorf("before the end comes %+v", event)
			}
			if event := next(); event.Type != "bye" {
				t.Errorf("the last event is %+v", event)
			}
			if _, err := decoder.Next(); err == nil || err.Error() != "EOF" {
				t.Errorf("the stream ends with %v", err)
			}
		})
	}
}
