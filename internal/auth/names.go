package auth

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

// Names is how a way in makes users' names of those that it is told, so that no two ways
// make one name for two people. The zero value leaves names as they are. It is not changed
// after it was made, and may be used concurrently.
type Names struct {
	// Prefix goes before every name; "" is none. [CheckNamePrefix] judges it.
	Prefix string
	// Others are the prefixes of the other ways in: no name here may begin with one of them,
	// unless it is Prefix. None of them may begin another, or Prefix.
	Others []string
}

var prefixForm = regexp.MustCompile(`^[0-9A-Za-z._:@/+~-]{1,32}$`)

// CheckNamePrefix says what is wrong with a prefix of names. It is 1 to 32 of
// [0-9A-Za-z._:@/+~-], which stand in a channel as they are.
func CheckNamePrefix(prefix string) error {
	if !prefixForm.MatchString(prefix) {
		return errors.New("it is not 1 to 32 letters, digits and . _ : @ / + ~ - of ASCII")
	}
	return nil
}

// Make returns the name of a user. It fails for what cannot be a name, for a name that
// another way's prefix begins, and for one that does not begin with the own prefix once it
// is normalised: an accent at its beginning would join the prefix's last letter.
func (n Names) Make(told string) (string, error) {
	if told == "" {
		return "", errors.New("the name is empty")
	}
	name := n.Prefix + told
	key, err := loglane.EncodeName(name)
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(key, n.Prefix) {
		return "", fmt.Errorf("the name %q changes the prefix %q that goes before it", told, n.Prefix)
	}
	for _, other := range n.Others {
		if other != "" && other != n.Prefix && strings.HasPrefix(key, other) {
			return "", fmt.Errorf("the name %q begins with %q, which goes before the names of another way in", name, other)
		}
	}
	return name, nil
}

// unicodeOnly refuses a text that was no Unicode: whatever is none of it is read as U+FFFD,
// so that two names would become one.
func unicodeOnly(text string) error {
	if strings.ContainsRune(text, utf8.RuneError) {
		return errors.New("it is not valid UTF-8, or has the character U+FFFD that stands for what is not")
	}
	return nil
}
