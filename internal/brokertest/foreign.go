package brokertest

import (
	"bytes"
	"strings"

	"github.com/loglane/loglane"
)

var foreignCases = []testCase{
	{"our first line on a foreign history", Options{}, firstOnForeign},
	{"foreign entries between our batches", Options{}, foreignBetween},
	{"an entry without data", Options{}, withoutData},
	{"any bytes stand as they are", Options{}, anyBytes},
}

// odd are payloads that want to be taken for something else.
func odd() [][]byte {
	return [][]byte{
		[]byte(""),
		[]byte("{}"),
		[]byte("[]"),
		[]byte("null"),
		[]byte("17"),
		[]byte(`"text"`),
		[]byte("plain text"),
		[]byte(`{"message":`),
		[]byte("{\n  \"message\": \"pretty\",\r\n  \"pod\": null\n}\n"),
		[]byte(`{"_ll":"1 `),
		[]byte(`{"_ll":"1 AAAAAAAAAAA.1.1-0 0-0 alpha:1","message":"looks like a frame"}`),
		[]byte(`{"_ll":"2 later","message":"of a later version"}`),
		[]byte(`{"id":"1-0","prev":"0-0","message":"members of others"}`),
		[]byte("\xff\xfe\x00\x80"),
		[]byte("line one\nline two\rline three\r\n"),
		[]byte("\u2028 \u0085"),
		[]byte(strings.Repeat("long ", 64<<10/5)),
	}
}

func firstOnForeign(f *fixture) {
	var stored []loglane.Entry
	for _, text := range []string{"one", "two", "three"} {
		stored = append(stored, loglane.Entry{Cursor: loglane.Cursor{ID: f.Store(f.channel, []byte(text))}, Data: []byte(text)})
	}
	f.same("before our first line", f.all(), stored)
	f.append("alpha", 1, 2)
	entries := f.all()
	f.chained(entries)
	epoch := entries[len(entries)-1].Cursor.Epoch
	for i := range stored {
		stored[i].Cursor.Epoch = epoch
	}
	f.same("foreign entries after our first line", entries[:3], stored)
	ours := entries[3:]
	if len(ours) != 2 || ours[0].Cursor.N != 1 || ours[0].Prev != stored[2].Cursor.ID {
		f.Fatalf("our lines are %+v", ours)
	}
	f.wantStatus("a foreign entry under the epoch", stored[0].Cursor, loglane.OK, 0)
	stored[0].Cursor.Epoch = ""
	f.wantStatus("a foreign entry as it was", stored[0].Cursor, loglane.OK, 0)
}

func foreignBetween(f *fixture) {
	var want []string
	for k := uint64(1); k <= 10; k++ {
		f.append("alpha", k, k)
		want = append(want, string(message("alpha", k)))
		for range k % 3 {
			f.Store(f.channel, message("foreign", k))
			want = append(want, string(message("foreign", k)))
		}
	}
	entries := f.all()
	f.chained(entries)
	for i, entry := range entries {
		if string(entry.Data) != want[i] {
			f.Fatalf("entry %d is %q, want %q", i, entry.Data, want[i])
		}
		if foreign := strings.Contains(want[i], "foreign"); foreign != entry.Foreign() || foreign != entry.Cursor.Src.IsZero() {
			f.Fatalf("entry %d, %q: cursor %v", i, want[i], entry.Cursor)
		}
	}
	if page := f.read(loglane.Last(1), 1); page.Tail.ID != entries[len(entries)-1].Cursor.ID || page.Tail != page.Entries[0].Cursor {
		f.Errorf("tail %v, want %v", page.Tail, entries[len(entries)-1].Cursor)
	}
}

func withoutData(f *fixture) {
	f.append("alpha", 1, 1)
	id := f.Store(f.channel, nil)
	f.Store(f.channel, []byte{})
	f.append("alpha", 2, 2)
	entries := f.all()
	f.chained(entries)
	if len(entries) != 4 {
		f.Fatalf("%d entries, want 4", len(entries))
	}
	if entries[1].Data != nil || entries[1].Cursor.ID != id || !entries[1].Foreign() {
		f.Errorf("the entry without data is %+v", entries[1])
	}
	if entries[2].Data == nil || len(entries[2].Data) != 0 {
		f.Errorf("the entry with empty data is %+v", entries[2])
	}
	f.same("after it", f.wantStatus("the entry without data", entries[1].Cursor, loglane.OK, 0).Entries, entries[2:])
}

func anyBytes(f *fixture) {
	payloads := odd()
	for i, payload := range payloads {
		f.Store(f.channel, payload)
		if i%4 == 0 {
			f.append("alpha", uint64(i+1), uint64(i+1))
		}
	}
	entries := f.all()
	f.chained(entries)
	n := 0
	for _, entry := range entries {
		if !entry.Foreign() {
			continue
		}
		if !bytes.Equal(entry.Data, payloads[n]) || entry.Data == nil {
			f.Errorf("payload %d is %.60q, want %.60q", n, entry.Data, payloads[n])
		}
		n++
	}
	if n != len(payloads) {
		f.Errorf("%d foreign entries, want %d", n, len(payloads))
	}
}
