package redisbroker_test

import (
	"math"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/redistest"
	"github.com/loglane/loglane/redisbroker"
)

// Redis refuses ranges beyond its first and last place; a viewer may still name them.
func TestReadAtTheEndsOfAllPlaces(t *testing.T) {
	server := redistest.Start(t)
	b := open(t, server, redisbroker.Options{})
	last, err := loglane.ParseCursor("0.0.18446744073709551615-18446744073709551615")
	if err != nil {
		t.Fatal(err)
	}
	read := func(from loglane.From) loglane.Page {
		t.Helper()
		page, err := b.Read(t.Context(), alice, from, 10)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if page := read(loglane.After(last)); page.Status != loglane.StatusEpoch || len(page.Entries) != 0 {
		t.Errorf("without a stream: %+v", page)
	}
	appendTo(t, b, loglane.Batch{Producer: "one", Lines: lines(1, 5)})
	if page := read(loglane.After(last)); page.Status != loglane.StatusRewritten || len(page.Entries) != 5 || page.More {
		t.Errorf("after the last place: %+v", page)
	}
	if page := read(loglane.Before(loglane.Cursor{})); len(page.Entries) != 0 || page.More {
		t.Errorf("before the first place: %+v", page)
	}
	server.MustDo("XADD", aliceStream, last.ID.String(), "data", "the last")
	if page := read(loglane.After(last)); page.Status != loglane.OK || len(page.Entries) != 0 || page.More {
		t.Errorf("after an entry at the last place: %+v", page)
	}
	if page := read(loglane.Before(loglane.Cursor{ID: loglane.ID{Ms: math.MaxUint64, Seq: math.MaxUint64}})); len(page.Entries) != 5 {
		t.Errorf("before an entry at the last place: %+v", page)
	}
}
