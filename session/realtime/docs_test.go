package realtime

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/protocol.md names every event and every code, and no event that there
// is not.
func TestDocumentNamesEveryEventAndCode(t *testing.T) {
	data, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	tables := map[string]bool{}
	for line := range strings.Lines(page) {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
				tables[m[1]] = true
			}
		}
	}
	known := map[string]bool{}
	for _, name := range ClientTypes() {
		known[name] = true
	}
	for _, ev := range allEvents() {
		known[ev.Type()] = true
	}
	for name := range known {
		if !tables[name] {
			t.Errorf("docs/protocol.md does not name %s", name)
		}
	}
	for name := range tables {
		if event := strings.Contains(name, ".") && !strings.Contains(name, " ") && !strings.HasPrefix(name, "audio."); event && !known[name] {
			t.Errorf("docs/protocol.md names %s, which is no event", name)
		}
	}
	for _, code := range codes(t) {
		if !tables[code] {
			t.Errorf("docs/protocol.md does not name the code %s", code)
		}
	}
}

// codes returns the values of the constants that begin with Code.
func codes(t *testing.T) (list []string) {
	t.Helper()
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range pkgs["realtime"].Files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") || spec.Type != nil {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				value, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				list = append(list, value)
			}
			return true
		})
	}
	if len(list) < 15 {
		t.Fatalf("only %d codes", len(list))
	}
	return list
}
