package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// UnixPath is the path of an address such as unix:/run/loglane.sock.
func UnixPath(addr string) (path string, found bool) { return strings.CutPrefix(addr, "unix:") }

const (
	// socketMode lets the socket's user and group in; the folder around it may let fewer.
	socketMode fs.FileMode = 0o660
	// knockTime is how long a program at a socket may take to let somebody in.
	knockTime = time.Second
)

// listenUnix opens a Unix socket. One that a program has left behind gives way; a file that
// is no socket, and one where a program still listens, do not. The socket goes with the
// listener's end.
func listenUnix(ctx context.Context, path string) (net.Listener, error) {
	if err := clearSocket(path); err != nil {
		return nil, fmt.Errorf("--addr unix:%s: %w", path, err)
	}
	config := net.ListenConfig{Control: narrowSocket}
	listener, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("--addr unix:%s: %w", path, err)
	}
	if err := os.Chmod(path, socketMode); err != nil { // what the umask took, the group has again
		return nil, errors.Join(fmt.Errorf("--addr unix:%s: %w", path, err), listener.Close())
	}
	return listener, nil
}

// clearSocket removes a socket where nobody listens any more.
func clearSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file that is no socket: remove it, or choose another path")
	}
	conn, err := net.DialTimeout("unix", path, knockTime)
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return errors.New("a program listens there: stop it, or choose another path")
	}
	return os.Remove(path)
}
