package auth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// maxGroups bounds the groups that are looked at, and maxTold the bytes of a name.
const (
	maxGroups   = 10_000
	maxToldName = 1 << 10
)

// claims are what a provider says of somebody.
type claims map[string]any

// claims are those of the ID token and, where it lacks one that is asked for, those of the
// user info: by the standard the claims of a scope stand there.
func (o *OIDC) claims(ctx context.Context, p *provider, id *oidc.IDToken, token *oauth2.Token) (claims, error) {
	var all claims
	if err := id.Claims(&all); err != nil {
		return nil, err
	}
	if (o.roles == "" || all.find(o.roles) != nil) && all.find(o.name) != nil || p.UserInfoEndpoint() == "" {
		return all, nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, fmt.Errorf("the user info: %w", briefly(err))
	}
	if info.Subject != id.Subject {
		return nil, errors.New("the user info is somebody else's")
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return nil, err
	}
	maps.Copy(more, all) // what is signed counts
	return more, nil
}

// find returns the claim of a name, or at a path of names with dots between them; nil is none.
func (c claims) find(path string) any {
	if value, found := c[path]; found {
		return value // https://example.com/groups is a name, too
	}
	var value any = map[string]any(c)
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func (c claims) text(path string) string {
	text, _ := c.find(path).(string)
	return text
}

// name is what somebody is called by.
func (c claims) name(claim string) (string, error) {
	name := c.text(claim)
	switch {
	case name == "":
		return "", fmt.Errorf("the provider tells no %s of you, which is what users are called by here (--oidc-name-claim)", claim)
	case len(name) > maxToldName:
		return "", fmt.Errorf("the %s that the provider tells is longer than %d bytes", claim, maxToldName)
	case claim == "email" && c.find("email_verified") != true && c.text("email_verified") != "true":
		return "", errors.New("the provider has not verified your e-mail address")
	}
	return name, nil
}

// groups are the texts of a claim that has one or a list of them.
func (c claims) groups(path string) []string {
	if path == "" {
		return nil
	}
	switch value := c.find(path).(type) {
	case string:
		return boundedGroup(nil, value)
	case []any:
		var groups []string
		for _, item := range value[:min(len(value), maxGroups)] {
			groups = boundedGroup(groups, item)
		}
		return groups
	default:
		return nil
	}
}

// boundedGroup adds what can be a group's name.
func boundedGroup(groups []string, value any) []string {
	if group, ok := value.(string); ok && len(group) <= maxGroupName {
		return append(groups, group)
	}
	return groups
}
