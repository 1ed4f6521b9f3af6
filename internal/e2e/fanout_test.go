package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/loglane/loglane"
)

// BenchmarkFanOut writes lines to one channel that 100 viewers watch over HTTP. One
// operation is one line, from Append to 100 sockets; the publisher stays within the ring,
// so that no viewer has to read from the history.
func BenchmarkFanOut(b *testing.B) {
	fanOut(b, "", fmt.Appendf(nil, `{"message":"%0100d"}`, 0))
}

// BenchmarkFanOutOfAView is the same with a member that the viewers do not see.
func BenchmarkFanOutOfAView(b *testing.B) {
	fanOut(b, "&see=message", fmt.Appendf(nil, `{"message":"%0100d","secret":"%010d"}`, 0, 0))
}

func fanOut(b *testing.B, query string, record []byte) {
	const viewers, burst = 100, 500
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		b.Fatal(err)
	}
	url, _, _ := serveHub(b, broker, nil)
	ctx, cancel := context.WithCancel(b.Context())
	var reading sync.WaitGroup
	caughtUp := make(chan struct{}, viewers)
	for range viewers {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"?channel=User.alice&backlog=0"+query, nil)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		reading.Go(func() {
			defer resp.Body.Close()
			buffer, lines := make([]byte, 64<<10), 0
			for {
				n, err := resp.Body.Read(buffer)
				for _, c := range buffer[:n] {
					if c != '{' {
						continue
					}
					if lines++; lines%burst == 0 || lines == b.N {
						caughtUp <- struct{}{}
					}
				}
				if err != nil {
					return
				}
			}
		})
	}
	producer := loglane.NewProducer()
	b.SetBytes(int64(viewers * len(record)))
	b.ReportAllocs()
	b.ResetTimer()
	for k := 0; k < b.N; {
		batch := loglane.Batch{Producer: producer}
		for ; k < b.N && len(batch.Lines) < 10; k++ {
			batch.Lines = append(batch.Lines, loglane.Line{K: uint64(k + 1), Record: record})
		}
		if _, err := broker.Append(ctx, "logs:User.alice", batch); err != nil {
			b.Fatal(err)
		}
		if k%burst == 0 || k == b.N {
			for range viewers {
				<-caughtUp
			}
		}
	}
	b.StopTimer()
	cancel()
	reading.Wait()
}
