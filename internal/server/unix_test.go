//go:build unix

package server_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/loglane/loglane/internal/server"
)

func TestAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.sock")
	listener, err := server.Listen(t.Context(), "unix:"+path)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o660 {
		t.Errorf("its mode is %v", info.Mode())
	}
	// A second program does not take it away.
	if _, err := server.Listen(t.Context(), "unix:"+path); err == nil || !strings.Contains(err.Error(), "--addr unix:"+path+": a program listens there") {
		t.Errorf("a second one: %v", err)
	}
	conn, err := net.Dial("unix", path)
	must(t, err)
	must(t, conn.Close())
	must(t, listener.Close())
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("it stays behind: %v", err)
	}
}

// What a program that was killed has left behind gives way, and nothing else does.
func TestAUnixSocketThatWasLeftBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gw.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	left.SetUnlinkOnClose(false)
	must(t, left.Close())
	listener, err := server.Listen(t.Context(), "unix:"+path)
	must(t, err)
	must(t, listener.Close())

	must(t, os.WriteFile(path, []byte("precious"), 0o600))
	if _, err := server.Listen(t.Context(), "unix:"+path); err == nil || !strings.Contains(err.Error(), "a file that is no socket") {
		t.Errorf("a file: %v", err)
	}
	if data, err := os.ReadFile(path); string(data) != "precious" {
		t.Errorf("the file has %q, %v", data, err)
	}
	must(t, os.Remove(path))
	target := filepath.Join(t.TempDir(), "target")
	must(t, os.WriteFile(target, nil, 0o600))
	must(t, os.Symlink(target, path))
	if _, err := server.Listen(t.Context(), "unix:"+path); err == nil {
		t.Error("a link is taken")
	}
	if _, err := server.Listen(t.Context(), "unix:"+filepath.Join(path, "none", "gw.sock")); err == nil {
		t.Error("a folder that is not there is taken")
	}
}

// Whatever the umask is, the user and the group come in, and nobody else.
func TestAUnixSocketUnderAnyUmask(t *testing.T) {
	for _, umask := range []int{0, 0o077} {
		old := syscall.Umask(umask)
		listener, err := server.Listen(t.Context(), "unix:"+filepath.Join(t.TempDir(), "gw.sock"))
		syscall.Umask(old)
		must(t, err)
		info, err := os.Stat(listener.Addr().String())
		must(t, err)
		if info.Mode().Perm() != 0o660 {
			t.Errorf("with umask %o its mode is %v", umask, info.Mode())
		}
		must(t, listener.Close())
	}
}
