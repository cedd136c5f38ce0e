// Package arch keeps the shape of the source tree. It reads every Go file of
// the module, without building it, and says which file breaks which rule and
// what to do about it. The rules are the tables in tables.go; the tests of
// this package apply them to the tree.
//
// Start reading at tables.go, then rules.go.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Module is the path of this module, the prefix of our own imports.
const Module = "hark"

// File is one parsed Go file.
type File struct {
	Path      string // from the root, with slashes: session/session.go
	Dir       string // folder of Path, "." for the root
	Lines     int
	Test      bool // ends in _test.go
	Generated bool // carries the standard "Code generated … DO NOT EDIT." line
	AST       *ast.File
	Fset      *token.FileSet
}

// Tree is every Go file below a root, build constraints ignored, so that a
// file for another system or tag obeys the same rules.
type Tree struct{ Files []*File }

// skipped are folders that hold no code of ours.
var skipped = map[string]bool{"testdata": true, "node_modules": true, "bin": true}

// Load parses the Go files below root. Folders that Go itself ignores (names
// that begin with a dot or an underscore, testdata) are left out.
func Load(root string) (*Tree, error) {
	tree := &Tree{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (skipped[base] || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file, err := parse(filepath.ToSlash(rel), source)
		if err != nil {
			return err
		}
		tree.Files = append(tree.Files, file)
		return nil
	})
	return tree, err
}

// parse makes a File of one source text.
func parse(name string, source []byte) (*File, error) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	return &File{
		Path:      name,
		Dir:       path.Dir(name),
		Lines:     strings.Count(string(source), "\n"),
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(syntax),
		AST:       syntax,
		Fset:      fset,
	}, nil
}

// line returns the line of pos in f.
func (f *File) line(pos token.Pos) int { return f.Fset.Position(pos).Line }

// packages returns the folders that hold Go files, each with its files.
func (t *Tree) packages() map[string][]*File {
	out := map[string][]*File{}
	for _, file := range t.Files {
		out[file.Dir] = append(out[file.Dir], file)
	}
	return out
}
