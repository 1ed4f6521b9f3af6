package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	// maxAnswer bounds the body of an application's answer.
	maxAnswer = 64 << 10
	// maxGranted bounds the roles, and the channels, of one answer.
	maxGranted = 1000
)

// answer is a login as an application tells it.
type answer struct {
	Name     string
	Roles    []string
	Channels []string

	asked time.Time // when the question was sent
}

// UnmarshalJSON takes the members by exactly these names, each once: readers differ in
// whether "Name" is "name" and which of two counts, and a user may have written one of them.
func (a *answer) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	first, err := d.Token()
	if err != nil || first == nil { // null
		return err
	}
	if first != json.Delim('{') {
		return errors.New("it is no object")
	}
	places := map[string]any{"name": &a.Name, "roles": &a.Roles, "channels": &a.Channels}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err := errors.Join(err, d.Decode(&value)); err != nil {
			return err
		}
		member, _ := name.(string)
		place, known := places[member]
		switch {
		case !known:
			continue
		case place == nil:
			return fmt.Errorf("it has the member %q twice", member)
		}
		if err := json.Unmarshal(value, place); err != nil {
			return fmt.Errorf("its member %q: %w", member, err)
		}
		places[member] = nil
	}
	return nil
}

// readAnswer reads an application's answer: nil and nil is nobody. An error says, for the
// log, why it is neither a login nor none.
func readAnswer(response *http.Response) (*answer, error) {
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return nil, nil
	case code >= 300 && code < 400:
		return nil, fmt.Errorf("it answers %s: a redirect is not followed; it must say 200 or 401 itself", response.Status)
	case code != http.StatusOK:
		return nil, fmt.Errorf("it answers %s: only 200, 401 and 403 mean something", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("its answer breaks off: %w", err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("its answer has more than %d bytes", maxAnswer)
	}
	return parseAnswer(response.Header, body)
}

// parseAnswer reads a 200: as JSON where it says so and names somebody, else as headers.
func parseAnswer(header http.Header, body []byte) (*answer, error) {
	a := &answer{}
	kind := header.Get("Content-Type")
	if isJSON(kind) {
		if err := json.Unmarshal(body, a); err != nil {
			return nil, fmt.Errorf("its answer is not the JSON object that is expected: %w", err)
		}
	}
	fromHeaders, err := readRemoteUser(header)
	switch {
	case err != nil:
		return nil, err
	case fromHeaders != nil && a.Name != "" && fromHeaders.Name != a.Name:
		return nil, errors.New("its answer names one in the JSON object and another in the header Remote-User")
	case a.Name == "":
		if fromHeaders == nil {
			return nil, fmt.Errorf("it answers 200 with Content-Type %q and names nobody: neither as a JSON object with a name nor in the header Remote-User", kind)
		}
		a = fromHeaders
	}
	if len(a.Roles) > maxGranted || len(a.Channels) > maxGranted {
		return nil, fmt.Errorf("its answer has more than %d roles or channels", maxGranted)
	}
	return a, nil
}

// readRemoteUser reads the headers that say who it is, nil where there are none.
func readRemoteUser(header http.Header) (*answer, error) {
	users := header.Values("Remote-User")
	switch {
	case len(users) == 0 || len(users) == 1 && users[0] == "":
		return nil, nil
	case len(users) > 1:
		return nil, errors.New("its answer has the header Remote-User twice")
	}
	a := &answer{Name: users[0]}
	for _, line := range header.Values("Remote-Groups") {
		for group := range strings.SplitSeq(line, ",") {
			a.Roles = append(a.Roles, strings.TrimSpace(group))
		}
	}
	return a, nil
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}
