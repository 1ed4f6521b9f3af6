package redisbroker_test

import (
	"testing"

	"github.com/loglane/loglane/redisbroker"
)

func TestSlotOf(t *testing.T) {
	for key, want := range map[string]int{ // as CLUSTER KEYSLOT tells
		"":                              0,
		"123456789":                     12739,
		"foo":                           12182,
		"{user1000}.following":          3443,
		"foo{}{bar}":                    8363,
		"foo{{bar}}zap":                 4015,
		"foo{bar}{zap}":                 5061,
		"stream:{logs:User.alice}":      redisbroker.SlotOf("logs:User.alice"),
		"stream:{logs:User.%7Balice%7D": redisbroker.SlotOf("stream:{logs:User.%7Balice%7D"),
	} {
		if got := redisbroker.SlotOf(key); got != want {
			t.Errorf("%s is in slot %d, want %d", key, got, want)
		}
	}
}
