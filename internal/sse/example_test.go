package sse_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/loglane/loglane/internal/sse"
)

func Example() {
	b := sse.AppendRetry(nil, 3000)
	b = sse.AppendEvent(b, "", "7.1.17-0", []byte("first\nsecond"))
	b = sse.AppendEvent(b, "gap", "7.9.42-0", []byte(`{"missed":7}`))
	b = sse.AppendComment(b, "keepalive")
	os.Stdout.Write(b)
	// Output:
	// retry: 3000
	//
	// id: 7.1.17-0
	// data: first
	// data: second
	//
	// event: gap
	// id: 7.9.42-0
	// data: {"missed":7}
	//
	// : keepalive
}

func ExampleDecoder() {
	d := sse.NewDecoder(strings.NewReader("retry: 3000\n\nid: 1\ndata: a\ndata: b\n\nid: 2\n\n: keepalive\n\n"))
	d.OnComment = func(text string) { fmt.Println("comment", text) }
	for {
		event, err := d.Next()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %q id %q retry %s\n", event.Type, event.Data, event.ID, event.Retry)
	}
	// Output:
	// message "" id "" retry 3s
	// message "a\nb" id "1" retry -1ns
	// message "" id "2" retry -1ns
	// comment keepalive
	// EOF
}
