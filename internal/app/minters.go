package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/auth"
)

// A minter is a way in that makes users' names. API tokens are none: whoever makes one says
// whose channel it reads.
type minter struct {
	setting string // that the way in begins with, such as auth-url
	prefix  string // goes before each of its names; "" is none
}

// prefixSetting is the setting of a way's prefix: --oidc-name-prefix of --oidc-issuer. The
// auth file has none, for its names are as they are written there.
func (m minter) prefixSetting() string {
	if m.setting == "auth-file" {
		return ""
	}
	return strings.TrimSuffix(m.setting, "-issuer") + "-name-prefix"
}

// minters are the ways in that make names, in the order in which they are tried. Each has a
// line here.
func (s *Settings) minters(users *auth.Users) []minter {
	var all []minter
	add := func(setting, value, prefix string) {
		if value != "" {
			all = append(all, minter{setting, prefix})
		}
	}
	if users != nil && users.Any() {
		add("auth-file", s.AuthFile, "")
	}
	add("oidc-issuer", s.OIDCIssuer, s.OIDCNamePrefix)
	add("jwt-issuer", s.JWTIssuer, s.JWTNamePrefix)
	add("trusted-header", s.TrustedHeader, s.TrustedHeaderNamePrefix)
	add("auth-url", s.AuthURL, s.AuthURLNamePrefix)
	return all
}

// names is how a way in makes its names beside the others.
func names(all []minter, setting string) auth.Names {
	var n auth.Names
	for _, m := range all {
		if m.setting == setting {
			n.Prefix = m.prefix
		} else if m.prefix != "" {
			n.Others = append(n.Others, m.prefix)
		}
	}
	return n
}

// clash says which ways in could make one name for two people.
func clash(all []minter, shared bool, users *auth.Users) error {
	var errs []error
	for i, a := range all {
		for _, b := range all[i+1:] {
			errs = append(errs, clashOf(a, b, shared))
		}
		if a.prefix != "" && users != nil {
			errs = append(errs, taken(a, users))
		}
	}
	return errors.Join(errs...)
}

// clashOf says whether two ways could make one name; b is tried later.
func clashOf(a, b minter, shared bool) error {
	switch {
	case a.prefix == b.prefix && !shared:
		return &SettingError{Name: "shared-names", Wrong: fmt.Sprintf("it is missing: %s and %s name users, so that two people "+
			"with one name would see each other's lines; take --shared-names if they are the same people, --%s for what goes before the names of one of them%s",
			a.title(), b.title(), b.prefixSetting(), a.without())}
	case a.prefix == b.prefix || a.prefix == "" || b.prefix == "":
		return nil // what has no prefix is judged at each sign-in
	case strings.HasPrefix(a.prefix, b.prefix):
		a, b = b, a
		fallthrough
	case strings.HasPrefix(b.prefix, a.prefix):
		return Wrong(b.prefixSetting(), b.prefix, fmt.Sprintf("--%s=%s is how it begins, so that both could make one name", a.prefixSetting(), a.prefix))
	}
	return nil
}

func (m minter) title() string {
	if m.setting == "auth-file" {
		return "the users of --auth-file"
	}
	return "--" + m.setting
}

// without is what would help beside a prefix.
func (m minter) without() string {
	if m.setting == "auth-file" {
		return ", or a file with API tokens only"
	}
	return ""
}

// maxTaken bounds how many users one error names.
const maxTaken = 5

// taken says which users of the auth file have names as a way in with a prefix makes them.
func taken(m minter, users *auth.Users) error {
	var names []string
	for _, name := range users.Names() {
		if key, err := loglane.EncodeName(name); err == nil && strings.HasPrefix(key, m.prefix) {
			names = append(names, auth.QuoteName(name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	if more := len(names) - maxTaken; more > 0 {
		names = append(names[:maxTaken], fmt.Sprintf("%d more", more))
	}
	return Wrong(m.prefixSetting(), m.prefix, "names in --auth-file begin so ("+strings.Join(names, ", ")+"): take another prefix, or other names there")
}

// checkPrefix reports what is wrong with the prefix of a way in, which value begins.
func checkPrefix(m minter, value string) error {
	switch {
	case m.prefix == "":
		return nil
	case value == "":
		return Wrong(m.setting, "", "it is missing: --"+m.prefixSetting()+" goes before the names that it tells")
	}
	if err := auth.CheckNamePrefix(m.prefix); err != nil {
		return Wrong(m.prefixSetting(), m.prefix, err.Error())
	}
	return nil
}
