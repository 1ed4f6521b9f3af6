package e2e

import (
	"os"
	"strings"
	"testing"
)

// A block is a fenced block of a page, and the text of it.
type block struct {
	language, text string
	line           int
}

// blocks returns the fenced blocks of a Markdown page.
func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	for i, line := range strings.Split(string(data), "\n") {
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{language: language, line: i + 1}
		case fence:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block has no end", page, open.line)
	}
	return all
}

// blockWith returns the one block of a language that has a text in it.
func blockWith(t *testing.T, page, language, part string) string {
	t.Helper()
	var found []block
	for _, b := range blocks(t, page) {
		if b.language == language && strings.Contains(b.text, part) {
			found = append(found, b)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s has %d blocks of %s with %q, not one", page, len(found), language, part)
	}
	return found[0].text
}
