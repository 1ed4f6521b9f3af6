package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/loglane/loglane/internal/redistest"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The README's Go compiles as it stands there, in a function.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile("(?ms)^   ```go\n(.*?)^   ```$").FindAllStringSubmatch(readme(t), -1)
	if len(found) != 1 {
		t.Fatalf("it has %d blocks of Go", len(found))
	}
	code := regexp.MustCompile(`(?m)^   `).ReplaceAllString(found[0][1], "")
	imports, body, _ := strings.Cut(code, "\n)\n")
	program := "package main\n\n" + imports + "\n)\n\nfunc serve(ctx context.Context) error {\n" + body + "\nreturn nil\n}\n\nfunc main() { _ = serve(context.Background()) }\n"
	path := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(path, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "vet", path).CombinedOutput(); err != nil {
		t.Errorf("%v: %s\n%s", err, out, program)
	}
}

// The README's Redis commands make a line that is kept, and not for ever.
func TestReadmeRedis(t *testing.T) {
	t.Parallel()
	commands := strings.Join(regexp.MustCompile(`(?m)^ {7}((?:PUBLISH|XADD|EXPIRE|MULTI|EXEC)\b.*)$`).FindAllString(readme(t), -1), "\n")
	server := redistest.Start(t)
	cli := exec.CommandContext(t.Context(), "redis-cli", "-e", "-p", strconv.Itoa(server.Port))
	cli.Stdin = strings.NewReader(commands + "\n")
	if out, err := cli.CombinedOutput(); err != nil || strings.Contains(string(out), "ERR") {
		t.Fatalf("%v: %s", err, out)
	}
	const history = "stream:logs:User.alice"
	if kept := server.MustDo("XLEN", history); kept != "1" {
		t.Errorf("%s lines are kept", kept)
	}
	if ttl, err := strconv.Atoi(server.MustDo("TTL", history)); err != nil || ttl <= 0 {
		t.Errorf("the history ends in %d s, %v", ttl, err)
	}
}
