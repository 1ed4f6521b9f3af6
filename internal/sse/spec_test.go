package sse_test

import (
	"bytes"
	"math"
	"math/big"
	"strings"
	"time"
)

// block is what a stream says between two blank lines, with data of its own.
type block struct {
	Type, ID, Data string
	HasData, HasID bool
	Retry          time.Duration
}

// specDecode reads a whole stream as the standard tells it, line by line and
// with no care for speed. It shares nothing with the package under test.
func specDecode(stream []byte) (blocks []block, comments []string) {
	text := strings.TrimPrefix(string(stream), "\uFEFF")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	lines := strings.Split(text, "\n")

	var dataBuffer, typeBuffer, idBuffer string
	hasID, retry, effect := false, time.Duration(-1), false
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			if effect {
				b := block{Type: "message", ID: idBuffer, HasID: hasID, Retry: retry}
				if typeBuffer != "" {
					b.Type = typeBuffer
				}
				if dataBuffer != "" {
					b.HasData = true
					b.Data = strings.TrimSuffix(dataBuffer, "\n")
				}
				blocks = append(blocks, b)
			}
			dataBuffer, typeBuffer = "", ""
			hasID, retry, effect = false, -1, false
			continue
		}
		if text, ok := strings.CutPrefix(line, ":"); ok {
			comments = append(comments, strings.TrimPrefix(text, " "))
			continue
		}
		field, value := line, ""
		if colon := strings.Index(line, ":"); colon >= 0 {
			field, value = line[:colon], line[colon+1:]
			value = strings.TrimPrefix(value, " ")
		}
		switch {
		case field == "event":
			typeBuffer = value
		case field == "data":
			dataBuffer += value + "\n"
		case field == "id" && !strings.Contains(value, "\x00"):
			idBuffer, hasID = value, true
		case field == "retry" && value != "" && strings.Trim(value, "0123456789") == "":
			retry = milliseconds(value)
		default:
			continue
		}
		effect = true
	}
	return blocks, comments
}

func milliseconds(digits string) time.Duration {
	n, _ := new(big.Int).SetString(digits, 10)
	n.Mul(n, big.NewInt(int64(time.Millisecond)))
	if !n.IsInt64() {
		return math.MaxInt64
	}
	return time.Duration(n.Int64())
}

// normalise is what data becomes on its way through a stream.
func normalise(data []byte) []byte {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
}
