package loglane_test

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/loglane/loglane"
	"github.com/loglane/loglane/internal/sse"
)

func TestCursorText(t *testing.T) {
	sum := sha256.Sum256([]byte("alpha:7"))
	src := loglane.Src(sum[:8])
	cases := []struct {
		text string
		want loglane.Cursor
	}{
		{"0.0.0-0", loglane.Cursor{}},
		{"0.0.1700000000000-3", loglane.Cursor{ID: loglane.ID{Ms: 1700000000000, Seq: 3}}},
		{"AAAAAAAAAAE.0.0-0", loglane.Cursor{Epoch: "AAAAAAAAAAE"}},
		{"__-_____-_8.12.5-0." + base64.RawURLEncoding.EncodeToString(sum[:8]), loglane.Cursor{Epoch: "__-_____-_8", N: 12, ID: loglane.ID{Ms: 5}, Src: src}},
		{"0.18446744073709551615.18446744073709551615-18446744073709551615", loglane.Cursor{N: 1<<64 - 1, ID: loglane.ID{Ms: 1<<64 - 1, Seq: 1<<64 - 1}}},
	}
	for _, c := range cases {
		got, err := loglane.ParseCursor(c.text)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("%s: %+v, %v, writes as %s", c.text, got, err, got)
		}
		if !sse.ValidID(c.text) {
			t.Errorf("%s cannot be an event's id", c.text)
		}
	}
	if loglane.NewSrc("alpha", 7) != src {
		t.Errorf("src %v, want %v", loglane.NewSrc("alpha", 7), src)
	}
}

func TestMalformedCursors(t *testing.T) {
	for _, text := range []string{
		"", "0", "0.0", "0.0.0", "0.0.0-", "0.0.-0", "0.0.0-0.", "0.0.0-0-0", "0.0.0-0.0", ".0.0-0", "00.0.0-0", "0.00.0-0", "0.0.00-0", "0.0.0-00",
		"0.+1.0-0", "0.-1.0-0", "0.0x1.0-0", "0.1e3.0-0", "0.1_0.0-0", "0. 1.0-0", " 0.0.0-0", "0.0.0-0 ", "0.0.0-0\n",
		"0.18446744073709551616.0-0", "0.0.18446744073709551616-0", "0.٣.0-0",
		"AAAAAAAAAA.0.0-0", "AAAAAAAAAAAA.0.0-0", "AAAAAAAAAAB.0.0-0", "AAAA+AAAAAA.0.0-0", "AAAAA\nAAAAA.0.0-0", "AAAAAAAAAA=.0.0-0",
		"0.0.1-0.AAAAAAAAAAA", "0.0.1-0.AAAAAAAAAAB", "0.0.1-0.AAAAAAAAAAEA", "0.0.1-0.AAAAAAAAAAE.x",
		strings.Repeat("0", 1000),
	} {
		c, err := loglane.ParseCursor(text)
		if err == nil {
			t.Errorf("%q reads as %+v", text, c)
		} else if len(err.Error()) > 300 {
			t.Errorf("an error of %d bytes for %.20q", len(err.Error()), text)
		}
	}
}

func TestIDOrder(t *testing.T) {
	ordered := []loglane.ID{{}, {Seq: 1}, {Seq: 1 << 63}, {Ms: 1}, {Ms: 1, Seq: 1}, {Ms: 2}, {Ms: 1 << 63}}
	for i, a := range ordered {
		for j, b := range ordered {
			if a.Less(b) != (i < j) {
				t.Errorf("%v before %v: %v", a, b, a.Less(b))
			}
		}
		if again, err := loglane.ParseID(a.String()); err != nil || again != a {
			t.Errorf("%v reads as %v, %v", a, again, err)
		}
		if a.IsZero() != (i == 0) {
			t.Errorf("%v is zero: %v", a, a.IsZero())
		}
	}
}

func TestNamesAreRandom(t *testing.T) {
	for want, name := range map[string]func() string{`^[0-9A-Za-z_-]{11}$`: loglane.NewEpoch, `^[0-9A-Za-z_-]{16}$`: loglane.NewProducer} {
		a, b := name(), name()
		if a == b || !regexp.MustCompile(want).MatchString(a) {
			t.Errorf("%q, %q: want %s", a, b, want)
		}
	}
	if c, err := loglane.ParseCursor(loglane.NewEpoch() + ".1.1-0"); err != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

func FuzzCursor(f *testing.F) {
	for _, text := range []string{"0.0.0-0", "AAAAAAAAAAE.7.1700000000000-3.AAAAAAAAAAE", "0.01.0-0", "", "0.0.0-0.", "AAAAAAAAAAB.0.0-0"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := loglane.ParseCursor(text)
		if err != nil {
			return
		}
		if c.String() != text {
			t.Errorf("%q reads as %+v, which writes as %q", text, c, c)
		}
		if !sse.ValidID(text) {
			t.Errorf("%q cannot be an event's id", text)
		}
	})
}
