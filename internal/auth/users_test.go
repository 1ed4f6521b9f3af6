package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// hash is of no password.
const hash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"

func TestOpenUsersReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "\ufeff# comment\r\n\r\nuser alice viewer "+hash+"\r\n"+
		"\tuser  \"bob \\\"b\\\" smith\"\toperator "+hash+" \n"+
		"user Zoë admin "+hash)
	users, err := auth.OpenUsers(path, loglane.DefaultTemplate, nil)
	must(t, err)
	for name, want := range map[string]auth.Role{"alice": auth.Viewer, `bob "b" smith`: auth.Operator, "Zoe\u0308": auth.Admin} {
		if user, found := users.Lookup(name); !found || user.Role != want {
			t.Errorf("%q is %+v, %v", name, user, found)
		}
	}
	if _, found := users.Lookup("\xff"); found {
		t.Error("found a name that cannot be")
	}
}

func TestOpenUsersRefuses(t *testing.T) {
	line := func(name string) string { return "user " + name + " viewer " + hash + "\n" }
	tests := []struct {
		name, content string
		want          []string
	}{
		{"empty", "", []string{"no users", "loglane user add NAME --auth-file"}},
		{"only comments", "# nobody\n", []string{"no users"}},
		{"another format", "users:\n  - alice\n", []string{"line 1", `"users:"`, "line 2"}},
		{"binary", "user \x00\n", []string{"line 1", "not UTF-8 text"}},
		{"no role", line("alice") + "user bob\n", []string{"line 2", "user NAME ROLE PASSWORD"}},
		{"no password", "user bob viewer\n", []string{"line 1", "user NAME ROLE PASSWORD"}},
		{"spaces without quotes", "user bob smith viewer " + hash + "\n", []string{"line 1", "double quotes"}},
		{"more than a line has", "user bob viewer " + hash + " x y\n", []string{"line 1"}},
		{"no stamp", "user bob viewer " + hash + " x$y\n", []string{"line 1"}},
		{"long stamp", "user bob viewer " + hash + " " + strings.Repeat("x", 65) + "\n", []string{"line 1"}},
		{"unknown role", "user bob root " + hash + "\n", []string{"line 1", `"root"`, "viewer, operator or admin"}},
		{"quotes that do not end", "user \"bob viewer " + hash + "\n", []string{"line 1", "do not end"}},
		{"nothing after quotes", "user \"bob\"viewer " + hash + "\n", []string{"line 1", "no space"}},
		{"plain password", "user bob viewer secret\n", []string{"line 1", "not an argon2id hash", "loglane user passwd bob"}},
		{"other hash", "user bob viewer $2y$05$abcdefghijklmnopqrstuv\n", []string{"line 1", "not an argon2id hash"}},
		{"endless hash", "user bob viewer " + strings.Replace(hash, "m=8", "m=4294967295", 1) + "\n", []string{"line 1", "costs more"}},
		{"impossible hash", "user bob viewer " + strings.Replace(hash, "t=1", "t=0", 1) + "\n", []string{"line 1", "too small"}},
		{"same name twice", line("alice") + "\n" + line("alice"), []string{"line 3", `"alice"`, "line 1"}},
		{"same channel twice", line("Zo\u00eb") + line("Zoe\u0308"), []string{"line 2", "line 1"}},
		{"name too long", line(strings.Repeat("x", 201)), []string{"line 1", "201 bytes", "cannot be a channel"}},
		{"empty name", line(`""`), []string{"line 1"}},
		{"malformed name", line(`"\xff"`), []string{"line 1", "UTF-8"}},
		{"many malformed lines", strings.Repeat("x\n", 20), []string{"line 5", "and 15 more"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "users")
			write(t, path, test.content)
			_, err := auth.OpenUsers(path, loglane.DefaultTemplate, nil)
			wantError(t, err, append(test.want, path)...)
			if strings.Contains(err.Error(), "$argon2id$") || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func TestOpenUsersNeedsAReadableFile(t *testing.T) {
	folder := t.TempDir()
	open := func(path string) error {
		_, err := auth.OpenUsers(path, loglane.DefaultTemplate, nil)
		return err
	}
	missing := filepath.Join(folder, "missing")
	wantError(t, open(missing), "does not exist", "loglane user add NAME --auth-file "+missing)
	wantError(t, open(folder), "not a regular file")
	if os.Geteuid() == 0 {
		t.Skip("root reads everything")
	}
	locked := filepath.Join(folder, "locked")
	write(t, locked, "")
	must(t, os.Chmod(locked, 0))
	wantError(t, open(locked), locked, "cannot be read", "let the account")
}

func TestUnknownNamesCostTheSame(t *testing.T) {
	file := newFile(t)
	cost := func(hash string) string { return strings.Split(hash, "$")[3] }
	if got := cost(auth.DummyHash(openUsers(t, file, nil))); got != "m=8,t=1,p=1" {
		t.Errorf("an unknown name costs %s", got)
	}
	file.Cost.Memory = 16
	must(t, file.SetPassword("alice", password))
	must(t, file.SetPassword("olga", password))
	if got := cost(auth.DummyHash(openUsers(t, file, nil))); got != "m=16,t=1,p=1" {
		t.Errorf("an unknown name costs %s", got)
	}
}
