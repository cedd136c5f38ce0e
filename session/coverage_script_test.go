package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hark/session/realtime"
)

// TestScriptsCoverTheProtocol: each event of a client, each event of the server
// and each error code stands in a script, so it is played in virtual time with
// what comes before and after it.
func TestScriptsCoverTheProtocol(t *testing.T) {
	server, codes := vocabulary(t)
	files, err := filepath.Glob("testdata/*.script")
	if err != nil {
		t.Fatal(err)
	}
	sent, got, told := map[string]bool{}, map[string]bool{}, map[string]bool{}
	event := regexp.MustCompile(`"type":"([a-z_.]+)"`)
	code := regexp.MustCompile(`"code":"([a-z_]+)"`)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(string(data), " ;; ", "\n"), "\n") {
			if fields := strings.Fields(line); strings.HasPrefix(line, "x ") && len(fields) > 2 {
				line = strings.Join(fields[2:], " ")
			}
			if m := event.FindStringSubmatch(line); strings.HasPrefix(line, "> ") && m != nil {
				sent[m[1]] = true
			}
			if rest, ok := strings.CutPrefix(line, "< "); ok {
				name, _, _ := strings.Cut(rest, " ")
				got[name] = true
				for _, m := range code.FindAllStringSubmatch(line, -1) {
					told[m[1]] = true
				}
			}
		}
	}
	for what, list := range map[string]struct {
		want []string
		have map[string]bool
	}{
		"client event": {realtime.ClientTypes(), sent},
		"server event": {server, got},
		"error code":   {codes, told},
	} {
		for _, name := range list.want {
			if !list.have[name] {
				t.Errorf("no script has the %s %s", what, name)
			}
		}
	}
}

// vocabulary reads the types of server events and the codes of errors out of
// the source of package realtime, where a new one cannot be forgotten.
func vocabulary(t *testing.T) (events, codes []string) {
	t.Helper()
	sources, err := filepath.Glob("realtime/*.go")
	if err != nil {
		t.Fatal(err)
	}
	literal := func(e ast.Expr) string {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return ""
		}
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "Type" && n.Recv != nil && len(n.Body.List) == 1 {
					if r, ok := n.Body.List[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
						events = append(events, literal(r.Results[0]))
					}
				}
			case *ast.ValueSpec:
				if strings.HasPrefix(n.Names[0].Name, "Code") && len(n.Values) == 1 && n.Type == nil {
					codes = append(codes, literal(n.Values[0]))
				}
			}
			return true
		})
	}
	if len(events) < 36 || len(codes) < 20 {
		t.Fatalf("found %d events and %d codes: %q %q", len(events), len(codes), events, codes)
	}
	return events, codes
}
