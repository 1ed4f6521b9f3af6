package auth_test

import (
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/auth"
)

func TestAuthorize(t *testing.T) {
	with := func(role auth.Role) *auth.Principal {
		return &auth.Principal{Name: "alice", Role: role, Channel: "logs:User.alice", Channels: []string{"logs:job_1", "logs:ll:control"}}
	}
	tests := []struct {
		channel                 string
		viewer, operator, admin bool
	}{
		{"logs:User.alice", true, true, true},
		{"logs:job_1", true, true, true},
		{"logs:global", false, true, true},
		{"logs:User.bob", false, false, true},
		{"logs:User.Alice", false, false, true},
		{"logs:job_2", false, false, true},
		{"", false, false, false},
		{"logs:", false, false, false},
		{"User.alice", false, false, false},
		{"global", false, false, false},
		{"logs:ll:control", false, false, false},
		{"logs:a{b}", false, false, false},
		{"stream:logs:User.bob", false, false, false},
	}
	for _, test := range tests {
		for role, want := range map[auth.Role]bool{auth.Viewer: test.viewer, auth.Operator: test.operator, auth.Admin: test.admin} {
			err := with(role).Authorize(test.channel, auth.Read)
			if (err == nil) != want || err != nil && status(err) != 403 {
				t.Errorf("%v, channel %q: %v", role, test.channel, err)
			}
		}
		if err := with(auth.Admin).Authorize(test.channel, 0); status(err) != 403 {
			t.Errorf("no action, channel %q: %v", test.channel, err)
		}
		for _, nobody := range []*auth.Principal{nil, {}} {
			if err := nobody.Authorize(test.channel, auth.Read); status(err) != 403 {
				t.Errorf("nobody, channel %q: %v", test.channel, err)
			}
		}
	}
	// What is refused reads the same whether the channel exists or not.
	a, b := with(auth.Viewer).Authorize("logs:User.bob", auth.Read), with(auth.Viewer).Authorize("logs:User.x", auth.Read)
	if a.Error() != b.Error() {
		t.Errorf("%q and %q differ", a, b)
	}
}

func TestRoles(t *testing.T) {
	for _, role := range []auth.Role{auth.Viewer, auth.Operator, auth.Admin} {
		again, err := auth.ParseRole(role.String())
		if err != nil || again != role {
			t.Errorf("%v is read as %v, %v", role, again, err)
		}
	}
	for _, s := range []string{"", "Admin", "root", "Role(7)"} {
		if role, err := auth.ParseRole(s); err == nil {
			t.Errorf("%q is read as %v", s, role)
		}
	}
	if !(auth.Viewer < auth.Operator && auth.Operator < auth.Admin) || auth.Role(7).String() != "Role(7)" {
		t.Error("the roles are not in order")
	}
}

func TestWhatMayBeWritten(t *testing.T) {
	token := &auth.Principal{Token: "t1", Role: auth.Admin, Channel: "logs:User.alice", Writes: []string{"job_1", "User.a*"}}
	for channel, want := range map[string]bool{
		"logs:job_1": true, "logs:job_10": false, "logs:User.a": true, "logs:User.alice": true, "logs:User.a*": true,
		"logs:User.bob": false, "logs:global": false, "logs:ll:control": false, "logs:": false, "": false, "User.alice": false,
	} {
		if err := token.Authorize(channel, auth.Write); (err == nil) != want || err != nil && status(err) != 403 {
			t.Errorf("%q: %v", channel, err)
		}
	}
	all := &auth.Principal{Token: "t2", Writes: []string{"*"}}
	if err := all.Authorize("logs:global", auth.Write); err != nil {
		t.Errorf("everything: %v", err)
	}
	if err := all.Authorize("logs:User.alice", auth.Read); status(err) != 403 || !strings.Contains(err.Error(), "scope read") {
		t.Errorf("a token that writes reads: %v", err)
	}
	session := &auth.Principal{Name: "adam", Role: auth.Admin, Channel: "logs:User.adam"}
	if err := session.Authorize("logs:User.adam", auth.Write); status(err) != 403 {
		t.Errorf("a session writes: %v", err)
	}
}

func TestWhoMayEmptyAChannel(t *testing.T) {
	for role, want := range map[auth.Role]bool{auth.Viewer: false, auth.Operator: false, auth.Admin: true} {
		p := &auth.Principal{Role: role, Channel: "logs:User.alice", Writes: []string{"*"}}
		if err := p.Authorize("logs:User.alice", auth.Purge); (err == nil) != want {
			t.Errorf("%v: %v", role, err)
		}
	}
}
