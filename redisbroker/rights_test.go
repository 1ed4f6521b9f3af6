package redisbroker_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/loglane/loglane/redisbroker"
)

// The page tells the rule in several commands; together they are the rule.
func TestTheDocsTellTheSmallestRights(t *testing.T) {
	page, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(string(page)) {
		if rules, found := strings.CutPrefix(strings.TrimSpace(line), "ACL SETUSER loglane "); found {
			told = append(told, strings.Fields(strings.TrimPrefix(rules, "on >password "))...)
		}
	}
	if want := strings.Fields(redisbroker.ACL()); !slices.Equal(told, want) {
		t.Errorf("docs/redis.md tells\n%s\nand the rule is\n%s", strings.Join(told, " "), strings.Join(want, " "))
	}
}

func TestTheDocsTellTheSmallestRightsInACluster(t *testing.T) {
	page, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "user loglane on >password ")
	told, _, _ := strings.Cut(rest, "\n```")
	if want := redisbroker.ClusterACL(); strings.Join(strings.Fields(told), " ") != want {
		t.Errorf("docs/redis.md tells\n%s\nand the rule is\n%s", told, want)
	}
}
