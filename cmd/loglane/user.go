package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/loglane/loglane/internal/app"
)

type userCmd struct {
	Add    userAddCmd    `cmd:"" help:"Add a user; the file is made where there is none."`
	Passwd userPasswdCmd `cmd:"" help:"Change a user's password; it ends the user's sessions."`
	Role   userRoleCmd   `cmd:"" help:"Change a user's role; it ends the user's sessions."`
	List   userListCmd   `cmd:"" help:"List the users, their roles and their channels."`
	Remove userRemoveCmd `cmd:"" help:"Remove a user; it ends the user's sessions."`

	app.ConfigFile
}

func (*userCmd) examples() string {
	return `  loglane user add alice --auth-file users.txt
  loglane user add bob --role operator --auth-file users.txt < password.txt
  loglane user role alice admin --auth-file users.txt
  loglane user list --auth-file users.txt`
}

type userAddCmd struct {
	Name string `arg:"" help:"Name of the user."`
	Role string `name:"role" enum:"viewer,operator,admin" default:"viewer" placeholder:"viewer|operator|admin" help:"viewer sees the own channel, operator the global one too, admin every channel."`
	app.Identity
}

func (*userAddCmd) examples() string {
	return `  loglane user add alice --auth-file users.txt
  loglane user add "Zoë Smith" --role operator --auth-file users.txt
  pwgen -s 24 1 | tee /dev/stderr | loglane user add bob --auth-file users.txt`
}

// Run adds the user with a password from standard input.
func (c *userAddCmd) Run(t terminal, v *values) error {
	users, err := c.Users(v.problems())
	if err != nil {
		return err
	}
	// A name that cannot be taken should not cost its owner two password prompts.
	context, err := users.Context(c.Name)
	if err != nil {
		return usage(fmt.Errorf("user %q: %w", c.Name, err), "")
	}
	password, err := t.newPassword(c.Name)
	if err != nil {
		return err
	}
	if err := users.Add(c.Name, c.Role, password); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "added %s: role %s, context %s\n", app.QuoteName(c.Name), c.Role, printable(context))
	return err
}

type userPasswdCmd struct {
	Name string `arg:"" help:"Name of the user."`
	app.Identity
}

func (*userPasswdCmd) examples() string {
	return `  loglane user passwd alice --auth-file users.txt
  loglane user passwd alice --auth-file users.txt < password.txt`
}

// Run sets the password from standard input.
func (c *userPasswdCmd) Run(t terminal, v *values) error {
	users, err := c.Users(v.problems())
	if err != nil {
		return err
	}
	password, err := t.newPassword(c.Name)
	if err != nil {
		return err
	}
	if err := users.SetPassword(c.Name, password); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "changed the password of %s\n", app.QuoteName(c.Name))
	return err
}

type userRoleCmd struct {
	Name string `arg:"" help:"Name of the user."`
	Role string `arg:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
	app.Identity
}

func (*userRoleCmd) examples() string {
	return `  loglane user role alice operator --auth-file users.txt`
}

// Run sets the role.
func (c *userRoleCmd) Run(t terminal, v *values) error {
	users, err := c.Users(v.problems())
	if err != nil {
		return err
	}
	if err := users.SetRole(c.Name, c.Role); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s is %s now\n", app.QuoteName(c.Name), c.Role)
	return err
}

type userListCmd struct {
	app.Identity
}

func (*userListCmd) examples() string {
	return `  loglane user list --auth-file users.txt`
}

// Run lists the users as a table.
func (c *userListCmd) Run(t terminal, v *values) error {
	users, err := c.Users(v.problems())
	if err != nil {
		return err
	}
	list, err := users.List()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tCONTEXT")
	for _, user := range list {
		fmt.Fprintf(table, "%s\t%s\t%s\n", app.QuoteName(user.Name), user.Role, printable(user.Context))
	}
	return table.Flush()
}

type userRemoveCmd struct {
	Name string `arg:"" help:"Name of the user."`
	app.Identity
}

func (*userRemoveCmd) examples() string {
	return `  loglane user remove alice --auth-file users.txt`
}

// Run removes the user.
func (c *userRemoveCmd) Run(t terminal, v *values) error {
	users, err := c.Users(v.problems())
	if err != nil {
		return err
	}
	if err := users.Remove(c.Name); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(t.out, "removed %s\n", app.QuoteName(c.Name)); err != nil {
		return err
	}
	tokens, err := users.TokensOf(c.Name)
	if err != nil {
		return err
	}
	for _, id := range tokens {
		if _, err := fmt.Fprintf(t.out, "the API token %s still reads as %s: 'loglane token revoke %s' ends it\n", id, app.QuoteName(c.Name), id); err != nil {
			return err
		}
	}
	return nil
}
