package main

import (
	"embed"
	"fmt"
)

// completeVerb is what the scripts call, with the words up to the cursor. It is no command
// of the grammar, for nothing of what follows is judged.
const completeVerb = "__complete"

//go:embed completion
var completions embed.FS

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (*completionCmd) examples() string {
	return `  source <(loglane completion bash)     # in ~/.bashrc
  source <(loglane completion zsh)      # in ~/.zshrc, after compinit
  loglane completion fish | source      # in ~/.config/fish/config.fish`
}

// Run prints the script, which asks this program for what may come next.
func (c *completionCmd) Run(t terminal) error {
	script, err := completions.ReadFile("completion/loglane." + c.Shell)
	if err != nil {
		return fmt.Errorf("no completion for %s: %w", c.Shell, err)
	}
	_, err = t.out.Write(script)
	return err
}
