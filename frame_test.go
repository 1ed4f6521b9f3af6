package loglane_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/loglane/loglane"
)

func testFrame(record string) loglane.Frame {
	return loglane.Frame{
		Entry: loglane.Entry{
			Cursor: loglane.Cursor{Epoch: "AAAAAAAAAAE", N: 7, ID: loglane.ID{Ms: 1700000000000, Seq: 3}, Src: loglane.NewSrc("alpha", 9)},
			Prev:   loglane.ID{Ms: 1700000000000, Seq: 2},
			Data:   []byte(record),
		},
		Producer: "alpha", K: 9,
	}
}

func TestFrameText(t *testing.T) {
	const head = `{"_ll":"1 AAAAAAAAAAE.7.1700000000000-3 1700000000000-2 alpha:9"`
	for record, want := range map[string]string{
		`{}`:                         head + `}`,
		`{"message":"x"}`:            head + `,"message":"x"}`,
		`{"a":{"b":[1,2]},"c":null}`: head + `,"a":{"b":[1,2]},"c":null}`,
	} {
		frame := testFrame(record)
		got := frame.Append(nil)
		if string(got) != want {
			t.Errorf("%s: %s, want %s", record, got, want)
		}
		again, ok := loglane.ParseFrame(got)
		if !ok || !reflect.DeepEqual(again, frame) {
			t.Errorf("%s reads as %+v, %v", got, again, ok)
		}
	}
	longest := loglane.Frame{
		Entry: loglane.Entry{
			Cursor: loglane.Cursor{Epoch: "__________8", N: loglane.MaxNumber, ID: loglane.ID{Ms: 1<<64 - 1, Seq: 1<<64 - 1}},
			Prev:   loglane.ID{Ms: 1<<64 - 1, Seq: 1<<64 - 2}, Data: []byte(`{"m":1}`),
		},
		Producer: strings.Repeat("p", 64), K: loglane.MaxNumber,
	}
	longest.Cursor.Src = loglane.NewSrc(longest.Producer, longest.K)
	if again, ok := loglane.ParseFrame(longest.Append(nil)); !ok || !reflect.DeepEqual(again, longest) {
		t.Errorf("the longest head reads as %+v, %v", again, ok)
	}
}

func TestFrameKeepsNothingOfThePayload(t *testing.T) {
	payload := testFrame(`{"message":"x"}`).Append(nil)
	frame, _ := loglane.ParseFrame(payload)
	for i := range payload {
		payload[i] = '#'
	}
	if string(frame.Data) != `{"message":"x"}` || frame.Producer != "alpha" || frame.Cursor.Epoch != "AAAAAAAAAAE" {
		t.Errorf("the frame became %+v %s", frame, frame.Data)
	}
}

func TestWhatIsNoFrame(t *testing.T) {
	good := string(testFrame(`{"message":"x"}`).Append(nil))
	if _, ok := loglane.ParseFrame([]byte(good)); !ok {
		t.Fatal("the frame to vary is none")
	}
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("nothing to replace: %q", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, payload := range map[string]string{
		"empty": "", "an object": "{}", "only the beginning": `{"_ll":"1 `, "half": good[:40],
		"a space before": " " + good, "a line break after": good + "\n", "cut": good[:len(good)-1],
		"a later version": replace(`"1 `, `"2 `), "spaced": replace(`{"_ll":`, `{ "_ll":`), "two spaces": replace(`"1 `, `"1  `),
		"no epoch": replace("AAAAAAAAAAE", "0"), "a short epoch": replace("AAAAAAAAAAE", "AAAAAAAAAE"), "an epoch that is none": replace("AAAAAAAAAAE", "AAAAAAAAAAB"),
		"number 0": replace(".7.", ".0."), "leading zero": replace(".7.", ".07."), "k 0": replace("alpha:9", "alpha:0"), "no k": replace("alpha:9", "alpha"),
		"no producer": replace("alpha:9", ":9"), "a bad producer": replace("alpha:9", "al/pha:9"), "two colons": replace("alpha:9", "alpha:9:9"),
		"prev is itself": replace(" 1700000000000-2 ", " 1700000000000-3 "), "prev is later": replace(" 1700000000000-2 ", " 1700000000001-0 "),
		"a fourth part": replace(`alpha:9"`, `alpha:9 x"`), "an escaped quote": replace(`alpha:9"`, `alpha:9\""`),
		"no comma": replace(`","`, `""`), "nothing after the comma": `{"_ll":"1 AAAAAAAAAAE.7.1700000000000-3 1700000000000-2 alpha:9",}`,
		"a colon": replace(`9",`, `9":`), "an array": strings.Replace(good, "{", "[", 1), "upper case": replace("_ll", "_LL"),
	} {
		if frame, ok := loglane.ParseFrame([]byte(payload)); ok {
			t.Errorf("%s: %s reads as %+v", name, payload, frame)
		}
	}
}

// headForm is the frame's head as the contract writes it.
var headForm = regexp.MustCompile(`^1 ([0-9A-Za-z_-]{11})\.([1-9][0-9]*)\.([0-9]+-[0-9]+) ([0-9]+-[0-9]+) ([0-9A-Za-z_-]{1,64}):([1-9][0-9]*)$`)

// What is accepted is what Append writes; a JSON decoder sees the same parts, and the
// record is the payload without its first member.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(testFrame(`{"message":"x"}`).Append(nil)))
	f.Add([]byte(testFrame(`{}`).Append(nil)))
	f.Add([]byte(`{"_ll":"1 `))
	f.Add([]byte(`{"_ll":"1 AAAAAAAAAAE.7.1-3 1-2 alpha:9","_ll":"twice"}`))
	f.Add([]byte(`{"_ll":"1 AAAAAAAAAAE.7.1-3 1-2 alpha:9",}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		frame, ok := loglane.ParseFrame(payload)
		if id, idOK := loglane.FrameID(payload); idOK != ok || ok && id != frame.Cursor.ID {
			t.Fatalf("%q: the place is %v, %v; the frame's is %v, %v", payload, id, idOK, frame.Cursor.ID, ok)
		}
		if !ok {
			return
		}
		if again := frame.Append(nil); !bytes.Equal(again, payload) {
			t.Fatalf("%q reads as %+v, which writes as %q", payload, frame, again)
		}
		if !json.Valid(payload) { // as a foreign program may publish: it chains or it does not
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(payload))
		for _, want := range []string{"{", "_ll"} {
			if token, err := decoder.Token(); err != nil || fmt.Sprint(token) != want {
				t.Fatalf("%q begins with %v, %v", payload, token, err)
			}
		}
		token, err := decoder.Token()
		head, _ := token.(string)
		parts := headForm.FindStringSubmatch(head)
		if err != nil || parts == nil {
			t.Fatalf("%q: the head is %q, %v", payload, head, err)
		}
		want := []string{frame.Cursor.Epoch, fmt.Sprint(frame.Cursor.N), frame.Cursor.ID.String(), frame.Prev.String(), frame.Producer, fmt.Sprint(frame.K)}
		if !reflect.DeepEqual(parts[1:], want) {
			t.Fatalf("%q: the parts are %q, read as %q", payload, parts[1:], want)
		}
		if !json.Valid(frame.Data) {
			t.Fatalf("%q: the record %q is no JSON", payload, frame.Data)
		}
		rest := payload[decoder.InputOffset():]
		record := append([]byte("{"), bytes.TrimPrefix(rest, []byte(","))...)
		if !bytes.Equal(record, frame.Data) {
			t.Fatalf("%q: the record is %q, want %q", payload, frame.Data, record)
		}
	})
}
