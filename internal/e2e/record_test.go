package e2e

import (
	"encoding/json"
	"testing"
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
