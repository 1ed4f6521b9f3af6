package loglane_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/loglane/loglane"
)

// A server of your own streams each user their lines; who is asking is its business.
func ExampleHub_Stream() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hub, err := loglane.NewHub(broker, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close(context.Background())

	mux := http.NewServeMux()
	mux.Handle("/logs", hub.Stream(func(r *http.Request) (loglane.Grant, error) {
		user, _, ok := r.BasicAuth()
		if !ok {
			return loglane.Grant{}, &loglane.StatusError{Code: http.StatusUnauthorized, Message: "not signed in"}
		}
		channel, err := loglane.DefaultTemplate.Channel(user)
		return loglane.Grant{Channel: channel}, err
	}, nil))
	server := httptest.NewServer(mux)
	defer server.Close()

	_, err = broker.Append(context.Background(), "logs:User.alice", loglane.Batch{
		Producer: loglane.NewProducer(),
		Lines:    []loglane.Line{{K: 1, Record: loglane.NewRecord([]byte("order 17 paid"), 0)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	req, err := http.NewRequest(http.MethodGet, server.URL+"/logs", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.SetBasicAuth("alice", "")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if data := lines.Text(); len(data) > 5 && data[:5] == "data:" {
			fmt.Println(data)
			break
		}
	}
	// Output: data: {"message":"order 17 paid"}
}

// A name becomes a channel: two spellings of one name are one channel, and no name can
// reach another's keys.
func ExampleTemplate_Channel() {
	for _, name := range []string{"alice", "zoë", "zoe\u0308", "a b{c}"} {
		channel, err := loglane.DefaultTemplate.Channel(name)
		fmt.Println(channel, err)
	}
	// Output:
	// logs:User.alice <nil>
	// logs:User.zoë <nil>
	// logs:User.zoë <nil>
	// logs:User.a%20b%7Bc%7D <nil>
}

// The same callers may look through what is stored.
func ExampleHub_History() {
	broker, err := loglane.NewMemoryBroker(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	hub, err := loglane.NewHub(broker, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer hub.Close(context.Background())
	history := hub.History(func(*http.Request) (loglane.Grant, error) {
		return loglane.Grant{Channel: "logs:User.alice"}, nil
	}, nil)

	batch := loglane.Batch{Producer: loglane.NewProducer()}
	for k, text := range []string{"order 17 paid", "order 18 failed", "order 19 paid"} {
		batch.Lines = append(batch.Lines, loglane.Line{K: uint64(k + 1), Record: loglane.NewRecord([]byte(text), 0)})
	}
	if _, err := broker.Append(context.Background(), "logs:User.alice", batch); err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	history.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/logs?q=paid&since=10m&format=text", nil))
	fmt.Print(w.Body)
	// Output:
	// order 17 paid
	// order 19 paid
}
