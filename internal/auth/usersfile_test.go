package auth_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

func names(t *testing.T, file auth.UsersFile) string {
	t.Helper()
	users, err := file.List()
	must(t, err)
	var names []string
	for _, u := range users {
		names = append(names, fmt.Sprintf("%s:%v", u.Name, u.Role))
	}
	return strings.Join(names, " ")
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return string(data)
}

func TestUsersFileEdits(t *testing.T) {
	file := auth.UsersFile{Path: filepath.Join(t.TempDir(), "users"), Template: loglane.DefaultTemplate, Cost: cheap}
	must(t, file.Add("alice", auth.Viewer, password))
	must(t, file.Add("Zoë \"Z\" Smith", auth.Operator, password))
	must(t, file.Add("李\u3000雷\\#\n", auth.Admin, password))
	if got, want := names(t, file), "alice:viewer Zoë \"Z\" Smith:operator 李\u3000雷\\#\n:admin"; got != want {
		t.Errorf("users %q, want %q", got, want)
	}
	must(t, file.SetRole("alice", auth.Operator))
	must(t, file.SetPassword("Zoe\u0308 \"Z\" Smith", "another horse"))
	must(t, file.Remove("李\u3000雷\\#\n"))
	if got, want := names(t, file), "alice:operator Zoë \"Z\" Smith:operator"; got != want {
		t.Errorf("users %q, want %q", got, want)
	}
	users := openUsers(t, file, nil)
	if _, err := users.Verify(t.Context(), "Zoë \"Z\" Smith", "another horse"); err != nil {
		t.Error(err)
	}
	must(t, file.Remove("alice"))
	must(t, file.Remove("Zoë \"Z\" Smith"))
	if text := read(t, file.Path); names(t, file) != "" || !strings.HasPrefix(text, "# ") {
		t.Errorf("the file without users is %q", text)
	}
	must(t, file.Add("alice", auth.Viewer, password))
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file.Path), ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("files are left behind: %q, %v", left, err)
	}
}

func TestUsersFileKeepsTheRest(t *testing.T) {
	file := newFile(t)
	before := "# by hand\n\n  # more\n" + read(t, file.Path) + "# the end\n"
	write(t, file.Path, before)
	must(t, file.SetRole("olga", auth.Admin))
	after := strings.Split(read(t, file.Path), "\n")
	for i, line := range strings.Split(before, "\n") {
		rest, olgas := strings.CutPrefix(line, "user olga operator ")
		if !olgas {
			if after[i] != line {
				t.Errorf("the line\n%s became\n%s", line, after[i])
			}
			continue
		}
		hash, stamp, _ := strings.Cut(rest, " ")
		fresh, found := strings.CutPrefix(after[i], "user olga admin "+hash+" ")
		if !found || len(fresh) != 12 || fresh == stamp {
			t.Errorf("the line\n%s became\n%s", line, after[i])
		}
	}
	before = read(t, file.Path)
	must(t, file.SetRole("olga", auth.Admin))
	if read(t, file.Path) != before {
		t.Error("the role that she has already changed the file")
	}
}

func TestUsersFileRefusals(t *testing.T) {
	file := newFile(t)
	must(t, file.Add("Zoë", auth.Viewer, password))
	before := read(t, file.Path)
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"name exists", file.Add("alice", auth.Viewer, password), []string{"alice", "already", "loglane user passwd alice --auth-file " + file.Path}},
		{"name exists in another spelling", file.Add("Zoe\u0308", auth.Viewer, password), []string{"Zoë", "already"}},
		{"no such name", file.SetPassword("bob", password), []string{`"bob"`, "loglane user add bob --auth-file " + file.Path}},
		{"no such name", file.SetRole("bob smith", auth.Admin), []string{`loglane user add "bob smith"`}},
		{"no such name", file.Remove("\xff"), []string{"no user"}},
		{"empty password", file.Add("bob", auth.Viewer, ""), []string{"bob", "empty"}},
		{"short password", file.Add("bob", auth.Viewer, "1234567"), []string{"fewer than 8 characters"}},
		{"short password of many bytes", file.SetPassword("alice", "李李李李李李李"), []string{"fewer than 8 characters"}},
		{"long password", file.SetPassword("alice", strings.Repeat("x", 1025)), []string{"more than 1024 bytes"}},
		{"no name", file.Add("", auth.Viewer, password), []string{"empty"}},
		{"long name", file.Add(strings.Repeat("é", 101), auth.Viewer, password), []string{"202 bytes", "200"}},
		{"long encoded name", file.Add(strings.Repeat(" ", 67), auth.Viewer, password), []string{"201 bytes"}},
		{"malformed name", file.Add("\xff", auth.Viewer, password), []string{"UTF-8"}},
		{"unknown role", file.Add("bob", auth.Role(9), password), []string{"role"}},
		{"unknown role", file.SetRole("alice", auth.Role(-1)), []string{"role"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { wantError(t, test.err, test.want...) })
	}
	if read(t, file.Path) != before {
		t.Error("a refused edit changed the file")
	}
}

func TestUsersFileNeedsAFile(t *testing.T) {
	folder := t.TempDir()
	file := auth.UsersFile{Path: filepath.Join(folder, "users"), Template: loglane.DefaultTemplate, Cost: cheap}
	wantError(t, file.SetRole("alice", auth.Admin), "does not exist", "loglane user add NAME --auth-file "+file.Path)
	_, err := file.List()
	wantError(t, err, "does not exist")
	file.Path = filepath.Join(folder, "nowhere", "users")
	wantError(t, file.Add("alice", auth.Admin, password), "nowhere")
	file.Path = folder
	wantError(t, file.Add("alice", auth.Admin, password), "not a regular file")
	file.Path = filepath.Join(folder, "broken")
	write(t, file.Path, "user alice\n")
	wantError(t, file.Add("bob", auth.Admin, password), "line 1", "by hand first")
}

func TestUsersFileMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	file := newFile(t)
	for _, test := range []struct{ before, after fs.FileMode }{{0o600, 0o600}, {0o640, 0o640}, {0o666, 0o640}, {0o400, 0o600}} {
		must(t, os.Chmod(file.Path, test.before))
		must(t, file.SetRole("alice", auth.Viewer))
		stat, err := os.Stat(file.Path)
		must(t, err)
		if stat.Mode().Perm() != test.after {
			t.Errorf("mode %v became %v, want %v", test.before, stat.Mode().Perm(), test.after)
		}
	}
}

func TestUsersFileFollowsALink(t *testing.T) {
	file := newFile(t)
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(file.Path, link))
	linked := file
	linked.Path = link
	must(t, linked.Remove("alice"))
	if stat, err := os.Lstat(link); err != nil || stat.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is no link any more: %v", err)
	}
	if strings.Contains(names(t, file), "alice") {
		t.Error("the file behind the link was not changed")
	}
}

func TestEditsAtOnce(t *testing.T) {
	file := newFile(t)
	var edits sync.WaitGroup
	for i := range 20 {
		edits.Go(func() {
			if err := file.Add(fmt.Sprint("user", i), auth.Viewer, password); err != nil {
				t.Error(err)
			}
		})
	}
	edits.Wait()
	if n := strings.Count(names(t, file), "user"); n != 20 {
		t.Errorf("%d of 20 users are there", n)
	}
}
