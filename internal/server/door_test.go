package server_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// besideTheDoor are the declarations that may speak of a hub or a broker: what New is given,
// and what ends streams or empties rings and shows nobody a line.
var besideTheDoor = []string{"Options", "New", "EndStreams", "ObeyNotices"}

// behindTheDoor are names in package loglane through which lines can be reached.
var behindTheDoor = []string{"Hub", "Broker", "NewHub", "Purger", "Lister", "NewMemoryBroker"}

// harmless are the methods that besideTheDoor may call.
var harmless = []string{"End", "Doubt", "Forget"}

// passesBy returns where a file's declarations reach a hub or a broker without the door.
func passesBy(file *ast.File) (places []string) {
	for _, decl := range file.Decls {
		name := declared(decl)
		ast.Inspect(decl, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := selector.X.(*ast.Ident)
			switch typed := of != nil && of.Name == "loglane"; {
			case typed && slices.Contains(behindTheDoor, selector.Sel.Name) && !slices.Contains(besideTheDoor, name),
				!typed && (selector.Sel.Name == "Hub" || selector.Sel.Name == "Broker") && name != "New",
				of != nil && of.Name == "hub" && !slices.Contains(harmless, selector.Sel.Name):
				places = append(places, fmt.Sprintf("%s speaks of %s", name, selector.Sel.Name))
			}
			return true
		})
	}
	return places
}

func declared(decl ast.Decl) string {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return d.Name.Name
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if t, ok := spec.(*ast.TypeSpec); ok {
				return t.Name.Name
			}
		}
	}
	return ""
}

// No handler reaches a channel but through the door, which wants a pass.
func TestNoHandlerPassesTheDoorBy(t *testing.T) {
	entries, err := os.ReadDir(".")
	must(t, err)
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		must(t, err)
		for _, place := range passesBy(file) {
			t.Errorf("%s: %s: take a pass of the door's", entry.Name(), place)
		}
	}
}

// What would pass it by is found.
func TestAHandlerThatPassesTheDoorByIsFound(t *testing.T) {
	for _, body := range []string{
		`func (s *Server) peek(r *http.Request) { s.opts.Hub.List(nil, "", 1) }`,
		`func (s *Server) peek(r *http.Request) { s.opts.Broker.Read(nil, "logs:User.alice", loglane.Last(1), 1) }`,
		`func (s *Server) peek(b loglane.Broker) {}`,
		`type peeker struct { hub *loglane.Hub }`,
		`func EndStreams(hub *loglane.Hub) { hub.Stream(nil, nil) }`,
		`func New(o Options) { loglane.NewHub(nil, nil) ; hub := o.Hub; hub.History(nil, nil) }`,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package server\n"+body, 0)
		must(t, err)
		if len(passesBy(file)) == 0 {
			t.Errorf("it is not found: %s", body)
		}
	}
}
