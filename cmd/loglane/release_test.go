package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// release builds a release for this machine from a clone of its own.
func release(t *testing.T, tree, out, key string) (printed string, err error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(tree, "ci", "release.sh"), "v9.8.7", out)
	cmd.Env = append(os.Environ(), "PLATFORMS="+runtime.GOOS+"/"+runtime.GOARCH, "LOGLANE_SIGNING_KEY="+key)
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func clone(t *testing.T) string {
	t.Helper()
	tree := filepath.Join(t.TempDir(), "loglane")
	run(t, "git", "clone", "--quiet", "--local", "../..", tree)
	return tree
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func sumOf(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// TestRelease builds a release in two places: the binaries are the same, the bills name what is
// in them, and the signature holds for the sums as they are, only.
func TestRelease(t *testing.T) {
	t.Parallel()
	key, signers, out, again := filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "signers"), t.TempDir(), t.TempDir()
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(signers, append([]byte("release "), public...), 0o600); err != nil {
		t.Fatal(err)
	}
	tree := clone(t)
	if printed, err := release(t, tree, out, key); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	if printed, err := release(t, clone(t), again, ""); err != nil || !strings.Contains(printed, "not signed") {
		t.Fatalf("%v\n%s", err, printed)
	}
	binary := "loglane-" + runtime.GOOS + "-" + runtime.GOARCH
	if sumOf(t, filepath.Join(out, binary)) != sumOf(t, filepath.Join(again, binary)) {
		t.Error("two builds of one commit differ")
	}
	if said := run(t, filepath.Join(out, binary), "version"); !strings.HasPrefix(said, "loglane v9.8.7 (") {
		t.Errorf("version says %q", said)
	}
	for bill, parts := range map[string][]string{
		"loglane-go.cdx.json":  {"pkg:golang/github.com/redis/rueidis@", "pkg:golang/github.com/coreos/go-oidc/v3@"},
		"loglane-web.cdx.json": {"pkg:npm/react@", "pkg:npm/%40xterm/xterm@"},
	} {
		data, err := os.ReadFile(filepath.Join(out, bill))
		if err != nil || !json.Valid(data) {
			t.Errorf("%s: %v", bill, err)
		}
		for _, part := range parts {
			if !bytes.Contains(data, []byte(part)) {
				t.Errorf("%s does not name %s", bill, part)
			}
		}
		if bytes.Contains(data, []byte("eslint")) {
			t.Errorf("%s names what no binary has in it", bill)
		}
	}
	run(t, "sh", "-c", fmt.Sprintf("cd %q && sha256sum --quiet --check SHA256SUMS", out))
	verify := fmt.Sprintf("cd %q && ssh-keygen -Y verify -f %q -I release -n loglane-release -s SHA256SUMS.sig", out, signers)
	run(t, "sh", "-c", verify+" < SHA256SUMS")
	if text, err := exec.Command("sh", "-c", "sed 's/^./x/' "+filepath.Join(out, "SHA256SUMS")+" | ("+verify+")").CombinedOutput(); err == nil {
		t.Errorf("other sums pass: %s", text)
	}
	if printed, err := release(t, tree, out, key); err == nil {
		t.Errorf("it writes into a directory that is not empty: %s", printed)
	}
	if err := os.WriteFile(filepath.Join(tree, "go.sum"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if printed, err := release(t, tree, t.TempDir(), key); err == nil || !strings.Contains(printed, "commit what has changed first") {
		t.Errorf("it builds what is not committed: %v, %s", err, printed)
	}
}
