package auth_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
)

func TestNamesKeepWaysApart(t *testing.T) {
	for _, c := range []struct {
		names      auth.Names
		told, want string // "" is refused
	}{
		{auth.Names{}, "alice", "alice"},
		{auth.Names{Prefix: "corp:"}, "alice", "corp:alice"},
		{auth.Names{Prefix: "corp:"}, "corp:alice", "corp:corp:alice"},
		{auth.Names{Others: []string{"corp:"}}, "alice", "alice"},
		{auth.Names{Others: []string{"corp:"}}, "corp:alice", ""},
		{auth.Names{Others: []string{"corp:"}}, "corp:", ""},
		{auth.Names{Others: []string{"x:", "corp:"}}, "corp:\u0301", ""},
		{auth.Names{Others: []string{"corp:"}}, "Corp:alice", "Corp:alice"}, // channels know capitals
		{auth.Names{Others: []string{"a"}}, "álice", "álice"},               // no name of the other begins so
		{auth.Names{Prefix: "a"}, "\u0301lice", ""},
		{auth.Names{Prefix: "a"}, "lice", "alice"},
		{auth.Names{Others: []string{"a"}}, "alice", ""},
		{auth.Names{Prefix: "a:", Others: []string{"a:"}}, "bob", "a:bob"}, // shared names
		{auth.Names{Prefix: "a:"}, "", ""},
		{auth.Names{Prefix: "a:"}, strings.Repeat("x", 199), ""},
		{auth.Names{}, "\xff", ""},
	} {
		got, err := c.names.Make(c.told)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v makes %q of %q (%v), want %q", c.names, got, c.told, err, c.want)
		}
	}
}

// No two ways make one channel, whatever they are told.
func FuzzNames(f *testing.F) {
	f.Add("alice", "alice", "corp:")
	f.Add("corp:alice", "alice", "corp:")
	f.Add("a\u0301", "\u0301", "a")
	f.Add("\u1e55", "\u0301", "corp")
	f.Fuzz(func(t *testing.T, one, other, prefix string) {
		if auth.CheckNamePrefix(prefix) != nil {
			return
		}
		plain, err := auth.Mint{Names: auth.Names{Others: []string{prefix}}}.Principal(one, nil)
		if err != nil {
			return
		}
		prefixed, err := auth.Mint{Names: auth.Names{Prefix: prefix}}.Principal(other, nil)
		if err == nil && plain.Channel == prefixed.Channel {
			t.Errorf("%q and %q behind %q are both %s", one, other, prefix, plain.Channel)
		}
	})
}

func TestCheckNamePrefix(t *testing.T) {
	for prefix, want := range map[string]bool{
		"corp:": true, "a": true, "": false, "a b": false, "é:": false, "a%": false, "a{": false, strings.Repeat("x", 33): false,
	} {
		if err := auth.CheckNamePrefix(prefix); (err == nil) != want {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

func TestSignInRefusesAnotherWaysName(t *testing.T) {
	g := newGateway(t, func(o *auth.LoginOptions) { o.Names = auth.Names{Others: []string{"corp:"}} })
	must(t, g.file.Add("corp:alice", auth.Viewer, password))
	later := g.peer(func(o *auth.LoginOptions) { o.Names = auth.Names{Others: []string{"corp:"}} })
	_, err := later.SignIn(httptest.NewRecorder(), request(), "corp:alice", password)
	wantError(t, err, `begins with "corp:", which goes before the names of another way in`)
	// A session from before another way in had the prefix stands no longer.
	before := g.peer(nil)
	_, cookie := before.signIn("corp:alice")
	if name := later.who(cookie); name != "" {
		t.Errorf("the session stands for %q", name)
	}
	later.signIn("alice")
}
