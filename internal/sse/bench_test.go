package sse_test

import (
	"bytes"
	"testing"

	"github.com/loglane/loglane/internal/sse"
)

var line = []byte(`{"timestamp":"2026-01-02T03:04:05Z","level":"INFO","message":"order placed","attrs":{"items":3,"total":42.17}}`)

func BenchmarkAppendEvent(b *testing.B) {
	for name, data := range map[string][]byte{
		"line":  line,
		"lines": bytes.Repeat([]byte("goroutine 17 [running]:\r\n\tmain.go:42\n"), 20),
	} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				dst = sse.AppendEvent(dst[:0], "", "Aq3_-x7Lm1Q.123.1700000000000-0.0123456789A", data)
			}
		})
	}
}

func BenchmarkDecoder(b *testing.B) {
	var stream []byte
	const events = 1000
	for range events {
		stream = sse.AppendEvent(stream, "", "Aq3_-x7Lm1Q.123.1700000000000-0.0123456789A", line)
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		d := sse.NewDecoder(bytes.NewReader(stream))
		for range events {
			if _, err := d.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
