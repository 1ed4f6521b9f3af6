package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

var encodings = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip": func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"zstd": func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) },
}

func encoded(t *testing.T, encoding string, body []byte) []byte {
	t.Helper()
	if encoding == "" {
		return body
	}
	var out bytes.Buffer
	w, err := encodings[encoding](&out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestCollectors sends what Fluent Bit and Vector send by default, with a bad record in the
// middle: the history then has the others, as they were sent.
func TestCollectors(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	writes, root := s.writes("job_*"), s.reads("root", "--role", "admin")
	for i, c := range []struct{ file, contentType, between, with string }{
		{"fluentbit.json", "application/json", "},{", `},{"log":nope},{`},
		{"fluentbit.jsonl", "application/json", "}\n{", "}\n{\"log\":nope}\n{"},
		{"fluentbit.stream", "application/json", "}{", `}{"log":nope}{`},
		{"vector.json", "application/json", "},{", `},null,{`},
		{"vector.jsonl", "application/x-ndjson", "}\n{", "}\n{\"message\":\"cut\n{"},
	} {
		whole, err := os.ReadFile(filepath.Join("../ingest/testdata", c.file))
		if err != nil {
			t.Fatal(err)
		}
		body := []byte(strings.Replace(string(whole), c.between, c.with, 1))
		for _, encoding := range []string{"", "gzip", "zstd"} {
			channel := fmt.Sprintf("job_%d%s", i, encoding)
			headers := []string{"Content-Type", c.contentType}
			if encoding != "" {
				headers = append(headers, "Content-Encoding", encoding)
			}
			a := s.call(0, writes, "POST", "api/v1/logs?channel="+channel, encoded(t, encoding, body), headers...)
			if a.code != 200 || !strings.HasPrefix(a.body, `{"accepted":3,"rejected":[{"line":2,"error":"`) || strings.Count(a.body, `"line"`) != 1 {
				t.Errorf("%s, %q: %d %s", c.file, encoding, a.code, a.body)
			}
			a = s.call(0, root, "GET", "api/v1/logs?channel="+channel, nil)
			if a.code != 200 {
				t.Fatalf("%s, %q: the history: %d %s", c.file, encoding, a.code, a.body)
			}
			var got []map[string]any
			for _, line := range s.list(a.body) {
				if line.Event != "" {
					continue
				}
				if line.Record["context"] != channel {
					t.Errorf("%s, %q: the context is %v", c.file, encoding, line.Record["context"])
				}
				delete(line.Record, "context")
				got = append(got, line.Record)
			}
			if want := records(t, whole); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %q: the history has\n%v, and not\n%v", c.file, encoding, got, want)
			}
		}
	}
}

// records reads an array of JSON objects, or those that follow each other.
func records(t *testing.T, body []byte) (all []map[string]any) {
	t.Helper()
	if body[0] == '[' {
		if err := json.Unmarshal(body, &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	for decoder := json.NewDecoder(bytes.NewReader(body)); ; {
		var one map[string]any
		err := decoder.Decode(&one)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
}

// TestBombs sends gibibytes of zeros, compressed: one after the other, and then many at
// once. A gateway reads 16 bodies at once, each of 8 MiB at most.
func TestBombs(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1)
	tokens := []string{s.writes("job_*"), s.writes("job_2")} // one has half of the 16
	bombs := map[string][]byte{}
	for encoding := range encodings {
		bombs[encoding] = bytes.Repeat(encoded(t, encoding, make([]byte, 16<<20)), 64)
	}
	begin := s.memory(0)
	for _, c := range []struct{ atOnce, most int }{{1, 64 << 10}, {24, 192 << 10}} { // KiB more
		for encoding, bomb := range bombs {
			var posting sync.WaitGroup
			for i := range c.atOnce {
				posting.Go(func() {
					a := s.call(0, tokens[i%2], "POST", "api/v1/logs?channel=job_2", bomb, "Content-Encoding", encoding)
					if a.code != 413 || !strings.Contains(a.body, "max-ingest-bytes") {
						t.Errorf("%s: %d %s", encoding, a.code, a.body)
					}
				})
			}
			posting.Wait()
			more := s.memory(0) - begin
			t.Logf("%s, %d at once: %d KiB resident more than the %d before", encoding, c.atOnce, more, begin)
			if more > c.most {
				t.Errorf("%s: %d bombs at once took %d KiB more than the %d before, at most %d are promised", encoding, c.atOnce, more, begin, c.most)
			}
		}
	}
	if n := s.kept("job_2"); n != 0 {
		t.Errorf("%d lines of bombs are stored", n)
	}
	if a := s.call(0, tokens[0], "POST", "api/v1/logs?channel=job_1", []byte("a line")); a.code != 200 {
		t.Errorf("and then: %d %s", a.code, a.body)
	}
}

// memory is the most that gateway i had resident so far, in KiB, or 0 where nobody says.
func (s *site) memory(i int) (kib int) {
	s.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.gateways[i].cmd.Process.Pid))
	if os.IsNotExist(err) {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, err = strconv.Atoi(strings.Fields(after + " -")[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return kib
}
