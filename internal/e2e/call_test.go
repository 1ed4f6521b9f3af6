package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// An answer is a gateway's whole answer.
type answer struct {
	code int
	body string
}

// call asks gateway i with a token; headers are names and values in turn.
func (s *site) call(i int, token, method, path string, body []byte, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url(i)+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for ; len(headers) > 1; headers = headers[2:] {
		req.Header.Set(headers[0], headers[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, string(all)}
}

// A listed is a line as NDJSON has it: of GET /api/v1/logs, the stream and tail -o json.
type listed struct {
	ID, Event string
	Record    map[string]any
	Data      map[string]any
}

// list reads NDJSON.
func (s *site) list(text string) (lines []listed) {
	s.t.Helper()
	for row := range strings.Lines(text) {
		var line listed
		if err := json.Unmarshal([]byte(row), &line); err != nil {
			s.t.Fatalf("%v: %s", err, row)
		}
		lines = append(lines, line)
	}
	return lines
}

// messages returns what the lines say, and faults of what comes beside them.
func (s *site) messages(text string) (messages []string) {
	s.t.Helper()
	for _, line := range s.list(text) {
		if line.Event == "gap" {
			s.t.Errorf("a gap: %v", line.Data)
		}
		if line.Event != "" {
			continue
		}
		message, _ := line.Record["message"].(string)
		messages = append(messages, message)
	}
	return messages
}
