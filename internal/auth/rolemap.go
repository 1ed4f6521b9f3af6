package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

const (
	maxMapped    = 1000 // entries of a map
	maxGroupName = 512  // bytes
)

// A RoleMap says which roles the names of roles, groups or claims of another application
// give. The zero value takes viewer, operator and admin for themselves and no other name.
// It is not changed after it was made, and may be used concurrently.
type RoleMap struct{ roles map[string]Role }

// ParseRoleMap reads GROUP=ROLE,GROUP=ROLE… with the roles viewer, operator and admin; up
// to 1,000. A group has each role once. In a group's name "\," is a comma, and "\\" a backslash. An
// empty text is the zero value; with any other, only the groups in it count.
func ParseRoleMap(text string) (RoleMap, error) {
	pairs, err := parsePairs(text)
	if err != nil || len(pairs) == 0 {
		return RoleMap{}, err
	}
	m := RoleMap{roles: map[string]Role{}}
	for _, p := range pairs {
		role, err := ParseRole(p.value)
		if err != nil {
			return RoleMap{}, fmt.Errorf("%q: %w", p.group, err)
		}
		if _, twice := m.roles[p.group]; twice {
			return RoleMap{}, fmt.Errorf("the group %q is there twice", p.group)
		}
		m.roles[p.group] = role
	}
	return m, nil
}

func (m RoleMap) role(group string) (Role, bool) {
	if m.roles == nil {
		role, err := ParseRole(group)
		return role, err == nil
	}
	role, found := m.roles[group]
	return role, found
}

// Highest returns the highest role that any of the groups gives; without one it is Viewer,
// the least.
func (m RoleMap) Highest(groups []string) Role {
	highest := Viewer
	for _, group := range groups {
		if role, found := m.role(group); found {
			highest = max(highest, role)
		}
	}
	return highest
}

// A ChannelMap says which channels groups of another application may read beside their own.
// The zero value grants none. It is not changed after it was made, and may be used
// concurrently.
type ChannelMap struct{ granted map[string][]string }

// ParseChannelMap reads GROUP=CONTEXT,GROUP=CONTEXT…, up to 1,000; a group may stand there
// several times. Groups are written as in [ParseRoleMap]. The global channel goes with a
// role and is refused.
func ParseChannelMap(text string) (ChannelMap, error) {
	pairs, err := parsePairs(text)
	if err != nil || len(pairs) == 0 {
		return ChannelMap{}, err
	}
	m := ChannelMap{granted: map[string][]string{}}
	for _, p := range pairs {
		channel, err := loglane.ChannelName(p.value)
		switch {
		case err != nil:
			return ChannelMap{}, fmt.Errorf("%q: %w", p.group, err)
		case channel == loglane.GlobalChannel:
			return ChannelMap{}, fmt.Errorf("%q: the channel %s is for operators: give the group the role operator", p.group, loglane.GlobalContext)
		case slices.Contains(m.granted[p.group], channel):
			return ChannelMap{}, fmt.Errorf("the group %q has the context %q twice", p.group, p.value)
		}
		m.granted[p.group] = append(m.granted[p.group], channel)
	}
	return m, nil
}

// Granted returns the full names of the channels that the groups give, each once, in the
// order of the groups.
func (m ChannelMap) Granted(groups []string) []string {
	var channels []string
	for _, group := range groups {
		for _, channel := range m.granted[group] {
			if !slices.Contains(channels, channel) {
				channels = append(channels, channel)
			}
		}
	}
	return channels
}

// pair is a GROUP=VALUE of a map.
type pair struct{ group, value string }

// parsePairs reads the entries of a map. A value begins after the last "=", for groups may
// be names of a directory, such as cn=sre.
func parsePairs(text string) ([]pair, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not valid UTF-8")
	}
	items, err := splitEscaped(text)
	if err != nil {
		return nil, err
	}
	if len(items) > maxMapped {
		return nil, fmt.Errorf("it has %d entries, at most %d are allowed", len(items), maxMapped)
	}
	pairs := make([]pair, len(items))
	for i, item := range items {
		at := strings.LastIndexByte(item, '=')
		if at < 0 {
			return nil, fmt.Errorf("%q has no =", item)
		}
		p := pair{strings.TrimSpace(item[:at]), strings.TrimSpace(item[at+1:])}
		if p.group == "" || len(p.group) > maxGroupName {
			return nil, fmt.Errorf("%q has no group of 1 to %d bytes", item, maxGroupName)
		}
		pairs[i] = p
	}
	return pairs, nil
}

// splitEscaped splits a text at commas that no backslash stands before.
func splitEscaped(text string) (items []string, err error) {
	var item strings.Builder
	escaped := false
	for _, r := range text {
		switch {
		case escaped && r != ',' && r != '\\':
			return nil, errors.New(`it has a backslash before something else than a comma or a backslash`)
		case escaped:
			item.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == ',':
			items = append(items, item.String())
			item.Reset()
		default:
			item.WriteRune(r)
		}
	}
	if escaped {
		return nil, errors.New("it ends in a backslash")
	}
	return append(items, item.String()), nil
}
