package logship

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

// stampFormat has all nine digits, so that timestamps sort as text.
const stampFormat = "2006-01-02T15:04:05.000000000Z07:00"

func appendStamp(dst []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), stampFormat), '"')
}

// appendValue appends a resolved value that is no group as JSON, whatever it carries.
func appendValue(dst []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindString:
		return appendString(dst, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(dst, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(dst, v.Uint64(), 10)
	case slog.KindFloat64:
		return appendFloat(dst, v.Float64())
	case slog.KindBool:
		return strconv.AppendBool(dst, v.Bool())
	case slog.KindDuration:
		return appendString(dst, v.Duration().String())
	case slog.KindTime:
		return append(v.Time().AppendFormat(append(dst, '"'), time.RFC3339Nano), '"')
	case slog.KindAny:
		return appendAny(dst, v.Any())
	default:
		return appendString(dst, v.String())
	}
}

func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return appendString(dst, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// appendAny prefers what a type says of itself: JSON, then text, then an error's or a
// Stringer's words. A method that panics must not take the program with it.
func appendAny(dst []byte, v any) (out []byte) {
	defer func() {
		if r := recover(); r != nil {
			out = appendPanic(dst, v, r)
		}
	}()
	switch v := v.(type) {
	case json.Marshaler, encoding.TextMarshaler:
		return appendJSON(dst, v)
	case error:
		return appendString(dst, v.Error())
	case fmt.Stringer:
		return appendString(dst, v.String())
	case []byte:
		if utf8.Valid(v) {
			return appendString(dst, string(v))
		}
	}
	return appendJSON(dst, v)
}

func appendPanic(dst []byte, v, panicked any) []byte {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return append(dst, "null"...)
	}
	return appendString(dst, fmt.Sprintf("!PANIC: %v", panicked))
}

func appendJSON(dst []byte, v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return appendString(dst, "!ERROR: "+err.Error())
	}
	encoded := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	// What a MarshalJSON returned is taken over with its bytes.
	return append(dst, bytes.ToValidUTF8(encoded, []byte("\uFFFD"))...)
}

// appendLevel writes a level as records carry it: a word where there is one, else
// slog's number, unless pino uses that number for something else.
func appendLevel(dst []byte, level slog.Level) []byte {
	if word, ok := levelWords[loglane.Level(level)]; ok {
		return appendString(dst, word)
	}
	switch {
	case level > slog.Level(loglane.LevelEmergency):
		return appendString(dst, levelWords[loglane.LevelEmergency])
	case level == 10:
		return appendString(dst, levelWords[loglane.LevelError])
	}
	return strconv.AppendInt(dst, int64(level), 10)
}

var levelWords = map[loglane.Level]string{
	loglane.LevelTrace: "TRACE", loglane.LevelDebug: "DEBUG", loglane.LevelInfo: "INFO",
	loglane.LevelNotice: "NOTICE", loglane.LevelWarn: "WARN", loglane.LevelError: "ERROR",
	loglane.LevelCritical: "CRITICAL", loglane.LevelAlert: "ALERT", loglane.LevelFatal: "FATAL",
	loglane.LevelPanic: "PANIC", loglane.LevelEmergency: "EMERGENCY",
}
