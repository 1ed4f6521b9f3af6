package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minRSABits  = 2048
	maxRSABits  = 8192 // to verify with a longer one takes too long
	maxKeys     = 100  // of a file or a set
	maxKeyBytes = 64 << 10
)

// rsaAlgorithms are those of an RSA key; of all other keys there is one.
var rsaAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}

// secretBytes are how long a shared secret must be: as long as the hash (RFC 7518, 3.2).
var secretBytes = map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}

// jwtAlgorithms are all that there are; none is not among them.
var jwtAlgorithms = append(slices.Clone(rsaAlgorithms), "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512")

// CheckJWTAlgorithms says what is wrong with the algorithms that JWTs may be signed with.
// Public keys and shared secrets do not go together: whoever knows a public key must not be
// able to use it as a secret. Those of a JWKS are public keys.
func CheckJWTAlgorithms(algorithms []string, jwks bool) error {
	if len(algorithms) == 0 {
		return errors.New("it names no algorithm")
	}
	secrets := 0
	for _, alg := range algorithms {
		if !slices.Contains(jwtAlgorithms, alg) {
			return fmt.Errorf("%q is none of %s", alg, strings.Join(jwtAlgorithms, ", "))
		}
		if secretBytes[alg] > 0 {
			secrets++
		}
	}
	switch {
	case secrets > 0 && jwks:
		return errors.New("HS256, HS384 and HS512 take a shared secret, which a JWKS has not: take them out, or --jwt-key-file")
	case secrets > 0 && secrets < len(algorithms):
		return errors.New("HS256, HS384 and HS512 take a shared secret, all others a public key: take those of one kind")
	}
	return nil
}

// jwtKey is what signatures are verified with, and by which algorithms.
type jwtKey struct {
	kid        string
	key        any // as golang-jwt takes it
	algorithms []string
	print      [sha256.Size]byte // of the key alone
}

// same says whether two keys verify the same.
func (k jwtKey) same(other jwtKey) bool {
	return k.kid == other.kid && k.print == other.print && slices.Equal(k.algorithms, other.algorithms)
}

// verifies says whether a token was signed with the key.
func (k jwtKey) verifies(token compactJWT) bool {
	return slices.Contains(k.algorithms, token.alg) && jwt.GetSigningMethod(token.alg).Verify(token.signed, token.signature, k.key) == nil
}

// newPublicKey fits a public key to those of the allowed algorithms that it is for. Own is
// the only one that it is declared for; "" is none.
func newPublicKey(kid string, key any, own string, allowed []string) (jwtKey, error) {
	fitting, err := algorithmsOf(key)
	if err != nil {
		return jwtKey{}, err
	}
	k := jwtKey{kid: kid, key: key}
	for _, alg := range fitting {
		if slices.Contains(allowed, alg) && (own == "" || own == alg) {
			k.algorithms = append(k.algorithms, alg)
		}
	}
	if len(k.algorithms) == 0 {
		return jwtKey{}, fmt.Errorf("it is for %s, and none of them is allowed (--jwt-algorithms)", strings.Join(fitting, ", "))
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	k.print = sha256.Sum256(der)
	return k, err
}

// algorithmsOf are those that a public key is for, whatever is allowed.
func algorithmsOf(key any) ([]string, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return nil, fmt.Errorf("it is an RSA key of %d bits, and must have %d to %d", bits, minRSABits, maxRSABits)
		}
		if key.E < 3 || key.E%2 == 0 {
			return nil, errors.New("it is an RSA key with a useless exponent")
		}
		return rsaAlgorithms, nil
	case *ecdsa.PublicKey:
		name, known := map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[key.Curve]
		if !known {
			return nil, errors.New("it is on none of the curves P-256, P-384 and P-521")
		}
		if _, err := key.ECDH(); err != nil {
			return nil, errors.New("it is no point of its curve")
		}
		return []string{name}, nil
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return nil, errors.New("it is no whole Ed25519 key")
		}
		return []string{"EdDSA"}, nil
	default:
		return nil, fmt.Errorf("it is a %T, and no RSA, ECDSA or Ed25519 key", key)
	}
}

// JWTKeys are keys that stand in a file. They are not changed after they were read, and may
// be used concurrently.
type JWTKeys struct{ keys []jwtKey }

// ParseJWTKeys reads the content of a file with keys: one or more public keys in PEM, or for
// HS256, HS384 and HS512 a shared secret, which is all of the file but line breaks at its
// end. Its errors do not have the secret.
func ParseJWTKeys(data []byte, algorithms []string) (*JWTKeys, error) {
	if err := CheckJWTAlgorithms(algorithms, false); err != nil {
		return nil, err
	}
	if len(data) > maxKeyBytes {
		return nil, fmt.Errorf("it is longer than %d bytes", maxKeyBytes)
	}
	if secretBytes[algorithms[0]] > 0 {
		return readSecret(bytes.TrimRight(data, "\r\n"), algorithms)
	}
	read := &JWTKeys{}
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		key, err := readPEM(block)
		if err == nil {
			var k jwtKey
			k, err = newPublicKey("", key, "", algorithms)
			read.keys = append(read.keys, k)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d in it: %w", len(read.keys), err)
		}
		if len(read.keys) > maxKeys {
			return nil, fmt.Errorf("it has more than %d keys", maxKeys)
		}
	}
	if len(read.keys) == 0 {
		return nil, errors.New("it has no public key in PEM (-----BEGIN PUBLIC KEY-----)")
	}
	return read, nil
}

func readSecret(secret []byte, algorithms []string) (*JWTKeys, error) {
	if bytes.Contains(secret, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("it has a key in PEM, and %s would take it for a shared secret: who has it could sign tokens", algorithms[0])
	}
	for _, alg := range algorithms {
		if least := secretBytes[alg]; len(secret) < least {
			return nil, fmt.Errorf("its secret has %d bytes, and %s takes at least %d", len(secret), alg, least)
		}
	}
	return &JWTKeys{keys: []jwtKey{{key: secret, algorithms: algorithms, print: sha256.Sum256(secret)}}}, nil
}

func readPEM(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		return nil, fmt.Errorf("it is a %s, and must be a PUBLIC KEY", block.Type)
	}
}

// A jwtKeySource has the keys of one issuer.
type jwtKeySource interface {
	// find returns the keys that may have signed a token; none is no such key. An error is
	// for the caller: it cannot be found out now.
	find(ctx context.Context, alg, kid string) ([]jwtKey, error)
	// holds says whether a key still counts, as far as that is known.
	holds(key jwtKey) bool
	close()
}

// find passes over kid, for keys in a file have no names.
func (k *JWTKeys) find(_ context.Context, alg, _ string) ([]jwtKey, error) {
	var fitting []jwtKey
	for _, key := range k.keys {
		if slices.Contains(key.algorithms, alg) {
			fitting = append(fitting, key)
		}
	}
	return fitting, nil
}

func (k *JWTKeys) holds(jwtKey) bool { return true }

func (k *JWTKeys) close() {}
