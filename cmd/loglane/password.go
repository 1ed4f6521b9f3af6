package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/loglane/loglane/internal/app"
)

// newPassword asks twice without echo where standard input is a terminal, and else
// takes its first line.
func (t terminal) newPassword(user string) (string, error) {
	if !term.IsTerminal(int(t.in.Fd())) {
		return firstLine(t.in)
	}
	password, err := t.ask(fmt.Sprintf("Password for %s: ", app.QuoteName(user)))
	if err != nil {
		return "", err
	}
	again, err := t.ask("The same again: ")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ: nothing was changed")
	}
	return password, nil
}

func (t terminal) ask(prompt string) (string, error) {
	fmt.Fprint(t.err, prompt)
	password, err := term.ReadPassword(int(t.in.Fd()))
	fmt.Fprintln(t.err)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return string(password), nil
}

// maxPassword is more than any password may have; what is longer is refused as it is.
const maxPassword = 4 << 10

func firstLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password from standard input: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", usage(errors.New("standard input has no password: write one line to it, or call this in a terminal to be asked"), "")
	}
	return line, nil
}
