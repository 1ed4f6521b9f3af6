package loglane

import (
	"crypto/rand"
	"encoding/base64"
)

// randomName returns size random bytes as base64url.
func randomName(size int) string {
	b := make([]byte, size)
	_, _ = rand.Read(b) // crypto/rand.Read never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b)
}
