package tail

import (
	"encoding/json"
	"log/slog"
	"strings"

	"github.com/loglane/loglane"
)

// A rank is a level as people weigh it.
type rank int

const (
	rankNone rank = iota // no level
	rankOther
	rankTrace
	rankDebug
	rankInfo
	rankWarn
	rankError
	rankFatal
)

// A level is a rank with the word that is shown.
type level struct {
	rank rank
	word string
}

var pinoWords = map[float64]string{10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}

// rawLevel reads a level given as a word, or as a number as pino or log/slog count.
func rawLevel(raw []byte) (level, bool) {
	if text, ok := rawString(raw); ok {
		word := strings.ToUpper(strings.TrimSpace(text))
		if word == "" {
			return level{}, false
		}
		at, err := loglane.ParseLevel(word)
		if err != nil {
			return level{rankOther, word}, true
		}
		return level{rankOf(at), word}, true
	}
	var n float64
	if json.Unmarshal(raw, &n) != nil || string(raw) == "null" {
		return level{}, false
	}
	at, err := loglane.ParseLevel(string(raw))
	if err != nil {
		return level{}, false
	}
	word, pino := pinoWords[n]
	if !pino {
		word = slog.Level(at).String()
	}
	return level{rankOf(at), word}, true
}

// pythonLevel reads Python's levelno, which gives other meanings to pino's numbers.
func pythonLevel(raw []byte) (level, bool) {
	var n float64
	if json.Unmarshal(raw, &n) != nil || string(raw) == "null" {
		return level{}, false
	}
	switch {
	case n >= 50:
		return level{rankFatal, "CRITICAL"}, true
	case n >= 40:
		return level{rankError, "ERROR"}, true
	case n >= 30:
		return level{rankWarn, "WARNING"}, true
	case n >= 20:
		return level{rankInfo, "INFO"}, true
	}
	return level{rankDebug, "DEBUG"}, true
}

func rankOf(at loglane.Level) rank {
	switch {
	case at < loglane.LevelDebug:
		return rankTrace
	case at < loglane.LevelInfo:
		return rankDebug
	case at < loglane.LevelWarn:
		return rankInfo
	case at < loglane.LevelError:
		return rankWarn
	case at < loglane.LevelCritical:
		return rankError
	}
	return rankFatal
}
