package ingest

import (
	"encoding/json"

	"github.com/loglane/loglane/internal/jsonscan"
	"github.com/loglane/loglane/internal/redact"
)

// Redact takes the secrets out of a record's data, before [NewRecord] may cut it, and says
// how many there were. data is not changed.
func Redact(r *redact.Redactor, data []byte) (clean []byte, n int) {
	if r != nil && jsonscan.LooksLikeObject(data) && json.Valid(data) {
		return r.Record(data)
	}
	return r.Text(data)
}
