package vt_test

import (
	"testing"

	"github.com/loglane/loglane/internal/vt"
)

func BenchmarkText(b *testing.B) {
	benchmark(b, vt.SGR.Text, map[string]string{
		"clean":    "2026-01-02T03:04:05Z INFO order placed: 3 items for 42.17, customer 8d2f17, warehouse north, took 17 ms",
		"cyrillic": "заказ принят: 3 товара на сумму 42.17, покупатель 8d2f17, склад северный, заняло 17 мс, всё хорошо",
		"coloured": "\x1b[2m03:04:05\x1b[0m \x1b[32mINFO\x1b[0m order placed: 3 items for \x1b[1m42.17\x1b[0m, took 17 ms",
		"dirty":    "\x1b]0;pwned\a\x1b[2J\x1b[1;1H order placed: 3 items for 42.17, customer 8d2f17, took \b\b\b 17 ms",
	})
}

func BenchmarkJSON(b *testing.B) {
	benchmark(b, vt.SGR.JSON, map[string]string{
		"clean":    `{"timestamp":"2026-01-02T03:04:05Z","level":"INFO","message":"order placed","attrs":{"items":3,"total":42.17}}`,
		"escapes":  `{"timestamp":"2026-01-02T03:04:05Z","level":"INFO","message":"order \"A 17\"\nplaced, größer","attrs":{"items":3}}`,
		"coloured": `{"timestamp":"2026-01-02T03:04:05Z","level":"INFO","message":"\u001b[32morder placed\u001b[0m","attrs":{"items":3}}`,
		"dirty":    `{"timestamp":"2026-01-02T03:04:05Z","level":"INFO","message":"\u001b[2J\u001b[1;1Horder\b placed","attrs":{"items":3}}`,
	})
}

func benchmark(b *testing.B, filter func([]byte) []byte, lines map[string]string) {
	for name, line := range lines {
		b.Run(name, func(b *testing.B) {
			in := []byte(line)
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				filter(in)
			}
		})
	}
}
