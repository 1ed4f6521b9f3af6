package app

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/loglane/loglane/internal/auth"
)

// examineAudit says where the audit goes; it makes no file.
func examineAudit(_ context.Context, s *Settings) []Finding {
	const check = "audit-log"
	switch {
	case s.AuditLog == "" && s.LogLevel != "debug" && s.LogLevel != "info":
		return []Finding{{check, Warning, "nothing is written of who reads others' lines: --log-level=" + s.LogLevel + " leaves it out", "set --audit-log"}}
	case s.AuditLog == "":
		return []Finding{{check, Fine, "it stands among the gateway's own log lines", ""}}
	case s.AuditLog == "-":
		return []Finding{{check, Fine, "it goes to standard error", ""}}
	}
	file, err := os.OpenFile(s.AuditLog, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		file.Close()
		return []Finding{{check, Fine, s.AuditLog + " can be written", ""}}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return []Finding{{check, Failing, err.Error(), "let the gateway's user write there, or set --audit-log to another file"}}
	}
	if info, err := os.Stat(filepath.Dir(s.AuditLog)); err != nil || !info.IsDir() {
		return []Finding{{check, Failing, "the folder of " + s.AuditLog + " does not exist", "make it, or set --audit-log to another file"}}
	}
	return []Finding{{check, Fine, s.AuditLog + " is not there yet: the start makes it", ""}}
}

// examineMetrics says whether the counters can be served, to whom nobody asks who they are.
func examineMetrics(ctx context.Context, s *Settings) []Finding {
	const check = "metrics"
	if s.MetricsAddr == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.MetricsAddr)
	switch {
	case err == nil:
		listener.Close()
	case !errors.Is(err, syscall.EADDRINUSE):
		return []Finding{{check, Failing, err.Error(), "set --metrics-addr to an address of this machine and a port that this user may open"}}
	case !metricsAt(ctx, s.MetricsAddr):
		return []Finding{{check, Failing, s.MetricsAddr + " is in use, and no gateway's metrics answer there", "stop the program that has it, or set --metrics-addr to another"}}
	}
	who := "whoever is on this machine"
	if !auth.LoopbackHost(s.MetricsAddr) {
		who = "whoever reaches " + s.MetricsAddr
	}
	text := s.MetricsAddr + " is free"
	if err != nil {
		text = "a gateway's metrics answer at " + s.MetricsAddr
	}
	return []Finding{{check, Fine, text + ", for " + who + ": no login is asked for", ""}}
}

// metricsAt says whether a gateway's counters are served at an address.
func metricsAt(ctx context.Context, address string) bool {
	a := ask(ctx, "http://"+address+"/metrics", "text/plain", nil)
	return a.err == nil && bytes.Contains(a.body, []byte("loglane_"))
}

// examineViewers says what is kept from those who are no more than viewers.
func examineViewers(_ context.Context, s *Settings) []Finding {
	var seen []string
	if s.ViewerLevel != "" {
		seen = append(seen, "lines of the level "+s.ViewerLevel+" and above")
	}
	if s.ViewerFields != "" {
		seen = append(seen, "the members "+s.ViewerFields+" and no others")
	}
	if len(seen) == 0 {
		return []Finding{{"viewers", Fine, "they see all of their lines", ""}}
	}
	return []Finding{{"viewers", Fine, "they see " + strings.Join(seen, ", with "), ""}}
}
