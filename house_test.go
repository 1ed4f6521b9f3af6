package loglane_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/loglane/loglane"

// A room is what a package may import: other rooms, and modules of third parties.
type room struct {
	rooms []string
	third []string
}

// house is the table of the design: only the arrows in it exist. "." is the root.
var house = map[string]room{
	".":                    {rooms: []string{"internal/jsonscan", "internal/sse", "internal/vt"}, third: []string{"golang.org/x/text"}},
	"internal/sse":         {},
	"internal/vt":          {},
	"internal/jsonscan":    {},
	"internal/redact":      {rooms: []string{"internal/jsonscan"}},
	"redisbroker":          {rooms: []string{"."}, third: []string{"github.com/redis/rueidis"}},
	"logship":              {rooms: []string{".", "internal/jsonscan", "internal/redact"}},
	"internal/brokertest":  {rooms: []string{"."}},
	"internal/certtest":    {},
	"internal/chaos":       {rooms: []string{".", "logship", "internal/porttest", "internal/sse"}},
	"internal/gatewaytest": {rooms: []string{"."}},
	"internal/leaktest":    {},
	"internal/porttest":    {},
	"internal/redistest":   {rooms: []string{"internal/porttest"}},
	"internal/send":        {rooms: []string{".", "logship"}},
	"internal/auth":        {rooms: []string{"."}, third: []string{"github.com/alexedwards/argon2id", "golang.org/x/crypto", "github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "github.com/MicahParks/jwkset", "github.com/golang-jwt/jwt/v5"}},
	"internal/ingest":      {rooms: []string{".", "internal/jsonscan", "internal/redact"}, third: []string{"github.com/klauspost/compress"}},
	"internal/audit":       {},
	"internal/door":        {rooms: []string{".", "internal/auth"}},
	"internal/server":      {rooms: []string{".", "internal/audit", "internal/auth", "internal/door", "internal/ingest", "internal/redact"}, third: []string{"github.com/prometheus/client_golang"}},
	"internal/app":         {rooms: []string{".", "redisbroker", "logship", "internal/audit", "internal/auth", "internal/ingest", "internal/redact", "internal/server", "internal/demo", "internal/picker", "web"}},
	"internal/picker":      {rooms: []string{".", "internal/auth"}},
	"internal/tail":        {rooms: []string{".", "internal/jsonscan", "internal/sse", "internal/vt"}},
	"internal/demo":        {rooms: []string{".", "logship"}},
	"internal/e2e":         {rooms: []string{".", "redisbroker", "logship", "internal/sse", "internal/redistest"}},
	"internal/e2e/publish": {rooms: []string{".", "redisbroker", "logship"}},
	"web":                  {},
	"cmd/loglane":          {rooms: []string{"internal/app", "internal/send", "internal/tail", "logship", "internal/sse", "internal/vt"}, third: []string{"github.com/alecthomas/kong", "go.yaml.in/yaml/v4", "golang.org/x/sys", "golang.org/x/term"}},
}

type goPackage struct {
	ImportPath string
	Dir        string
	Doc        string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
	GoFiles    []string
}

func (p goPackage) room() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

// packages lists the packages of the module, and with deps all that they need.
func packages(t *testing.T, args ...string) (all []goPackage) {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Dir,Doc,Standard,Imports,Module,GoFiles"}, args...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestOnlyTheHousesArrowsExist(t *testing.T) {
	moduleOf := make(map[string]string)
	for _, p := range packages(t, "-deps", "./...") {
		switch {
		case p.Standard:
			moduleOf[p.ImportPath] = "std"
		case p.Module != nil:
			moduleOf[p.ImportPath] = p.Module.Path
		}
	}
	for _, p := range packages(t, "./...") {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		allowed, known := house[p.room()]
		if !known {
			t.Errorf("%s is no room of the design's table", p.room())
			continue
		}
		for _, path := range p.Imports {
			switch owner := moduleOf[path]; owner {
			case "std":
			case module:
				if target := (goPackage{ImportPath: path}).room(); !slices.Contains(allowed.rooms, target) {
					t.Errorf("%s imports %s: the design's table has no such arrow", p.room(), target)
				}
			case "":
				if path != "C" && path != "unsafe" {
					t.Errorf("%s imports %s, of which nothing is known", p.room(), path)
				}
			default:
				if !slices.Contains(allowed.third, owner) {
					t.Errorf("%s imports %s of the third party %s, which the design's table does not have", p.room(), path, owner)
				}
			}
		}
	}
}

func TestEveryRoomHasItsDoc(t *testing.T) {
	for _, p := range packages(t, "./...") {
		if len(p.GoFiles) > 0 && len(strings.Fields(p.Doc)) < 5 {
			t.Errorf("%s has no package comment that says what it is", p.room())
		}
	}
}

// Tests wait for what they wait for; time.Sleep is for bubbles, where it is free.
func TestTestsDoNotSleep(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && (name == "node_modules" || name != "." && strings.HasPrefix(name, ".")) {
			return filepath.SkipDir
		}
		inSuite := strings.Contains(filepath.ToSlash(path), "internal/brokertest/")
		if !strings.HasSuffix(path, "_test.go") && !(inSuite && strings.HasSuffix(path, ".go")) {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		bubbled := slices.ContainsFunc(file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == `"testing/synctest"` })
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok { // a stage is a bubble
				if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "onStage" {
					bubbled = true
				}
			}
			return true
		})
		ast.Inspect(file, func(node ast.Node) bool {
			if selector, ok := node.(*ast.SelectorExpr); ok && !bubbled && selector.Sel.Name == "Sleep" {
				if x, ok := selector.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s sleeps outside a bubble", path)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
