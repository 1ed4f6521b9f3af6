package loglane_test

import (
	"testing"
	"time"

	"github.com/loglane/loglane"
)

func TestLevelFilter(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append(`{"message":"a","level":"debug"}`, `{"message":"b","level":"WARN"}`, `{"message":"c"}`,
			`{"message":"d","level":30}`, `{"message":"e","level":40}`, "plain text")
		s.store("foreign text")
		s.append(`{"message":"f","severity":"error"}`)
		v := s.open("level=warning")
		v.wantMore("retry", "b#", "c#", "e#", "plain text#", "foreign text#", "f#")
		s.append(`{"message":"g","level":"info"}`, `{"message":"h","level":"Error"}`)
		v.wantMore("h#")
		s.open("level=error").want("retry", "c#", "plain text#", "foreign text#", "f#", "h#")
		s.open("level=trace&backlog=1").want("retry", "h#")
		s.open("level=12&backlog=1").want("retry", "#h")
	})
}

func TestHiddenLinesMoveTheViewerOn(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append(`{"message":"shown","level":"error"}`, `{"message":"hidden","level":"info"}`)
		v := s.open("level=warn")
		v.wantMore("retry", "shown#", "#hidden")
		s.append(`{"message":"hidden too","level":"info"}`, `{"message":"the last","level":"info"}`)
		time.Sleep(2 * time.Second)
		v.wantMore("#the last")
		// Nothing hidden, nothing told.
		time.Sleep(5 * time.Second)
		v.wantMore()
		// A busy channel costs the filter's viewer one bare id a second.
		for n := range 100 {
			s.append(`{"message":"noise","level":"info"}`)
			if n%10 == 9 {
				time.Sleep(time.Second)
			}
		}
		if n := len(v.told()); n < 5 || n > 12 {
			t.Errorf("%d bare ids for 100 hidden lines in 10 s", n)
		}
		id := v.lastID()
		s.open("level=warn", "Last-Event-ID", id).want("retry", "#noise")
	})
}

func TestFilteredBulk(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		s.append(`{"message":"a","level":"error"}`, `{"message":"b","level":"info"}`)
		s.open("level=warn&replay=bulk").want("retry", `bulk[{"message":"a","level":"error"}]#b`)
		s.open("level=fatal&replay=bulk").want("retry", `bulk[]#b`)
	})
}

func TestGrantsFloor(t *testing.T) {
	onStage(t, stageOptions{}, func(s *stage) {
		floor := loglane.LevelWarn
		s.grant.Floor = &floor
		s.append(`{"message":"a","level":"info"}`, `{"message":"b","level":"warn"}`, `{"message":"c","level":"error"}`)
		s.open("").want("retry", "b#", "c#")
		s.open("level=trace").want("retry", "b#", "c#")
		s.open("level=error").want("retry", "c#")
		s.open("replay=bulk").want("retry", `bulk[{"message":"b","level":"warn"},{"message":"c","level":"error"}]#c`)
	})
}
