package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/loglane/loglane/internal/jsonscan"
)

// maxDepth bounds how deep objects and arrays of a record may stand in one another, for
// programs that read them may take a call for each.
const maxDepth = 100

// checkObject says why data is no JSON object.
func checkObject(data []byte) error {
	switch {
	case len(data) == 0:
		return errors.New("nothing stands where a JSON object should")
	case !json.Valid(data):
		return invalid(data)
	case data[0] != '{':
		return errors.New("it is no JSON object")
	case depth(data) > maxDepth:
		return fmt.Errorf("it is nested deeper than %d objects and arrays", maxDepth)
	}
	return nil
}

func invalid(data []byte) error {
	var syntax *json.SyntaxError
	if err := json.Unmarshal(data, new(json.RawMessage)); errors.As(err, &syntax) {
		return fmt.Errorf("it is no valid JSON: %v (its byte %d)", syntax, syntax.Offset)
	}
	return errors.New("it is no valid JSON")
}

// depth is how deep valid JSON is nested.
func depth(data []byte) int {
	deepest, now := 0, 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i += jsonscan.StringEnd(data[i:]) - 1
		case '{', '[':
			now++
			deepest = max(deepest, now)
		case '}', ']':
			now--
		}
	}
	return deepest
}

// Names are the members of a record that name a channel; "" is none.
type Names struct {
	User    string // a user's name as it is spelled
	Context string // a context as it stands in a channel's name
}

// ReadNames reads the members user and context of a JSON object. Values that are no
// strings name nothing. It fails for names that are not Unicode.
func ReadNames(object []byte) (Names, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return Names{}, err
	}
	user, userErr := name("user", members["user"])
	context, contextErr := name("context", members["context"])
	return Names{User: user, Context: context}, errors.Join(userErr, contextErr)
}

func name(member string, value json.RawMessage) (string, error) {
	var text string
	if len(value) == 0 || value[0] != '"' || json.Unmarshal(value, &text) != nil {
		return "", nil
	}
	// Whatever is no Unicode was read as this: two names would become one.
	if strings.ContainsRune(text, '\uFFFD') {
		return "", fmt.Errorf("%s: the name is not valid UTF-8", member)
	}
	return text, nil
}
