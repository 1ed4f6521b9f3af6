package auth

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// FuzzBearer: a header with a word that begins like a token never reaches another way in,
// and only the exact form has an id.
func FuzzBearer(f *testing.F) {
	const token = "llt_abcdefghijkl_0123456789012345678901234567890123456789_-A"
	f.Add("Bearer "+token, "")
	f.Add("bearer\t"+token+" ", "Basic abc")
	f.Add("Basic llt_", token)
	f.Fuzz(func(t *testing.T, first, second string) {
		values := []string{first}
		if second != "" {
			values = append(values, second)
		}
		text, ours := bearer(http.Header{"Authorization": values})
		words := strings.Fields(strings.Join(values, " "))
		if meant := slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, TokenPrefix) }); meant != ours {
			t.Fatalf("%q: ours is %v", values, ours)
		}
		id, ok := tokenID(text)
		if ok && (second != "" || len(words) != 2 || words[1] != text || !strings.HasPrefix(text, TokenPrefix+id+"_")) {
			t.Fatalf("%q has the token %q of %q", values, text, id)
		}
	})
}
