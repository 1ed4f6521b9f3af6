package auth

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

// userLine is one line of the auth file; what has neither user nor token is kept as it is.
type userLine struct {
	text  string
	user  *User
	token *Token
}

// fileHeader begins a file that is made new.
const fileHeader = `# Who may sign in to Loglane, one user a line: user NAME ROLE PASSWORD STAMP
# ROLE is viewer, operator or admin; PASSWORD is written by "loglane user passwd NAME --auth-file F".
# STAMP may be missing; another one ends the user's sessions for good, so change it when you edit a line.
# API tokens, one a line, as "loglane token create --auth-file F" writes them; a removed line revokes its token:
#   token ID read SHA256 EXPIRES NAME ROLE    or    token ID write SHA256 EXPIRES CONTEXT…
`

// maxLineErrors bounds how many malformed lines one error names.
const maxLineErrors = 5

var stampForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

const byteOrderMark = "\ufeff"

// parseUserLines reads the whole file; the error names every malformed line up to
// maxLineErrors. Two users are never returned for one channel, nor two tokens of one id.
func parseUserLines(data []byte, template loglane.Template) ([]userLine, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	var lines []userLine
	var problems []error
	first := map[string]int{}
	number := 0
	for text := range strings.Lines(string(data)) {
		number++
		text = strings.TrimRight(text, "\r\n")
		line, err := parseUserLine(text, template)
		if err == nil && line.what() != "" {
			if before := first[line.what()]; before != 0 {
				err = fmt.Errorf("%s stands in line %d already", line.title(), before)
			} else {
				first[line.what()] = number
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", number, err))
			continue
		}
		lines = append(lines, line)
	}
	if more := len(problems) - maxLineErrors; more > 0 {
		problems = append(problems[:maxLineErrors], fmt.Errorf("and %d more", more))
	}
	return lines, errors.Join(problems...)
}

// what is the same for two lines that cannot both stand; "" can stand often.
func (l userLine) what() string {
	switch {
	case l.user != nil:
		return "user " + l.user.key
	case l.token != nil:
		return "token " + l.token.ID
	default:
		return ""
	}
}

func (l userLine) title() string {
	if l.user != nil {
		return fmt.Sprintf("the user %q", l.user.Name)
	}
	return "the token " + l.token.ID
}

func parseUserLine(text string, template loglane.Template) (userLine, error) {
	line := userLine{text: text}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return line, errors.New("is not UTF-8 text")
	}
	kind, rest := cutField(strings.Trim(text, " \t"))
	switch {
	case kind == "" || strings.HasPrefix(kind, "#"):
		return line, nil
	case kind == "token":
		token, err := parseTokenLine(rest, template)
		line.token = token
		return line, err
	case kind != "user":
		return line, fmt.Errorf("begins with %q: a line is a comment (#), %q or %s", kind, "user NAME ROLE PASSWORD", tokenForm)
	}
	name, rest, err := cutName(rest)
	if err != nil {
		return line, err
	}
	roleName, rest := cutField(rest)
	hash, rest := cutField(rest)
	stamp, rest := cutField(rest)
	if name == "" || roleName == "" || hash == "" || rest != "" || stamp != "" && !stampForm.MatchString(stamp) {
		return line, errors.New(`is not "user NAME ROLE PASSWORD [STAMP]"; a name with spaces stands in double quotes`)
	}
	role, err := ParseRole(roleName)
	if err != nil {
		return line, err
	}
	if _, err := checkHash(hash); err != nil {
		return line, fmt.Errorf("%w: set it with \"loglane user passwd %s --auth-file F\"", err, QuoteName(name))
	}
	user, err := newUser(name, role, hash, template)
	user.stamp = stamp
	line.user = &user
	return line, err
}

// cutField returns the text before the first space or tab, and what follows the blank.
func cutField(s string) (field, rest string) {
	end := strings.IndexAny(s, " \t")
	if end < 0 {
		return s, ""
	}
	return s[:end], strings.TrimLeft(s[end:], " \t")
}

func cutName(s string) (name, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		name, rest = cutField(s)
		return name, rest, nil
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", errors.New(`has a name whose double quotes do not end; inside them write \" and \\`)
	}
	if name, err = strconv.Unquote(quoted); err != nil {
		return "", "", fmt.Errorf("has the malformed name %s", quoted)
	}
	rest = s[len(quoted):]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", "", errors.New("has no space after the quoted name")
	}
	return name, strings.TrimLeft(rest, " \t"), nil
}

func formatUser(u User) userLine {
	text := fmt.Sprintf("user %s %s %s", QuoteName(u.Name), u.Role, u.hash)
	if u.stamp != "" {
		text += " " + u.stamp
	}
	return userLine{text: text, user: &u}
}

// QuoteName writes a name as it stands in the file and in a shell's command: in double
// quotes unless it is made of letters, digits and some signs only.
func QuoteName(name string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-@+", r)
	}
	for _, r := range name {
		if !plain(r) {
			return strconv.Quote(name)
		}
	}
	return name
}

func formatUserLines(lines []userLine) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		b.WriteString(line.text)
		b.WriteByte('\n')
	}
	return b.Bytes()
}
