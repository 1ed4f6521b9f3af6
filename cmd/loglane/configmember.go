package main

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/loglane/loglane/internal/app"
)

const noAlias = "anchors and aliases are not taken: write the value out, and quote one that begins with '*' or '&'"

// settingName is what may be repeated in an error: a value in the place of a name may be a
// secret.
var settingName = regexp.MustCompile(`^[0-9A-Za-z_.-]+$`)

// take judges one member. Its value is not parsed here but where a flag's would be.
func (f *configFile) take(key, value *yaml.Node) {
	name := key.Value
	if key.Kind != yaml.ScalarNode || !settingName.MatchString(name) {
		f.fault(key.Line, "it does not begin with the name of a setting")
		return
	}
	row := slices.IndexFunc(f.table, func(s app.Setting) bool { return s.Name == name })
	if row < 0 {
		f.unknown(key)
		return
	}
	if first, again := f.members[name]; again {
		f.fault(key.Line, "%s is set again: line %d has it too", name, first.line)
		return
	}
	text, wrong := valueText(value, f.table[row].List)
	if wrong != "" {
		f.fault(value.Line, "%s: %s", name, wrong)
	}
	f.members[name] = member{text: text, line: key.Line, none: wrong != ""}
}

func (f *configFile) unknown(key *yaml.Node) {
	const longest = 60
	names := make([]string, len(f.table))
	for i, setting := range f.table {
		names[i] = setting.Name
	}
	name, meant := key.Value, nearest(strings.ReplaceAll(key.Value, "_", "-"), names)
	if len(name) > longest {
		name = name[:longest] + "…"
	}
	if meant != "" {
		f.fault(key.Line, "there is no setting %q: did you mean %s?", name, meant)
		return
	}
	f.fault(key.Line, "there is no setting %q: 'loglane serve --help' lists them", name)
}

// valueText is a value as the flag would have it, or what is wrong with it.
func valueText(value *yaml.Node, list bool) (text, wrong string) {
	if value.Kind != yaml.SequenceNode {
		return scalarText(value)
	}
	if !list {
		return "", "it takes one value, not a list"
	}
	if value.Anchor != "" {
		return "", noAlias
	}
	items := make([]string, 0, len(value.Content))
	for _, item := range value.Content {
		text, wrong := scalarText(item)
		switch {
		case wrong != "":
			return "", wrong
		case text == "" || strings.Contains(text, ","):
			return "", "an item of the list is empty or has a comma"
		}
		items = append(items, text)
	}
	return strings.Join(items, ","), ""
}

func scalarText(value *yaml.Node) (text, wrong string) {
	switch {
	case value.Kind == yaml.AliasNode || value.Anchor != "":
		return "", noAlias
	case value.Kind != yaml.ScalarNode:
		return "", "it takes a plain value, not further members"
	case value.Style&yaml.TaggedStyle != 0:
		return "", "tags are not taken: quote a value that begins with '!'"
	case isNull(value):
		return "", "it has no value: take the line out, or write an empty text as \"\""
	}
	return value.Value, ""
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}
