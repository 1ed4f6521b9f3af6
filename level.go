package loglane

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/loglane/loglane/internal/jsonscan"
)

// A Level is the importance of a record on the scale of log/slog.
type Level int

// The levels that records name in words.
const (
	LevelTrace     Level = -8
	LevelDebug     Level = -4
	LevelInfo      Level = 0
	LevelNotice    Level = 2
	LevelWarn      Level = 4
	LevelError     Level = 8
	LevelCritical  Level = 12
	LevelAlert     Level = 14
	LevelFatal     Level = 16
	LevelPanic     Level = 17
	LevelEmergency Level = 20
)

var levelWords = map[string]Level{
	"TRACE": LevelTrace, "DEBUG": LevelDebug, "INFO": LevelInfo, "NOTICE": LevelNotice,
	"WARN": LevelWarn, "WARNING": LevelWarn, "ERROR": LevelError, "CRITICAL": LevelCritical,
	"FATAL": LevelFatal, "PANIC": LevelPanic, "ALERT": LevelAlert, "EMERGENCY": LevelEmergency,
}

// pinoLevels are the exact numbers that pino writes.
var pinoLevels = map[float64]Level{
	10: LevelTrace, 20: LevelDebug, 30: LevelInfo, 40: LevelWarn, 50: LevelError, 60: LevelFatal,
}

// ParseLevel reads a level's word in any case, or a number as records carry it: 10 to
// 60 as pino counts, any other as log/slog counts. slog's "INFO+2" is read too.
func ParseLevel(s string) (Level, error) {
	word, offset := strings.ToUpper(strings.TrimSpace(s)), 0
	if i := strings.IndexAny(word, "+-"); i > 0 {
		if n, err := strconv.Atoi(word[i:]); err == nil {
			word, offset = word[:i], n
		}
	}
	if level, ok := levelWords[word]; ok {
		return level + Level(offset), nil
	}
	if n, err := strconv.ParseFloat(word, 64); err == nil && n > -1e6 && n < 1e6 {
		return numberedLevel(n), nil
	}
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return 0, fmt.Errorf("level %q is unknown: take trace, debug, info, notice, warning, error, critical, alert, fatal, panic, emergency or a number", s)
}

func numberedLevel(n float64) Level {
	if level, ok := pinoLevels[n]; ok {
		return level
	}
	return Level(n)
}

// pythonLevel reads a levelno of Python's logging, where WARNING is 30.
func pythonLevel(n float64) Level { return Level((n - 20) * 0.4) }

// RecordLevel returns the level of a record; false where it has none, also where data
// is no JSON object.
func RecordLevel(data []byte) (Level, bool) {
	level, told, _ := recordLevel(data)
	return level, told
}

// recordLevel says too whether a member is there that should be a level, also where it
// is not one.
func recordLevel(data []byte) (level Level, told, named bool) {
	if !jsonscan.LooksLikeObject(data) {
		return 0, false, false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return 0, false, false
	}
	for _, name := range [...]string{"level", "severity", "levelname", "log.level"} {
		if level, ok := levelOf(members[name]); ok {
			return level, true, true
		}
		named = named || has(members[name])
	}
	var n float64
	raw := members["levelno"]
	if has(raw) && json.Unmarshal(raw, &n) == nil {
		return pythonLevel(n), true, true
	}
	var nested struct{ Level json.RawMessage }
	if json.Unmarshal(members["log"], &nested) == nil {
		level, told = levelOf(nested.Level)
	}
	return level, told, named || has(raw) || has(nested.Level)
}

// has says whether a member is there and not null.
func has(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

func levelOf(raw json.RawMessage) (Level, bool) {
	if !has(raw) {
		return 0, false
	}
	var word string
	if json.Unmarshal(raw, &word) == nil {
		level, err := ParseLevel(word)
		return level, err == nil
	}
	var n float64
	if json.Unmarshal(raw, &n) == nil {
		return numberedLevel(n), true
	}
	return 0, false
}
