package logship

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// maxToken bounds a token's bytes.
const maxToken = 4096

// A token is the text of an API token, perhaps from a file.
type token struct {
	file string

	mu   sync.Mutex
	text string
}

func newToken(text, file string) (*token, error) {
	switch {
	case text == "" && file == "":
		return nil, errors.New("logship: GatewayOptions.Token and TokenFile are missing: give one, 'loglane token create --scope write' prints a token")
	case text != "" && file != "":
		return nil, errors.New("logship: GatewayOptions.Token and TokenFile: give one of them")
	case file == "":
		if !validToken(text) {
			return nil, errors.New("logship: GatewayOptions.Token is no token: it has spaces or other characters that a header cannot have, or is too long")
		}
		return &token{text: text}, nil
	}
	t := &token{file: file}
	text, err := t.read()
	if err != nil {
		return nil, fmt.Errorf("logship: GatewayOptions.TokenFile: %w", err)
	}
	t.text = text
	return t, nil
}

func (t *token) get() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text
}

// reload reads the file again. Where that fails the old token stays: the gateway's
// refusal of it is what is told.
func (t *token) reload() {
	if t.file == "" {
		return
	}
	if text, err := t.read(); err == nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.text = text
	}
}

func (t *token) read() (string, error) {
	file, err := os.Open(t.file)
	if err != nil {
		return "", err
	}
	defer file.Close()
	line, err := bufio.NewReader(io.LimitReader(file, maxToken+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	text := strings.TrimSpace(line)
	if !validToken(text) {
		return "", fmt.Errorf("the first line of %s is no token", t.file)
	}
	return text, nil
}

func validToken(text string) bool {
	if text == "" || len(text) > maxToken {
		return false
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}
