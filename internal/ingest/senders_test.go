package ingest_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/loglane/loglane/internal/ingest"
)

// A sender's body as its documentation says that it comes, with its three records.
var senders = []struct {
	file, contentType string
	between           string // what stands between two records
}{
	{"fluentbit.json", "application/json", "},{"},
	{"fluentbit.jsonl", "application/json", "}\n{"},
	{"fluentbit.jsonl", "application/x-ndjson", "}\n{"},
	{"fluentbit.stream", "application/json", "}{"},
	{"vector.json", "application/json", "},{"},
	{"vector.jsonl", "application/x-ndjson", "}\n{"},
}

var encoders = map[string]func(t *testing.T, b []byte) []byte{
	"":     func(_ *testing.T, b []byte) []byte { return b },
	"gzip": gzipped,
	"zstd": zstandard,
}

func gzipped(t *testing.T, b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write(b)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func zstandard(t *testing.T, b []byte) []byte {
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out)
	must(t, err)
	_, err = w.Write(b)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func TestWhatCollectorsSendByDefault(t *testing.T) {
	for _, s := range senders {
		body, err := os.ReadFile(filepath.Join("testdata", s.file))
		must(t, err)
		for encoding, encode := range encoders {
			records := read(t, s.contentType, encoding, encode(t, body))
			if len(records) != 3 {
				t.Fatalf("%s, %q: %d records", s.file, encoding, len(records))
			}
			for i, r := range records {
				if r.Line != i+1 || r.Err != nil {
					t.Errorf("%s, %q: record %d is %d, %v", s.file, encoding, i+1, r.Line, r.Err)
				}
			}
			var first struct{ Log, Message string }
			must(t, json.Unmarshal(records[0].Data, &first))
			if first.Log+first.Message != "order 17 paid" {
				t.Errorf("%s, %q: the first is %s", s.file, encoding, records[0].Data)
			}
		}
	}
}

// One record in the middle is none: it is named, and its neighbours are taken.
func TestOneBadRecordInTheMiddle(t *testing.T) {
	for _, s := range senders {
		whole, err := os.ReadFile(filepath.Join("testdata", s.file))
		must(t, err)
		bads := []string{`{"date":1,"log":nope}`, `{"log":"a" "b"}`, `{"log":"\x"}`, "{\"log\":\"\x01\"}", `{log:1}`, `{"a":tru}`}
		if s.between != "}{" {
			bads = append(bads, `17`, `null`, `"text"`, `[{"log":"in an array"}]`, `nonsense`)
		}
		if s.between == "}\n{" {
			bads = append(bads, `{"a":[1,2}`, `{"a":"`, `}`)
		}
		for _, bad := range bads {
			separator := strings.Trim(s.between, "{}")
			body := strings.Replace(string(whole), s.between, "}"+separator+bad+separator+"{", 1)
			for encoding, encode := range encoders {
				records := read(t, s.contentType, encoding, encode(t, []byte(body)))
				var accepted, rejected []int
				for _, r := range records {
					if r.Err != nil {
						rejected = append(rejected, r.Line)
					} else {
						accepted = append(accepted, r.Line)
					}
				}
				if len(accepted) != 3 || len(rejected) != 1 || rejected[0] != 2 {
					t.Errorf("%s, %q, %s: %v are accepted, %v rejected", s.file, encoding, bad, accepted, rejected)
				}
			}
		}
	}
}

func read(t *testing.T, contentType, encoding string, body []byte) (records []ingest.Record) {
	t.Helper()
	header := http.Header{"Content-Type": {contentType}}
	if encoding != "" {
		header.Set("Content-Encoding", encoding)
	}
	content, err := ingest.ParseContent(header)
	must(t, err)
	plain, err := content.Read(bytes.NewReader(body), ingest.DefaultMaxBytes)
	must(t, err)
	for r := range content.Records(plain) {
		records = append(records, r)
	}
	return records
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
