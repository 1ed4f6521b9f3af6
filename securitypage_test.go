package loglane_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// threats is how many rows docs/security.md has.
const threats = 24

var (
	threatTitle = regexp.MustCompile(`(?m)^### (\d+)\. .+$`)
	namedTest   = regexp.MustCompile("`([0-9A-Za-z_./-]+(?:_test\\.go|\\.test\\.ts)):([^`]+)`")
	codeSpan    = regexp.MustCompile("`[^`]+`")
)

// TestTheSecurityPageNamesTests reads docs/security.md: every threat has its parts, and a
// test that there is, or says what is not held by one.
func TestTheSecurityPageNamesTests(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	titles := threatTitle.FindAllStringSubmatchIndex(page, -1)
	if len(titles) != threats {
		t.Fatalf("the page has %d threats, want %d", len(titles), threats)
	}
	for i, at := range titles {
		end := len(page)
		if i+1 < len(titles) {
			end = titles[i+1][0]
		}
		if number := page[at[2]:at[3]]; number != fmt.Sprint(i+1) {
			t.Errorf("threat %d has the number %s", i+1, number)
		}
		for _, fault := range threatFaults(page[at[1]:end]) {
			t.Errorf("threat %d: %s", i+1, fault)
		}
	}
	for _, named := range namedTest.FindAllStringSubmatch(page, -1) {
		if err := findTest(named[1], named[2]); err != nil {
			t.Error(err)
		}
	}
}

// threatFaults tells what a threat lacks.
func threatFaults(text string) (faults []string) {
	rest := text
	for _, part := range []string{"**Threat.** ", "**Control.** ", "**Tests.** ", "**Settings.** "} {
		_, after, found := strings.Cut(rest, "\n"+part)
		if !found || strings.TrimSpace(after) == "" {
			return append(faults, fmt.Sprintf("it has no %q after what comes before it", part))
		}
		rest = after
	}
	_, tests, _ := strings.Cut(text, "**Tests.** ")
	tests, _, _ = strings.Cut(tests, "**Settings.** ")
	named := namedTest.FindAllString(tests, -1)
	if len(named) == 0 && !strings.Contains(tests, "not held by a test") {
		faults = append(faults, "it names no test, and does not say that it is not held by a test")
	}
	for _, span := range codeSpan.FindAllString(tests, -1) {
		if strings.Contains(span, ":") && !namedTest.MatchString(span) {
			faults = append(faults, span+" is no file and test")
		}
	}
	return faults
}

// findTest fails unless a file has a test.
func findTest(file, name string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	want := "\nfunc " + name + "("
	if strings.HasSuffix(file, ".ts") {
		want = "('" + name + "'"
	}
	if !strings.Contains(string(text), want) {
		return fmt.Errorf("%s has no test %q", file, name)
	}
	return nil
}

// TestTheSecurityPageIsRead plants what is to be found.
func TestTheSecurityPageIsRead(t *testing.T) {
	const whole = "\n**Threat.** A.\n**Control.** B.\n**Tests.** `house_test.go:TestOnlyTheHousesArrowsExist`\n**Settings.** none\n"
	if faults := threatFaults(whole); len(faults) > 0 {
		t.Error(faults)
	}
	for _, without := range []string{"**Threat.** A.\n", "**Control.** B.\n", "`house_test.go:TestOnlyTheHousesArrowsExist`", "**Settings.** none\n"} {
		if len(threatFaults(strings.Replace(whole, without, "", 1))) == 0 {
			t.Errorf("nothing is found without %q", without)
		}
	}
	if len(threatFaults(strings.Replace(whole, "_test.go", ".go", 1))) == 0 {
		t.Error("a test in a file of no tests is not found")
	}
	for file, name := range map[string]string{
		"house_test.go":              "TestOnlyTheHousesArrows",
		"nowhere_test.go":            "TestOnlyTheHousesArrowsExist",
		"web/e2e/access.test.ts":     "signing in leads nowhere",
		"web/e2e/crosssite2.test.ts": "signing in leads nowhere else",
	} {
		if findTest(file, name) == nil {
			t.Errorf("%s has a test %q", file, name)
		}
	}
}
