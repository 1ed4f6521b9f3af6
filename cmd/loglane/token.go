package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/loglane/loglane/internal/app"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make an API token and print it, once; the file is made where there is none."`
	List   tokenListCmd   `cmd:"" help:"List the API tokens, what they are for and when they end."`
	Revoke tokenRevokeCmd `cmd:"" help:"Revoke an API token; it ends its streams."`
}

func (*tokenCmd) examples() string {
	return `  loglane token create --scope read --user alice --auth-file users.txt
  loglane token create --scope write --channel 'User.*' --expires 90d --auth-file users.txt
  loglane token list --auth-file users.txt
  loglane token revoke k3qv5zr7ab2m --auth-file users.txt`
}

type tokenCreateCmd struct {
	Scope     string   `name:"scope" required:"" enum:"read,write" placeholder:"read|write" help:"read sees what the user sees, write sends lines; neither does the other."`
	User      string   `name:"user" placeholder:"NAME" help:"Whom the token reads as; with --scope write, whose channel it writes to."`
	Role      string   `name:"role" enum:"viewer,operator,admin" default:"viewer" placeholder:"viewer|operator|admin" help:"What a token that reads sees: the user's channel, with operator the global one too, with admin every channel."`
	Channel   []string `name:"channel" sep:"none" placeholder:"CONTEXT" help:"Context that the token writes to, as in User.alice; with * at the end, all that begin so. May be given more than once."`
	Expires   string   `name:"expires" default:"never" placeholder:"90d|720h|DATE" help:"When the token ends; a date counts from its beginning in UTC."`
	PrintHash bool     `name:"print-hash" help:"Print the token and the line for the auth file, and change nothing."`
	app.ConfigFile
	app.Identity
}

func (*tokenCreateCmd) examples() string {
	return `  loglane token create --scope read --user alice --auth-file users.txt
  loglane token create --scope read --user ops --role admin --expires 90d --auth-file users.txt
  loglane token create --scope write --channel User.alice --channel 'job_*' --auth-file users.txt
  loglane token create --scope write --user alice --print-hash     # for an auth file that cannot be written here`
}

// Run writes the token to standard output and all else to standard error.
func (c *tokenCreateCmd) Run(t terminal, v *values) error {
	expires, err := c.check()
	if err != nil {
		return usage(err, "See 'loglane token create --help'.")
	}
	open := c.Tokens
	if c.PrintHash {
		open = c.Maker
	}
	tokens, err := open(v.problems())
	if err != nil {
		return err
	}
	made, err := tokens.Make(app.NewToken{Scope: c.Scope, User: c.User, Role: c.Role, Channels: c.Channel, Expires: expires})
	if err != nil {
		return usage(err, "")
	}
	if c.PrintHash {
		if _, err := fmt.Fprintf(t.out, "%s\n%s\n", made.Text, made.Line); err != nil {
			return err
		}
		return explain(t.err, "the first line is the token, shown this once; the second is for the auth file")
	}
	if err := tokens.Add(made); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(t.out, made.Text); err != nil {
		return errors.Join(err, tokens.Revoke(made.ID)) // nobody has seen it
	}
	return explain(t.err, fmt.Sprintf("made token %s, which %s; it is shown this once", made.ID, ending(expires)))
}

// check tells which flags do not go together.
func (c *tokenCreateCmd) check() (expires time.Time, err error) {
	var errs []error
	expires, err = app.ParseExpires(c.Expires)
	if err != nil {
		errs = append(errs, fmt.Errorf("--expires=%s: %w", c.Expires, err))
	}
	switch {
	case c.Scope == "read" && c.User == "":
		errs = append(errs, errors.New("--user: it is missing: whom does the token read as? An example is --user alice"))
	case c.Scope == "write" && c.User == "" && len(c.Channel) == 0:
		errs = append(errs, errors.New("--channel: it is missing: where does the token write to? An example is --channel User.alice, or 'User.*' for all users"))
	}
	if c.Scope == "read" && len(c.Channel) > 0 {
		errs = append(errs, errors.New("--channel: it goes with --scope write: a token that reads sees what its user sees"))
	}
	if c.Scope == "write" && c.Role != "viewer" {
		errs = append(errs, errors.New("--role: it goes with --scope read: a token that writes reads nothing"))
	}
	return expires, errors.Join(errs...)
}

func explain(w io.Writer, text string) error {
	_, err := fmt.Fprintln(w, text)
	return err
}

func ending(expires time.Time) string {
	if expires.IsZero() {
		return "never ends unless it is revoked"
	}
	return "ends at " + expires.UTC().Format(time.RFC3339)
}

type tokenListCmd struct {
	RedisURL string `name:"redis-url" env:"LOGLANE_REDIS_URL,REDIS_URL" placeholder:"URL" help:"Redis of the gateway, which knows when tokens were used last."`
	app.ConfigFile
	app.Identity
}

func (*tokenListCmd) examples() string {
	return `  loglane token list --auth-file users.txt
  loglane token list --auth-file users.txt --redis-url redis://127.0.0.1:6379/0`
}

// Run lists the tokens as a table.
func (c *tokenListCmd) Run(t terminal, v *values) error {
	tokens, err := c.Tokens(v.problems())
	if err != nil {
		return err
	}
	list, err := tokens.List(context.Background(), c.RedisURL)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	header := "ID\tSCOPE\tFOR\tEXPIRES"
	if c.RedisURL != "" {
		header += "\tLAST USE"
	}
	fmt.Fprintln(table, header)
	for _, token := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s", token.ID, token.Scope, printable(token.Target), expiry(token))
		if c.RedisURL != "" {
			fmt.Fprint(table, "\t", moment(token.LastUsed, "-"))
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}

func expiry(token app.Token) string {
	text := moment(token.Expires, "never")
	if token.Expired {
		text += " (expired)"
	}
	return text
}

// moment is a time for people; zero is none.
func moment(at time.Time, none string) string {
	if at.IsZero() {
		return none
	}
	return at.UTC().Format("2006-01-02 15:04:05Z")
}

type tokenRevokeCmd struct {
	ID string `arg:"" help:"Id of the token, as 'loglane token list' shows it, or the token itself."`
	app.ConfigFile
	app.Identity
}

func (*tokenRevokeCmd) examples() string {
	return `  loglane token revoke k3qv5zr7ab2m --auth-file users.txt`
}

// Run revokes the token.
func (c *tokenRevokeCmd) Run(t terminal, v *values) error {
	tokens, err := c.Tokens(v.problems())
	if err != nil {
		return err
	}
	if err := tokens.Revoke(c.ID); err != nil {
		return err
	}
	return explain(t.out, "revoked the token")
}
