package tail

import "time"

// SetNow makes a text's times relative to a fixed one.
func (t *Text) SetNow(now time.Time) { t.now = func() time.Time { return now } }
