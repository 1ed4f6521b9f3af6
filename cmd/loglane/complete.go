package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// A candidate is a word that may stand at the cursor.
type candidate struct{ word, help string }

// files stands for the names of files, which the shell knows best.
var files = candidate{word: ":file"}

// complete writes what the last of the words may be, each with a tab and its help.
func complete(w io.Writer, root *kong.Node, words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	last := len(words) - 1
	c := completion{node: root}
	for _, word := range words[:last] {
		c.pass(word)
	}
	for _, candidate := range c.candidates(words[last]) {
		line := candidate.word
		if candidate.help != "" {
			line += "\t" + candidate.help
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// A completion is where the words before the cursor have led.
type completion struct {
	node       *kong.Node
	positional int
	value      *kong.Value // of the flag that waits for it
	ended      bool        // by --, after which there are no flags
}

func (c *completion) pass(word string) {
	switch {
	case c.value != nil:
		c.value = nil
	case c.ended, word == "-", !strings.HasPrefix(word, "-"):
		c.argument(word)
	case word == "--":
		c.ended = true
	case strings.HasPrefix(word, "--"):
		if flag := c.flag(word); flag != nil && !flag.IsBool() {
			c.value = flag.Value
		}
	default: // the last of some letters may take a value
		if flag := c.flag("-" + word[len(word)-1:]); flag != nil && !flag.IsBool() {
			c.value = flag.Value
		}
	}
}

func (c *completion) argument(word string) {
	for _, child := range c.node.Children {
		if child.Type == kong.CommandNode && child.Name == word {
			c.node, c.positional = child, 0
			return
		}
	}
	c.positional++
}

// flag is the flag that is written so, here or above.
func (c *completion) flag(written string) *kong.Flag {
	for _, flag := range c.flags() {
		if written == "--"+flag.Name || flag.Short != 0 && written == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

func (c *completion) flags() (all []*kong.Flag) {
	for _, flags := range c.node.AllFlags(true) {
		all = append(all, flags...)
	}
	return all
}

// candidates are what may stand at the cursor, where prefix is already.
func (c *completion) candidates(prefix string) (all []candidate) {
	name, _, assigned := strings.Cut(prefix, "=")
	switch {
	case c.value != nil:
		all = wordsOf(c.value)
	case !c.ended && strings.HasPrefix(prefix, "--") && assigned:
		if flag := c.flag(name); flag != nil {
			for _, value := range wordsOf(flag.Value) {
				if value != files {
					value.word = name + "=" + value.word
				}
				all = append(all, value)
			}
		}
	case !c.ended && strings.HasPrefix(prefix, "-"):
		for _, flag := range c.flags() {
			all = append(all, candidate{"--" + flag.Name, flag.Help})
		}
	default:
		all = c.arguments()
	}
	kept := all[:0]
	for _, candidate := range all {
		if candidate == files || strings.HasPrefix(candidate.word, prefix) {
			kept = append(kept, candidate)
		}
	}
	return kept
}

// arguments are the commands below the node, or the values of its next argument.
func (c *completion) arguments() (all []candidate) {
	for _, child := range c.node.Children {
		if child.Type == kong.CommandNode && !child.Hidden && c.positional == 0 {
			all = append(all, candidate{child.Name, child.Help})
		}
	}
	if c.positional < len(c.node.Positional) {
		all = append(all, wordsOf(c.node.Positional[c.positional])...)
	}
	return all
}

// wordsOf are what a flag or an argument may be, where that can be said.
func wordsOf(value *kong.Value) (all []candidate) {
	placeholder := value.Tag.PlaceHolder
	var words []string
	switch {
	case value.Enum != "":
		words = value.EnumSlice()
	case value.IsBool():
		words = []string{"true", "false"}
	case strings.Contains(placeholder, "|"):
		words = strings.Split(placeholder, "|")
	case placeholder == "FILE":
		return []candidate{files}
	}
	for _, word := range words {
		if word != strings.ToUpper(word) { // ZONE stands for others
			all = append(all, candidate{word: word})
		}
	}
	return all
}
