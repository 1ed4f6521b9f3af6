package app

import (
	"context"
	"os"

	"github.com/loglane/loglane/internal/audit"
)

// Audit is where the gateway writes down who does what with channels that are not their own.
type Audit struct {
	AuditLog      string `name:"audit-log" env:"LOGLANE_AUDIT_LOG" example:"/var/log/loglane/audit.jsonl" placeholder:"FILE" help:"File that the audit is appended to, a JSON object a line; - is standard error, and without one it stands among the gateway's own log lines of the level info."`
	ShowWatchers  bool   `name:"show-watchers" env:"LOGLANE_SHOW_WATCHERS" default:"false" help:"Whether the owner of a channel is shown that somebody else watches it; on all gateways alike."`
	AuditRequired bool   `name:"audit-required" env:"LOGLANE_AUDIT_REQUIRED" default:"false" help:"Whether reading, listing or emptying others' channels is refused while --audit-log cannot be written."`
}

// Check reports what is wrong with the audit.
func (a *Audit) Check() error {
	if a.AuditRequired && a.AuditLog == "" {
		return Wrong("audit-log", "", "it is missing: --audit-required asks whether it can be written")
	}
	return nil
}

// wireAudit opens the audit; what is under way is written before the gateway ends.
func (a *App) wireAudit() (err error) {
	a.audit, err = audit.Open(audit.Options{Path: a.settings.AuditLog, Stderr: os.Stderr, Logger: a.log})
	if err != nil {
		return Wrong("audit-log", a.settings.AuditLog, err.Error())
	}
	a.ending.push("audit log", func(context.Context) error { return a.audit.Close() })
	return nil
}

// ReopenAudit opens the audit's file anew with the next line, as after a rotation, and logs
// that. It does not block.
func (a *App) ReopenAudit() {
	a.audit.Reopen()
	a.log.Info("the audit log is opened again for its next line", "audit-log", a.settings.AuditLog)
}
