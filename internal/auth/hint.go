package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
)

// maxHint bounds the ID token that is kept for the sign-out: it goes into a URL.
const maxHint = 4 << 10

// The ID token is kept for the sign-out, which the provider asks nobody about then. The store
// has it sealed with the cookie, of which it knows the hash only.
func sealer(token string) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "loglane id token", 32)
	if err != nil {
		panic(err) // the length is one that SHA-256 gives
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the length is a key's
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // the block is one of AES
	}
	return aead
}

func seal(token, text string) []byte {
	if len(text) > maxHint {
		return nil
	}
	return sealer(token).Seal(nil, nil, []byte(text), nil)
}

// unseal returns what was sealed, or "".
func unseal(token string, sealed []byte) string {
	text, err := sealer(token).Open(nil, nil, sealed, nil)
	if err != nil {
		return ""
	}
	return string(text)
}
