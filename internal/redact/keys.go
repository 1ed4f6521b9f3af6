package redact

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/loglane/loglane/internal/jsonscan"
)

// Keys are the names whose values are secret. Case, '_', '-', '.' and spaces do not matter,
// and a name that ends with one of them as a word of its own is one too: db_password,
// X-Api-Key, refreshToken.
var Keys = []string{
	"password", "password_confirmation", "passwd", "pwd", "passphrase", "secret", "token", "jwt", "otp",
	"authorization", "cookie", "api_key", "access_key", "private_key", "secret_key", "account_key",
	"credentials", "session", "session_id", "sid", "credit_card", "card_number", "cvv", "cvc",
}

const (
	maxKeys = 200
	// maxName is how much of the end of a name is looked at.
	maxName = 64
	// longKey is how long a key is at least that counts also at the end of a word.
	longKey = 8
)

type keys struct {
	all  map[string]bool  // folded
	long [][]byte         // those that need not be a word of their own
	ends map[[2]byte]bool // the two letters that they end with
	last [256]bool        // the last of them, in both cases
}

func newKeys(further []string) (keys, error) {
	k := keys{all: make(map[string]bool), ends: make(map[[2]byte]bool)}
	for _, name := range Keys {
		k.all[fold(name)] = true
	}
	var errs []error
	for _, name := range further {
		name = strings.TrimSpace(name)
		bare, without := strings.CutPrefix(name, "-")
		folded := fold(bare)
		switch {
		case folded == "", len(folded) > maxName:
			errs = append(errs, fmt.Errorf("%q is no name of 1 to %d letters", name, maxName))
		case without && !k.all[folded]:
			errs = append(errs, fmt.Errorf("%q is none of the known names: %s", bare, strings.Join(Keys, ", ")))
		case without:
			delete(k.all, folded)
		default:
			k.all[folded] = true
		}
	}
	if len(further) > maxKeys {
		errs = append(errs, fmt.Errorf("%d names are too many, at most %d are allowed", len(further), maxKeys))
	}
	for name := range k.all {
		if len(name) >= longKey {
			k.long = append(k.long, []byte(name))
		}
		last := name[len(name)-1]
		k.ends[ending([]byte(name))] = true
		k.last[last], k.last[upper(last)] = true, true
	}
	return k, errors.Join(errs...)
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

func between(c byte) bool { return c == '_' || c == '-' || c == '.' || c == ' ' }

func fold(name string) string {
	var folded []byte
	for i := range len(name) {
		if c := name[i]; !between(c) {
			folded = append(folded, lower(c))
		}
	}
	return string(folded)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c - 'A' + 'a'
	}
	return c
}

// named says whether a member's quoted name is one of a secret.
func (k *keys) named(quoted []byte) bool {
	name := quoted[1:max(len(quoted)-1, 1)]
	if slices.Contains(name, '\\') {
		decoded, _ := jsonscan.Unquote(quoted)
		name = []byte(decoded)
	}
	return k.has(name)
}

// has says whether a name is one of a secret.
func (k *keys) has(name []byte) bool {
	for len(name) > 0 && (between(name[len(name)-1]) || isDigit(name[len(name)-1])) { // password2
		name = name[:len(name)-1]
	}
	if len(name) == 0 || !k.last[name[len(name)-1]] || !k.ends[ending(name)] {
		return false
	}
	var folded [maxName]byte
	at := maxName // folded is filled from its end
	for i := len(name) - 1; i >= 0 && at > 0; i-- {
		if between(name[i]) {
			continue
		}
		at--
		folded[at] = lower(name[i])
		if wordBegins(name, i) && k.all[string(folded[at:])] {
			return true
		}
	}
	for _, long := range k.long {
		if bytes.HasSuffix(folded[at:], long) {
			return true
		}
	}
	return false
}

// ending is the last two letters of a name that does not end with what stands between
// words; the first is 0 where there is only one.
func ending(name []byte) (end [2]byte) {
	last := len(name) - 1
	end[1] = lower(name[last])
	for i := last - 1; i >= 0; i-- {
		if !between(name[i]) {
			end[0] = lower(name[i])
			break
		}
	}
	return end
}

// wordBegins says whether a word of a name begins at i: after what stands between words,
// and where capitals begin or end.
func wordBegins(name []byte, i int) bool {
	if i == 0 || !isLetter(name[i-1]) {
		return true
	}
	before, here := isUpper(name[i-1]), isUpper(name[i])
	switch {
	case here && !before:
		return true
	case here && before: // the last capital of several begins the next word: APIKey
		return i+1 < len(name) && isLetter(name[i+1]) && !isUpper(name[i+1])
	default:
		return false
	}
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isUpper(c byte) bool  { return 'A' <= c && c <= 'Z' }
func isLetter(c byte) bool { return 'a' <= lower(c) && lower(c) <= 'z' || c >= 0x80 }
