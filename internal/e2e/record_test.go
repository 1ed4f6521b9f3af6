package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// textOf returns the message of a line.
func textOf(s shown) (string, bool) {
	var record struct{ Message *string }
	if s.event != "message" || json.Unmarshal([]byte(s.data), &record) != nil || record.Message == nil {
		return "", false
	}
	return *record.Message, true
}

// recordOf returns the members of a line.
func recordOf(t *testing.T, s shown) (record map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.data), &record); err != nil {
		t.Fatalf("%v: %s", err, s.data)
	}
	return record
}

// texts returns the messages that a viewer was shown.
func (v *viewer) texts() (all []string) {
	for _, s := range v.all() {
		if text, ok := textOf(s); ok {
			all = append(all, text)
		}
	}
	return all
}

// awaitText waits for a message that has a text in it.
func (v *viewer) awaitText(t *testing.T, text string) {
	t.Helper()
	v.await(t, fmt.Sprintf("%q", text), 20*time.Second, func(events []shown) bool {
		for _, s := range events {
			if got, ok := textOf(s); ok && strings.Contains(got, text) {
				return true
			}
		}
		return false
	})
}
