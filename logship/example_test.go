package logship_test

import (
	"context"
	"fmt"
	"log/slog"
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
