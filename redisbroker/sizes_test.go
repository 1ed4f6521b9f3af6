package redisbroker_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// sizeFormula is the memory of a channel in docs/redis.md, without its commas.
const sizeFormula = "1500 + lines × (1.1 × bytes of a line + 50)"

func byFormula(lines, length int) float64 {
	return 1500 + float64(lines)*(1.1*float64(length)+50)
}

// sizesWithin is how far a size may be from what docs/redis.md tells.
const sizesWithin = 0.15

func off(got, told float64) bool { return math.Abs(got-told) > sizesWithin*told }

// A meter measures what things take of a server's memory.
type meter struct {
	*testing.T
	server *redistest.Server
	broker *redisbroker.Broker
}

// used is the memory that has data, in bytes: connections come and go.
func (m meter) used() float64 {
	m.Helper()
	numbers := make(map[string]float64)
	for line := range strings.Lines(m.server.MustDo("INFO", "memory")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		numbers[name], _ = strconv.ParseFloat(value, 64) // some are texts
	}
	if numbers["used_memory"] == 0 {
		m.Fatal("Redis does not tell its memory")
	}
	return numbers["used_memory"] - numbers["mem_clients_normal"]
}

// each is the memory of one of many things.
func (m meter) each(count int, make func(i int)) float64 {
	m.Helper()
	m.server.MustDo("FLUSHALL", "SYNC")
	before := m.used()
	for i := range count {
		make(i)
	}
	return (m.used() - before) / float64(count)
}

func (m meter) append(channel, producer string, after uint64, count, length int) {
	m.Helper()
	const before, end = `{"level":"INFO","message":"`, `"}`
	batch := loglane.Batch{Producer: producer, After: after}
	for i := range count {
		record := before + strings.Repeat("x", length-len(before)-len(end)) + end
		batch.Lines = append(batch.Lines, loglane.Line{K: after + uint64(i) + 1, Record: []byte(record)})
	}
	if _, err := m.broker.Append(m.Context(), channel, batch); err != nil {
		m.Fatal(err)
	}
}

func channelAt(i int) string { return fmt.Sprintf("logs:User.%06d", i) }

// channel is the memory of a channel with a history.
func (m meter) channel(lines, length int) float64 {
	m.Helper()
	return m.each(20_000/lines, func(i int) {
		producer := loglane.NewProducer()
		for sent := 0; sent < lines; sent += 100 {
			m.append(channelAt(i), producer, uint64(sent), 100, length)
		}
	})
}

// expired is the memory of a channel without a history.
func (m meter) expired() float64 {
	m.Helper()
	return m.each(1000, func(i int) {
		m.append(channelAt(i), loglane.NewProducer(), 0, 1, 100)
		m.server.MustDo("DEL", "stream:"+channelAt(i))
	})
}

// producer is the memory of each of some producers of one channel.
func (m meter) producer(count int) float64 {
	m.Helper()
	m.server.MustDo("FLUSHALL", "SYNC")
	meta := func() float64 {
		bytes, err := strconv.ParseFloat(m.server.MustDo("MEMORY", "USAGE", aliceMeta, "SAMPLES", "0"), 64)
		if err != nil {
			m.Fatal(err)
		}
		return bytes
	}
	m.append(alice, loglane.NewProducer(), 0, 1, 100)
	one := meta()
	for range count - 1 {
		m.append(alice, loglane.NewProducer(), 0, 1, 100)
	}
	return (meta() - one) / float64(count-1)
}

func (m meter) login() float64 {
	m.Helper()
	return m.each(2000, func(i int) {
		if err := m.broker.Sessions().Save(m.Context(), fmt.Sprintf("%043d", i), bytes.Repeat([]byte("x"), 150), time.Hour); err != nil {
			m.Fatal(err)
		}
	})
}

// A size is a row of the page's table.
type size struct {
	what  string
	bytes float64
}

// TestHistorySizes measures the table of sizes in docs/redis.md, prints it, and holds the
// page to it.
func TestHistorySizes(t *testing.T) {
	server := redistest.Start(t)
	m := meter{T: t, server: server, broker: open(t, server, redisbroker.Options{})}
	m.append(alice, loglane.NewProducer(), 0, 100, 1024) // scripts and connections are there
	var all []size
	for _, lines := range []int{100, 1000} {
		for _, length := range []int{100, 250, 1024} {
			got := m.channel(lines, length)
			all = append(all, size{fmt.Sprintf("a channel with %d lines of %d bytes", lines, length), got})
			if formula := byFormula(lines, length); off(got, formula) {
				t.Errorf("%d lines of %d bytes: %.0f bytes, and %.0f by the formula", lines, length, got, formula)
			}
		}
	}
	all = append(all,
		size{"a channel whose history has expired", m.expired()},
		size{"each producer of a channel, of 100", m.producer(100)},
		size{"each producer of a channel, of 1000", m.producer(1000)},
		size{"a login", m.login()})
	checkSizes(t, all)
}

func checkSizes(t *testing.T, all []size) {
	t.Helper()
	text, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ReplaceAll(string(text), ",", "") // of thousands
	if !strings.Contains(page, sizeFormula) {
		t.Errorf("docs/redis.md has not the formula %s", sizeFormula)
	}
	table := "| what | bytes |\n|---|---|\n"
	for _, s := range all {
		table += fmt.Sprintf("| %s | %.0f |\n", s.what, s.bytes)
		_, rest, found := strings.Cut(page, "| "+strings.ReplaceAll(s.what, ",", "")+" | ")
		number, _, _ := strings.Cut(rest, " |")
		if told, err := strconv.ParseFloat(number, 64); !found || err != nil || off(s.bytes, told) {
			t.Errorf("%s: %.0f bytes, and docs/redis.md tells %q", s.what, s.bytes, number)
		}
	}
	t.Log("\n" + table)
}
