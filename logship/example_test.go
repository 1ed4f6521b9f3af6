package logship_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
)

// withoutTime makes the examples' output the same each time.
func withoutTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func printChannel(broker loglane.Broker, channel string) {
	page, err := broker.Read(context.Background(), channel, loglane.Oldest(), 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range page.Entries {
		fmt.Printf("%s: %s\n", channel, entry.Data)
	}
}

func Example() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, &logship.Options{ReplaceAttr: withoutTime})
	log := slog.New(handler)

	ctx := logship.WithUser(context.Background(), "alice")
	log.InfoContext(ctx, "cart changed", "items", 3)

	ending, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := handler.Shutdown(ending); err != nil {
		fmt.Println(err)
	}
	printChannel(broker, "logs:User.alice")
	printChannel(broker, "logs:global")
	// Output:
	// logs:User.alice: {"message":"cart changed","level":"INFO","context":"User.alice","attrs":{"items":3}}
	// logs:global: {"message":"cart changed","level":"INFO","context":"User.alice","attrs":{"items":3}}
}

// A program keeps its own output beside the channels.
func ExampleOptions_next() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, &logship.Options{
		Next: slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}),
	})
	defer handler.Shutdown(context.Background())

	slog.New(handler).With("shop", 7).Info("open")
	// Output:
	// level=INFO msg=open shop=7
}

// All lines of one job stand in one channel: WithJob is called once for it.
func ExampleWithJob() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, nil)
	log := slog.New(handler)

	ctx := logship.WithJob(context.Background())
	for step := range 3 {
		log.InfoContext(ctx, "importing", "step", step)
	}
	if err := handler.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	channel, err := loglane.ChannelName(handler.Context(ctx))
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := broker.Read(context.Background(), channel, loglane.Oldest(), 100)
	fmt.Println(len(page.Entries), err)
	// Output: 3 <nil>
}

// A job channel for each line is the trap: nobody can follow such a job.
func ExampleWithJob_incorrect() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, nil)
	defer handler.Shutdown(context.Background())

	ctx := context.Background()
	first := handler.Context(logship.WithJob(ctx))
	second := handler.Context(logship.WithJob(ctx))
	fmt.Println(first == second)
	// Output: false
}

// A program that does not reach the gateway's Redis sends its lines to the gateway.
func ExampleNewGateway() {
	gateway, err := logship.NewGateway("https://logs.example.com/", &logship.GatewayOptions{
		Token: os.Getenv("LOGLANE_TOKEN"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gateway.Close()
	handler := logship.NewHandler(gateway, nil)
	defer handler.Shutdown(context.Background())

	slog.New(handler).InfoContext(logship.WithUser(context.Background(), "alice"), "cart changed")
	// Output:
	// logship: GatewayOptions.Token and TokenFile are missing: give one, 'loglane token create --scope write' prints a token
}

// Lines of JSON keep their members, and one of them says whose line it is.
func ExampleNewWriter() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, nil)
	w := logship.NewWriter(context.Background(), handler, &logship.WriterOptions{UserKey: "user"})

	fmt.Fprintln(w, `{"level":"warn","time":"2026-05-04T09:00:00Z","message":"cart is full","user":"alice"}`)

	if err := handler.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	printChannel(broker, "logs:User.alice")
	// Output:
	// logs:User.alice: {"level":"warn","time":"2026-05-04T09:00:00Z","message":"cart is full","user":"alice","context":"User.alice"}
}

// What package log prints while a request is served goes to its user.
func ExampleNewWriter_log() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, nil)

	ctx := logship.WithUser(context.Background(), "alice")
	w := logship.NewWriter(ctx, handler, nil)
	log.New(w, "", 0).Print("cart changed")

	if err := handler.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	page, err := broker.Read(context.Background(), "logs:User.alice", loglane.Oldest(), 100)
	fmt.Println(len(page.Entries), err)
	// Output: 1 <nil>
}

// Each request's lines go to the user who is signed in.
func ExampleMiddleware() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := logship.NewHandler(broker, &logship.Options{ReplaceAttr: withoutTime})
	shop := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		slog.New(handler).InfoContext(r.Context(), "cart changed")
	})
	user := func(r *http.Request) string {
		name, _, _ := r.BasicAuth() // here, what the program's own login says
		return name
	}

	request := httptest.NewRequest("POST", "/cart", nil)
	request.SetBasicAuth("alice", "")
	logship.Middleware(shop, user).ServeHTTP(httptest.NewRecorder(), request)

	if err := handler.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	printChannel(broker, "logs:User.alice")
	// Output:
	// logs:User.alice: {"message":"cart changed","level":"INFO","context":"User.alice"}
}
