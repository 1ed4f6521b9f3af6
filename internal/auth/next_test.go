package auth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
)

func TestSafeNext(t *testing.T) {
	tests := []struct{ next, base, want string }{
		{"/", "/", "/"},
		{"/?channel=global", "/", "/?channel=global"},
		{"/?user=Zo%C3%AB%20Smith", "/", "/?user=Zo%C3%AB%20Smith"},
		{"/?user=Zoë", "/", "/?user=Zoë"},
		{"/?q=https://example.com/", "/", "/?q=https://example.com/"},
		{"/a/b/", "/", "/a/b/"},
		{"/a%20b", "/", "/a%20b"},
		{"/100%25", "/", "/100%25"},
		{"/a#b", "/", "/a"},
		{"/#//evil.example", "/", "/"},
		{"/logs", "/logs/", "/logs"},
		{"/logs/?a=b", "/logs", "/logs/?a=b"},

		{"", "", "/"},
		{"", "/logs", "/logs"},
		{"/other", "/logs", "/logs"},
		{"/logsother", "/logs", "/logs"},
		{"/logs/../other", "/logs", "/logs"},
		{"/logs/%2e%2e/other", "/logs", "/logs"},
		{"/logs/%252e%252e/other", "/logs", "/logs"},
		{"/logs/..%2fother", "/logs", "/logs"},

		{"relative", "/", "/"},
		{"?a=b", "/", "/"},
		{"evil.example", "/", "/"},
		{"//evil.example", "/", "/"},
		{"///evil.example", "/", "/"},
		{"////evil.example", "/", "/"},
		{"/a//evil.example", "/", "/"},
		{"//evil.example/%2f..", "/", "/"},
		{"/\\evil.example", "/", "/"},
		{"\\\\evil.example", "/", "/"},
		{"\\/evil.example", "/", "/"},
		{"/\\/evil.example", "/", "/"},
		{"/a\\b", "/", "/"},
		{"/%5cevil.example", "/", "/"},
		{"/%5c%5cevil.example", "/", "/"},
		{"/%255cevil.example", "/", "/"},
		{"/%2fevil.example", "/", "/"},
		{"/%2F%2Fevil.example", "/", "/"},
		{"/%252fevil.example", "/", "/"},
		{"/%25252525252fevil.example", "/", "/"},
		{"/.//evil.example", "/", "/"},
		{"/..//evil.example", "/", "/"},
		{"/./evil", "/", "/"},
		{"https://evil.example", "/", "/"},
		{"https:evil.example", "/", "/"},
		{"https:/evil.example", "/", "/"},
		{"HTTPS:\\\\evil.example", "/", "/"},
		{"javascript:alert(1)", "/", "/"},
		{"data:text/html,x", "/", "/"},
		{"@evil.example", "/", "/"},
		{" //evil.example", "/", "/"},
		{"/ /evil.example", "/", "/"},
		{"\t//evil.example", "/", "/"},
		{"/\t/evil.example", "/", "/"},
		{"/\n/evil.example", "/", "/"},
		{"/\r\nSet-Cookie: a=b", "/", "/"},
		{"/%0d%0aSet-Cookie:a=b", "/", "/"},
		{"/%09/evil.example", "/", "/"},
		{"/\x00", "/", "/"},
		{"/%00", "/", "/"},
		{"/\u0085/evil.example", "/", "/"},
		{"/\xff", "/", "/"},
		{"/%zz", "/", "/"},
		{"/" + strings.Repeat("a", 2048), "/", "/"},
	}
	for _, test := range tests {
		if got := auth.SafeNext(test.next, test.base); got != test.want {
			t.Errorf("SafeNext(%q, %q) is %q, want %q", test.next, test.base, got, test.want)
		}
	}
}

func FuzzSafeNext(f *testing.F) {
	for _, next := range []string{"/logs/?a=b#c", "//evil", "/logs/%2f/evil", "/\\evil", "/logs/..//", "https:x"} {
		f.Add(next)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := auth.SafeNext(next, "/logs")
		if again := auth.SafeNext(got, "/logs"); again != got {
			t.Fatalf("%q becomes %q, and that %q", next, got, again)
		}
		// What a browser is sent to must be on the origin and below the base path.
		w := httptest.NewRecorder()
		http.Redirect(w, httptest.NewRequest("POST", "https://here.example/logs/login", nil), got, http.StatusSeeOther)
		origin := &url.URL{Scheme: "https", Host: "here.example", Path: "/logs/login"}
		target, err := origin.Parse(w.Header().Get("Location"))
		if err != nil || target.Scheme != "https" || target.Host != "here.example" ||
			target.Path != "/logs" && !strings.HasPrefix(target.Path, "/logs/") {
			t.Fatalf("%q leads to %v, %v", next, target, err)
		}
	})
}
