package auth_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/loglane/loglane/internal/auth"
)

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file, log := newFile(t), &logBuffer{}
		users := openUsers(t, file, slog.New(slog.NewTextHandler(log, nil)))
		var changed []string
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go users.Watch(ctx, func(c auth.Changed) { changed = append(changed, c.Users...) })
		wait := func() {
			t.Helper()
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
		}
		expect := func(what string, want ...string) {
			t.Helper()
			wait()
			slices.Sort(changed)
			if !slices.Equal(changed, want) {
				t.Errorf("%s: changed are %q, want %q", what, changed, want)
			}
			changed = nil
		}
		known := func(name string) bool { _, found := users.Lookup(name); return found }

		expect("no edit")
		must(t, file.SetRole("alice", auth.Operator))
		must(t, file.Remove("olga"))
		must(t, file.Add("bob", auth.Viewer, password))
		expect("edits", "alice", "olga")
		if known("olga") || !known("bob") {
			t.Error("the users are the old ones")
		}

		good := read(t, file.Path)
		for _, broken := range []string{"", "\n", "user", good + "user x\n"} {
			write(t, file.Path, broken)
			expect("broken edit")
			for range 10 {
				wait()
			}
			if !known("bob") {
				t.Fatalf("a broken edit %q lost users", broken)
			}
		}
		must(t, os.Remove(file.Path))
		expect("removed file")
		if got := log.count("level=ERROR"); got != 4 {
			t.Errorf("%d errors were logged, want one for each kind of breakage", got)
		}
		write(t, file.Path, good)
		expect("mended file")
		if log.count("can be used again") != 1 {
			t.Error("the mending was not logged once")
		}
		write(t, file.Path, "# nobody\n")
		expect("file without users", "adam", "alice", "bob")
		if known("bob") || log.count("nobody can sign in any more") != 1 {
			t.Error("the users are the old ones")
		}
		if _, err := users.Verify(t.Context(), "bob", password); status(err) != 401 {
			t.Errorf("without users: %v", err)
		}
	})
}

// An edit in place, of the same length and within the clock's granularity, is only seen
// in the content.
func TestWatchSeesWhatTheClockDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := newFile(t)
		must(t, file.SetRole("alice", auth.Admin))
		text := read(t, file.Path)
		stat, err := os.Stat(file.Path)
		must(t, err)
		users := openUsers(t, file, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var changed []string
		go users.Watch(ctx, func(c auth.Changed) { changed = append(changed, c.Users...) })

		other := []byte(text)
		copy(other[slices.Index(other, '$'):], "$argon2id$v=19$m=9") // same length
		write(t, file.Path, string(other))
		must(t, os.Chtimes(file.Path, stat.ModTime(), stat.ModTime()))
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if len(changed) != 1 {
			t.Errorf("changed are %q", changed)
		}
	})
}

func TestWatchFollowsALinkThatMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := newFile(t), newFile(t)
		must(t, next.Remove("alice"))
		link := filepath.Join(t.TempDir(), "users")
		must(t, os.Symlink(old.Path, link))
		linked := old
		linked.Path = link
		users := openUsers(t, linked, nil)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go users.Watch(ctx, nil)
		must(t, os.Symlink(next.Path, link+".new"))
		must(t, os.Rename(link+".new", link))
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if _, found := users.Lookup("alice"); found {
			t.Error("alice is still there")
		}
	})
}
