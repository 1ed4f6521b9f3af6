package chaos

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Accounts are the users and API tokens of the gateways of one auth file, kept with the
// commands that operators use.
type Accounts struct {
	File string
	t    testing.TB
}

// Accounts are those of the program's auth file.
func (p *Program) Accounts() *Accounts {
	return &Accounts{File: p.args[len(p.args)-1], t: p.t}
}

// Do runs a verb on the file, such as user passwd NAME, with what it reads. It returns what
// it wrote, and when it had ended.
func (a *Accounts) Do(input string, verb ...string) (out string, ended time.Time) {
	a.t.Helper()
	path, err := program()
	if err != nil {
		a.t.Fatal(err)
	}
	cmd := exec.Command(path, append(verb, "--auth-file", a.File)...)
	cmd.Stdin = strings.NewReader(input)
	text, err := cmd.Output()
	ended = time.Now()
	if err != nil {
		a.t.Fatalf("%q: %v", verb, err)
	}
	return strings.TrimSpace(string(text)), ended
}

// Add adds a viewer, whose password is everybody's.
func (a *Accounts) Add(name string) { a.Do(password+"\n", "user", "add", name) }

// Token makes a token that reads as a user; more are further flags.
func (a *Accounts) Token(user string, more ...string) (id string, header http.Header) {
	a.t.Helper()
	text, _ := a.Do("", append([]string{"token", "create", "--scope", "read", "--user", user}, more...)...)
	id, _, _ = strings.Cut(strings.TrimPrefix(text, "llt_"), "_")
	return id, http.Header{"Authorization": {"Bearer " + text}}
}

// SignOut ends the session of a header that [Program.SignInAs] returned. It returns the
// status, and when it was answered.
func (p *Program) SignOut(header http.Header) (status int, answered time.Time, err error) {
	req, err := http.NewRequest(http.MethodPost, p.Base+"logout", nil)
	if err != nil {
		return 0, time.Time{}, err
	}
	req.Header.Set("Cookie", header.Get("Cookie"))
	req.Header.Set("Origin", strings.TrimSuffix(p.Base, "/"))
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("signing out: %w", err)
	}
	return resp.StatusCode, time.Now(), resp.Body.Close()
}
