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

// userLine is one line of the file of users; what has no user is kept as it is.
type userLine struct {
	text string
	user *User
}

// fileHeader begins a file that is made new.
const fileHeader = `# Who may sign in to Loglane, one user a line: user NAME ROLE PASSWORD STAMP
# ROLE is viewer, operator or admin; PASSWORD is written by "loglane user passwd NAME --auth-file F".
# STAMP may be missing; another one ends the user's sessions for good, so change it when you edit a line.
`

// maxLineErrors bounds how many malformed lines one error names.
const maxLineErrors = 5

var stampForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

const byteOrderMark = "\ufeff"

// parseUserLines reads the whole file; the error names every malformed line up to
// maxLineErrors. Two users are never returned for one channel.
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
		if err == nil && line.user != nil {
			if before := first[line.user.key]; before != 0 {
				err = fmt.Errorf("the user %q stands in line %d already", line.user.Name, before)
			} else {
				first[line.user.key] = number
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

func parseUserLine(text string, template loglane.Template) (userLine, error) {
	line := userLine{text: text}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return line, errors.New("is not UTF-8 text")
	}
	kind, rest := cutField(strings.Trim(text, " \t"))
	switch {
	case kind == "" || strings.HasPrefix(kind, "#"):
		return line, nil
	case kind != "user":
		return line, fmt.Errorf("begins with %q: a line is a comment (#) or %q", kind, "user NAME ROLE PASSWORD")
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
