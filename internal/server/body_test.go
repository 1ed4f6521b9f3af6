package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Who promises a body and sends none is answered all the same, on every route, and let go.
func TestAWithheldBodyHoldsNothing(t *testing.T) {
	g := newGateway(t, func(s *setup) { s.SetReadTime(100 * time.Millisecond) })
	cookie := g.as("alice").cookies[0]
	for _, c := range []struct {
		request, header string
		want            int
	}{
		{"POST /nope", "", 404},
		{"GET /nope", "", 404},
		{"PUT /login", "", 405},
		{"POST /login", "Sec-Fetch-Site: cross-site\r\n", 403},
		{"POST /login", "Content-Type: application/x-www-form-urlencoded\r\n", 400},
		{"POST /logout", "", 303},
		{"GET /healthz", "", 200},
		{"GET /assets/app-abc123.js", "", 200},
		{"POST /api/v1/stream", "", 405},
		{"GET /api/v1/stream", "", 400},
		{"GET /api/v1/stream", "Cookie: " + cookie.Name + "=" + cookie.Value + "\r\n", 400},
	} {
		for _, length := range []string{"Content-Length: 10", "Transfer-Encoding: chunked"} {
			conn, err := net.Dial("tcp", g.Listener.Addr().String())
			must(t, err)
			defer conn.Close()
			must(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
			_, err = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n\r\n", c.request, g.Listener.Addr(), c.header, length)
			must(t, err)
			reader := bufio.NewReader(conn)
			answer, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Errorf("%s, %s: no answer: %v", c.request, length, err)
				continue
			}
			_, err = io.Copy(io.Discard, answer.Body)
			if _, end := reader.ReadByte(); answer.StatusCode != c.want || err != nil || end != io.EOF {
				t.Errorf("%s, %s: %d, want %d; then %v, %v", c.request, length, answer.StatusCode, c.want, err, end)
			}
		}
	}
}

// The bound of a body must not end what comes over the connection later.
func TestTheBoundOfABodyEndsNoStream(t *testing.T) {
	for _, tls := range []bool{false, true} {
		g := newGateway(t, func(s *setup) {
			s.tls = tls
			s.SetReadTime(50 * time.Millisecond)
		})
		alice := g.as("alice") // a form, over the connection that the stream takes next
		v := alice.open("api/v1/stream")
		v.until("id: ")
		<-time.After(200 * time.Millisecond)
		publish(t, g, "logs:User.alice", "still there")
		v.until("still there")
	}
}
