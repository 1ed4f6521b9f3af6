package chaos_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/chaos"
	"github.com/loglane/loglane/internal/sse"
)

// Viewers of one stream share what they know of its lines, and nobody is covered by what
// another was shown: each is judged by its own lines, sums and places.
func TestViewersShareNoVerdict(t *testing.T) {
	const viewers, lines = 6, 40
	faults := map[int64]struct {
		change func([]string) []string
		want   chaos.Verdict
	}{
		2: {func(s []string) []string { return slices.Delete(s, 10, 12) }, chaos.Verdict{Lost: 2, Unreported: 1}},
		3: {func(s []string) []string {
			s[20] = string(event(21, `{"message":"half`))
			return s
		}, chaos.Verdict{Strange: 1, Lost: 1, Unreported: 1}},
		4: {func(s []string) []string {
			s[5] = string(sse.AppendEvent(nil, "", cursor(6, 1).String(), record(6)))
			return s
		}, chaos.Verdict{Disordered: 1}},
		5: {func(s []string) []string { return slices.Insert(s, 8, "event: gap\ndata: {\"reason\":\"slow\"}\n\n") }, chaos.Verdict{Gaps: 1}},
		6: {func(s []string) []string { return append(s, s[3]) }, chaos.Verdict{}}, // dropped by the viewer, and counted
	}
	var came atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := came.Add(1)
		if n > viewers { // who has been cut comes back, to nothing
			<-r.Context().Done()
			return
		}
		var sent []string
		for k := uint64(1); k <= lines; k++ {
			sent = append(sent, string(event(k, string(record(k)))))
		}
		if fault, planted := faults[n]; planted {
			sent = fault.change(sent)
		}
		for _, one := range sent {
			_, _ = fmt.Fprint(w, one) // the viewer is judged by what came
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	crowd := chaos.Gather(context.Background(), viewers, server.URL, http.Header{}, nil)
	late := crowd.Finish([]loglane.Src{loglane.NewSrc("alpha", lines)}, 30*time.Second)
	if late > 0 {
		t.Fatalf("%d viewers are late", late)
	}
	published := chaos.Published{"alpha": nil}
	for k := uint64(1); k <= lines; k++ {
		published["alpha"] = append(published["alpha"], chaos.Sent{K: k, Sum: chaos.SumOf(record(k)), Acked: true})
	}
	want := chaos.Verdict{Viewers: viewers}
	for _, fault := range faults {
		want.Add(fault.want)
	}
	got := crowd.Check(published)
	want.Lines, got.Examples = got.Lines, nil
	if fmt.Sprint(got) != fmt.Sprint(want) || got.Lines != viewers*lines-2 {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if tally := crowd.Tally(); tally.Dropped != 1 || tally.Gaps[chaos.Slow] != 1 {
		t.Errorf("%d lines dropped, gaps %v", tally.Dropped, tally.Gaps)
	}
}

func record(k uint64) []byte { return fmt.Appendf(nil, `{"message":"line %d"}`, k) }

func cursor(k, ms uint64) loglane.Cursor {
	return loglane.Cursor{Epoch: "abcdefghijk", N: k, ID: loglane.ID{Ms: ms}, Src: loglane.NewSrc("alpha", k)}
}

func event(k uint64, data string) []byte {
	return sse.AppendEvent(nil, "", cursor(k, 1000+k).String(), []byte(data))
}
