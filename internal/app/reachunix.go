package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
)

// examineSocket says whether a gateway could listen at a Unix socket, or does already.
func examineSocket(ctx context.Context, s *Settings, path string) []Finding {
	const check = "addr"
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return []Finding{{check, Failing, err.Error(), "make the folder, or set --addr to a socket in another"}}
		}
		return []Finding{{check, Fine, s.Addr + " is free", ""}}
	case err != nil:
		return []Finding{{check, Failing, err.Error(), "let this user look there, or set --addr to another socket"}}
	case info.Mode().Type() != fs.ModeSocket:
		return []Finding{{check, Failing, path + " is a file and no socket", "remove it, or set --addr to another"}}
	case gatewayAtSocket(ctx, s):
		return []Finding{{check, Fine, "a gateway answers at " + s.Addr, ""}}
	}
	conn, err := s.Dial(ctx, "", "")
	if errors.Is(err, syscall.ECONNREFUSED) {
		return []Finding{{check, Fine, s.Addr + " was left behind, and gives way", ""}}
	}
	if err == nil {
		conn.Close()
		err = fmt.Errorf("%s is in use, and no gateway with this base path answers there", s.Addr)
	}
	return []Finding{{check, Failing, err.Error(), "stop the program that has it, or set --addr or --base-path to another"}}
}

func gatewayAtSocket(ctx context.Context, s *Settings) bool {
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"healthz", nil)
	if err != nil {
		return false
	}
	// Nothing secret is sent, and a certificate for the public name suits no socket.
	transport := &http.Transport{DialContext: s.Dial, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	var health struct{ Status string }
	body, _ := io.ReadAll(io.LimitReader(response.Body, mostAnswer)) // one that is cut is not JSON
	return response.StatusCode == http.StatusOK && json.Unmarshal(body, &health) == nil && health.Status == "ok"
}
