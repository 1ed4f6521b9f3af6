package loglane_test

import (
	"log/slog"
	"testing"

	"github.com/loglane/loglane"
)

func TestParseLevel(t *testing.T) {
	for word, want := range map[string]loglane.Level{
		"TRACE": loglane.LevelTrace, "debug": loglane.LevelDebug, "Info": loglane.LevelInfo, "NOTICE": loglane.LevelNotice,
		"WARN": loglane.LevelWarn, "warning": loglane.LevelWarn, "ERROR": loglane.LevelError, "Critical": loglane.LevelCritical,
		"FATAL": loglane.LevelFatal, "panic": loglane.LevelPanic, "ALERT": loglane.LevelAlert, "EMERGENCY": loglane.LevelEmergency,
		"INFO+2": loglane.LevelNotice, "WARN-1": 3, "ERROR+4": loglane.LevelCritical, " info ": loglane.LevelInfo,
		"10": loglane.LevelTrace, "20": loglane.LevelDebug, "30": loglane.LevelInfo, "40": loglane.LevelWarn, "50": loglane.LevelError, "60": loglane.LevelFatal,
		"0": 0, "-4": loglane.LevelDebug, "4": loglane.LevelWarn, "8": loglane.LevelError, "25": 25, "-8": loglane.LevelTrace,
	} {
		if got, err := loglane.ParseLevel(word); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", word, got, err, want)
		}
	}
	for _, word := range []string{"", "loud", "INFO+x", "1e9", "NaN", "Inf", "0x10", "null", "info warn"} {
		if got, err := loglane.ParseLevel(word); err == nil {
			t.Errorf("%q: %d without an error", word, got)
		}
	}
}

func TestLevelsAreThoseOfSlog(t *testing.T) {
	for level, want := range map[loglane.Level]slog.Level{
		loglane.LevelDebug: slog.LevelDebug, loglane.LevelInfo: slog.LevelInfo, loglane.LevelWarn: slog.LevelWarn, loglane.LevelError: slog.LevelError,
	} {
		if int(level) != int(want) {
			t.Errorf("%d, want %d", level, want)
		}
		if got, err := loglane.ParseLevel(want.String()); err != nil || got != level {
			t.Errorf("%s: %d, %v", want, got, err)
		}
	}
}

func TestRecordLevel(t *testing.T) {
	for record, want := range map[string]loglane.Level{
		`{"level":"warn"}`: loglane.LevelWarn, `{"severity":"ERROR"}`: loglane.LevelError, `{"levelname":"CRITICAL"}`: loglane.LevelCritical,
		`{"log.level":"notice"}`: loglane.LevelNotice, `{"log":{"level":"panic"}}`: loglane.LevelPanic, `{"level":30}`: loglane.LevelInfo,
		`{"level":50}`: loglane.LevelError, `{"level":8}`: loglane.LevelError, `{"level":-4}`: loglane.LevelDebug, `{"level":"40"}`: loglane.LevelWarn,
		`{"levelno":10}`: loglane.LevelDebug, `{"levelno":20}`: loglane.LevelInfo, `{"levelno":30}`: loglane.LevelWarn,
		`{"levelno":40}`: loglane.LevelError, `{"levelno":50}`: loglane.LevelCritical,
		`{"level":null,"severity":"info"}`: loglane.LevelInfo, `{"levelname":"WARNING","levelno":30}`: loglane.LevelWarn,
		" {\n\"level\": \"INFO\"}": loglane.LevelInfo, `{"level":"debug","message":"level error"}`: loglane.LevelDebug,
	} {
		if got, ok := loglane.RecordLevel([]byte(record)); !ok || got != want {
			t.Errorf("%s: %d, %v; want %d", record, got, ok, want)
		}
	}
	for _, record := range []string{`{}`, `{"level":null}`, `{"level":"loud"}`, `{"level":{}}`, `{"level":true}`, `{"log":"level"}`, `{"attrs":{"level":"error"}}`, `["level"]`, `text`, ``, `{"level":`} {
		if got, ok := loglane.RecordLevel([]byte(record)); ok {
			t.Errorf("%s: %d", record, got)
		}
	}
}
