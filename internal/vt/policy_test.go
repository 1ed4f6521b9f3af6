package vt_test

import (
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/vt"
)

func TestParsePolicy(t *testing.T) {
	for _, p := range []vt.Policy{vt.SGR, vt.Strip, vt.None} {
		got, err := vt.ParsePolicy(p.String())
		if err != nil || got != p {
			t.Errorf("ParsePolicy(%q) = %v, %v", p, got, err)
		}
	}
	for _, name := range []string{"", "SGR", "all", "sgr ", "Policy(0)"} {
		got, err := vt.ParsePolicy(name)
		if err == nil || got != vt.SGR {
			t.Errorf("ParsePolicy(%q) = %v, %v; want SGR and an error", name, got, err)
			continue
		}
		for _, allowed := range []string{"sgr", "strip", "none"} {
			if !strings.Contains(err.Error(), allowed) {
				t.Errorf("error %q does not name %s", err, allowed)
			}
		}
	}
}

func TestZeroPolicyIsSGR(t *testing.T) {
	var p vt.Policy
	if p != vt.SGR {
		t.Errorf("zero value is %v", p)
	}
}

func TestUnknownPolicyFilters(t *testing.T) {
	p := vt.Policy(7)
	if p.String() != "Policy(7)" {
		t.Errorf("String() = %q", p)
	}
	if got := p.Text([]byte("\x1b[2J\x1b[1m")); string(got) != "␛[2J\x1b[1m" {
		t.Errorf("Text = %q", got)
	}
	if got := p.JSON([]byte(`"\u001b[2J\u001b[1m"`)); string(got) != `"␛[2J\u001b[1m"` {
		t.Errorf("JSON = %q", got)
	}
}
