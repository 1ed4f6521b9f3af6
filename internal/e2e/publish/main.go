// Command publish logs coloured, numbered lines for one user through logship to a Redis,
// and ends once all of them are acknowledged; SIGTERM lets it end early. Its output is
// the number of the last line. It is for the tests of the whole program
// in a browser, web/e2e, and for nothing else.
//
//	publish --redis-url redis://127.0.0.1:6379/0 --user alice --first 1 --count 100 --rate 50
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/logship"
	"github.com/loglane/loglane/redisbroker"
)

// flushTime is how long the acknowledgements may take at the end.
const flushTime = 60 * time.Second

type settings struct {
	redisURL, user, message string
	first, count, rate      int
	keep                    int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	last, err := publish(ctx, parse())
	if err != nil {
		fmt.Fprintln(os.Stderr, "publish:", err)
		os.Exit(1)
	}
	fmt.Println("last", last)
}

func parse() (s settings) {
	flag.StringVar(&s.redisURL, "redis-url", "", "Redis to publish to")
	flag.StringVar(&s.user, "user", "", "whose lines they are")
	flag.IntVar(&s.first, "first", 1, "number of the first line")
	flag.IntVar(&s.count, "count", 1, "how many lines")
	flag.IntVar(&s.rate, "rate", 0, "lines a second; 0 is as fast as they can be logged")
	flag.StringVar(&s.message, "message", "line", "what a line says before its number, in green")
	flag.IntVar(&s.keep, "history-lines", 0, "lines that the channel keeps; 0 is the default")
	flag.Parse()
	return s
}

func publish(ctx context.Context, s settings) (last int, err error) {
	broker, err := redisbroker.New(redisbroker.Options{
		URL: s.redisURL, ClientName: "publish", Retention: loglane.Retention{Lines: s.keep},
	})
	if err != nil {
		return 0, err
	}
	handler := logship.NewHandler(broker, &logship.Options{QueueLines: s.count + 1, Logger: "publish"})
	last = logLines(logship.WithUser(ctx, s.user), slog.New(handler), s)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	return last, errors.Join(handler.Shutdown(ending), broker.Close(ending))
}

// logLines returns the number of the last line, which is not the one asked for when ctx
// ends before.
func logLines(ctx context.Context, log *slog.Logger, s settings) (last int) {
	var pace <-chan time.Time
	if s.rate > 0 {
		ticker := time.NewTicker(time.Second / time.Duration(s.rate))
		defer ticker.Stop()
		pace = ticker.C
	}
	for n := s.first; n < s.first+s.count; n++ {
		if pace != nil && n > s.first {
			select {
			case <-pace:
			case <-ctx.Done():
				return n - 1
			}
		}
		log.InfoContext(ctx, fmt.Sprintf("\x1b[32m%s\x1b[0m %d", s.message, n), "n", n)
	}
	return s.first + s.count - 1
}
