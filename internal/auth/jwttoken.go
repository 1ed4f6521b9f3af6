package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/loglane/loglane"
)

const (
	maxJWT      = 8 << 10 // bytes of a whole token
	maxJWTDepth = 16      // of objects and lists in its header or its claims
	maxKeyID    = 256     // bytes
)

// jwtFault is why a JWT does not count, as its bearer is told: a word that says what to look
// at, and nothing of keys or other issuers.
type jwtFault string

const (
	jwtMalformed jwtFault = "malformed"
	jwtAlgorithm jwtFault = "algorithm"
	jwtNoKey     jwtFault = "key"
	jwtSignature jwtFault = "signature"
	jwtIssuer    jwtFault = "issuer"
	jwtAudience  jwtFault = "audience"
	jwtSubject   jwtFault = "subject"
	jwtExpired   jwtFault = "expired"
	jwtEarly     jwtFault = "not yet valid"
	jwtClaim     jwtFault = "claims"
)

// refused is the answer to a JWT that does not count.
func (f jwtFault) refused() error {
	return refusing("jwt:"+strings.ReplaceAll(string(f), " ", "-"), &loglane.StatusError{Code: http.StatusUnauthorized, Message: "The token is not valid (" + string(f) + ")."})
}

// compactJWT is a JWT in its parts; nothing of it is true before its signature is verified.
type compactJWT struct {
	alg, kid  string
	signed    string // what the signature is of
	signature []byte
	claims    []byte // JSON, unless it is none
}

// readJWT takes a token apart. It is stricter than what others may read: base64url has one
// spelling, no member of the header is there twice, and extensions that change what is
// signed or how (crit, b64, enc, zip, cty) are refused. Keys, and where keys would be (jwk,
// jku, x5c, x5u), are not looked at.
func readJWT(text string) (compactJWT, jwtFault) {
	parts := strings.Split(text, ".")
	if len(text) > maxJWT || len(parts) != 3 {
		return compactJWT{}, jwtMalformed
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = strictBase64(part); err != nil {
			return compactJWT{}, jwtMalformed
		}
	}
	header, err := strictObject(decoded[0])
	if err != nil {
		return compactJWT{}, jwtMalformed
	}
	token := compactJWT{signed: parts[0] + "." + parts[1], signature: decoded[2], claims: decoded[1]}
	for _, name := range []string{"crit", "b64", "enc", "zip", "cty"} {
		if _, found := header[name]; found {
			return compactJWT{}, jwtMalformed
		}
	}
	typ, typed := header["typ"]
	if name, _ := typ.(string); typed && !strings.EqualFold(name, "JWT") && !strings.EqualFold(name, "at+jwt") {
		return compactJWT{}, jwtMalformed
	}
	kid, hasKid := header["kid"]
	var isText bool
	if token.kid, isText = kid.(string); hasKid && (!isText || token.kid == "" || len(token.kid) > maxKeyID) {
		return compactJWT{}, jwtMalformed
	}
	if token.alg, isText = header["alg"].(string); !isText {
		return compactJWT{}, jwtMalformed
	}
	return token, ""
}

// strictBase64 decodes base64url without padding; the standard library would pass over line
// breaks.
func strictBase64(text string) ([]byte, error) {
	if text == "" || strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("it is empty or has line breaks")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

// strictObject reads a JSON object. No member may be there twice, at any depth: readers
// differ in which of two counts. Numbers are [json.Number].
func strictObject(data []byte) (map[string]any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := strictValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands after it")
	}
	object, isObject := value.(map[string]any)
	if !isObject {
		return nil, errors.New("it is no object")
	}
	return object, nil
}

func strictValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	bracket, opens := token.(json.Delim)
	if !opens {
		return token, nil
	}
	if depth == maxJWTDepth {
		return nil, errors.New("it is nested too deeply")
	}
	if bracket == '[' {
		return strictList(d, depth)
	}
	object := map[string]any{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		member, _ := name.(string)
		if _, twice := object[member]; twice {
			return nil, fmt.Errorf("it has the member %q twice", member)
		}
		if object[member], err = strictValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err = d.Token() // the closing bracket
	return object, err
}

func strictList(d *json.Decoder, depth int) (any, error) {
	list := []any{}
	for d.More() {
		item, err := strictValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	_, err := d.Token() // the closing bracket
	return list, err
}
