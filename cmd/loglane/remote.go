package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
)

// A remote is the gateway that a command talks to. Tokens are never on the command line,
// which other users of the machine can read.
type remote struct {
	URL       string `name:"url" env:"LOGLANE_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"Address of the gateway, with its base path."`
	TokenFile string `name:"token-file" env:"LOGLANE_TOKEN_FILE" placeholder:"FILE" help:"File with the API token; without one, the token is taken from $$LOGLANE_TOKEN."`
}

// maxToken is more than any token has.
const maxToken = 4 << 10

// token is the API token, "" where there is none.
func (r remote) token() (string, error) {
	text, from := os.Getenv("LOGLANE_TOKEN"), "$LOGLANE_TOKEN"
	if r.TokenFile != "" {
		from = "--token-file " + r.TokenFile
		file, err := os.Open(r.TokenFile)
		if err != nil {
			return "", usage(fmt.Errorf("--token-file: %w", err), "")
		}
		defer file.Close()
		content, err := io.ReadAll(io.LimitReader(file, maxToken+1))
		if err != nil {
			return "", usage(fmt.Errorf("--token-file: %w", err), "")
		}
		text = string(content)
		if strings.TrimSpace(text) == "" {
			return "", usage(fmt.Errorf("%s is empty: write one token to it", from), "")
		}
	}
	text = strings.TrimSpace(text)
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' || i >= maxToken {
			return "", usage(errors.New(from+" is no token: it is one word, such as 'loglane token create' prints it"), "")
		}
	}
	return text, nil
}

// exposed says whether a token would travel readable for others.
func (r remote) exposed() bool {
	target, err := url.Parse(r.URL)
	if err != nil || target.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(target.Hostname())
	return target.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}
