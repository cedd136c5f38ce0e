package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

// report collects violations, one sentence each: where, what, what to do.
type report []string

// add appends one violation.
func (r *report) add(format string, args ...any) { *r = append(*r, fmt.Sprintf(format, args...)) }

// checkImports applies the tables of imports and of modules.
func checkImports(t *Tree) report {
	var r report
	for dir := range t.packages() {
		if _, ok := lineOf(dir); !ok {
			r.add("%s: package without a line in the import table: add it to internal/arch/tables.go and say what it may import", dir)
		}
	}
	for _, file := range t.Files {
		for _, spec := range file.AST.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			if ours, ok := strings.CutPrefix(target, Module+"/"); ok {
				checkOwn(&r, file, ours)
			} else if strings.Contains(target, ".") {
				checkModule(&r, file, target)
			}
		}
	}
	slices.Sort(r)
	return r
}

// checkOwn judges one import of a package of ours. Tests may use any package
// but a command: what they prove may need more than what they prove it of.
func checkOwn(r *report, file *File, target string) {
	if strings.HasPrefix(target, "cmd/") {
		r.add("%s imports %s: nothing imports a command; move what is shared into a package", file.Path, target)
		return
	}
	if file.Test || target == file.Dir {
		return
	}
	may, _ := lineOf(file.Dir)
	if !slices.ContainsFunc(may, func(pattern string) bool { return within(target, pattern) }) {
		r.add("%s imports %s, which the import table does not allow for %s: move the code to the package that may, or argue for a change of internal/arch/tables.go",
			file.Path, target, file.Dir)
	}
}

// checkModule judges one import of a module of others.
func checkModule(r *report, file *File, target string) {
	best := ""
	for module := range modules {
		if (target == module || strings.HasPrefix(target, module+"/")) && len(module) > len(best) {
			best = module
		}
	}
	if best == "" {
		r.add("%s imports %s, which no line of the module table allows: prefer the standard library, else add the module to internal/arch/tables.go with its one folder",
			file.Path, target)
		return
	}
	if !slices.Contains(modules[best], file.Dir) {
		r.add("%s imports %s, which belongs to %s: call that package instead",
			file.Path, target, strings.Join(modules[best], ", "))
	}
}

// lineOf returns the line of the import table for a folder: its own, or that
// of a pattern.
func lineOf(dir string) (may []string, ok bool) {
	if may, ok = imports[dir]; ok {
		return may, true
	}
	for pattern, may := range imports {
		if within(dir, pattern) {
			return may, true
		}
	}
	return nil, false
}

// within reports whether a folder matches a pattern of the import table.
func within(dir, pattern string) bool {
	if pattern == "*" {
		return true
	}
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == root || strings.HasPrefix(dir, root+"/")
	}
	return dir == pattern
}

// checkComments demands a package comment and a comment on every exported
// name.
func checkComments(t *Tree) report {
	var r report
	for dir, files := range t.packages() {
		documented := false
		onlyTests := true
		for _, file := range files {
			documented = documented || file.AST.Doc != nil
			onlyTests = onlyTests && file.Test
		}
		if !documented {
			r.add("%s: no package comment: begin one file with a sentence that says what the package does", dir)
		}
	}
	for _, file := range t.Files {
		if file.Test || file.Generated {
			continue
		}
		for _, decl := range file.AST.Decls {
			checkDecl(&r, file, decl)
		}
	}
	slices.Sort(r)
	return r
}

// plain are methods of the standard library's interfaces that need no words.
var plain = map[string]bool{"Error": true, "String": true, "Unwrap": true}

// checkDecl demands comments on the exported names of one declaration. One
// comment on a group covers the group.
func checkDecl(r *report, file *File, decl ast.Decl) {
	missing := func(name *ast.Ident) {
		r.add("%s:%d: exported %s has no comment: say in a sentence that begins with the name what it is or does",
			file.Path, file.line(name.Pos()), name.Name)
	}
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		if decl.Doc == nil && decl.Name.IsExported() && exportedReceiver(decl) && !plain[decl.Name.Name] {
			missing(decl.Name)
		}
	case *ast.GenDecl:
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				if decl.Doc == nil && spec.Doc == nil && spec.Comment == nil && spec.Name.IsExported() {
					missing(spec.Name)
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					if decl.Doc == nil && spec.Doc == nil && spec.Comment == nil && name.IsExported() {
						missing(name)
					}
				}
			}
		}
	}
}

// exportedReceiver reports whether decl is a function, or a method of an
// exported type.
func exportedReceiver(decl *ast.FuncDecl) bool {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return true
	}
	exported := true
	ast.Inspect(decl.Recv.List[0].Type, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			exported = name.IsExported()
			return false
		}
		return true
	})
	return exported
}

// checkLengths applies the limits of length to hand-written files.
func checkLengths(t *Tree) report {
	var r report
	for _, file := range t.Files {
		if file.Generated {
			continue
		}
		if file.Lines > maxFileLines {
			r.add("%s: %d lines, at most %d: split it along its ideas", file.Path, file.Lines, maxFileLines)
		}
		for _, decl := range file.AST.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			first, last := file.line(function.Pos()), file.line(function.End())
			if lines := last - first + 1; lines > maxFunctionLines {
				r.add("%s:%d: %s has %d lines, at most %d: give its parts names",
					file.Path, first, function.Name.Name, lines, maxFunctionLines)
			}
		}
	}
	slices.Sort(r)
	return r
}

// checkCalls applies the list of restricted calls.
func checkCalls(t *Tree) report {
	var r report
	for _, file := range t.Files {
		ast.Inspect(file.AST, func(n ast.Node) bool {
			name := called(n)
			if name == "" {
				return true
			}
			for _, rule := range calls {
				if rule.name == name && rule.tests == file.Test && !allowed(file.Path, rule.places) {
					r.add("%s:%d: %s is not allowed here: %s (list: internal/arch/tables.go)",
						file.Path, file.line(n.Pos()), name, rule.advice)
				}
			}
			return true
		})
	}
	slices.Sort(r)
	return r
}

// called names what a node does, in the words of the list of calls, or "".
// Starting a goroutine through a WaitGroup counts as a go statement.
func called(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go statement"
	case *ast.CallExpr:
		switch fun := n.Fun.(type) {
		case *ast.Ident:
			return fun.Name
		case *ast.SelectorExpr:
			if fun.Sel.Name == "Go" {
				return "go statement"
			}
			if x, ok := fun.X.(*ast.Ident); ok {
				return x.Name + "." + fun.Sel.Name
			}
		}
	}
	return ""
}

// allowed reports whether a file is one of places or lies below one.
func allowed(file string, places []string) bool {
	return slices.ContainsFunc(places, func(place string) bool {
		return file == place || strings.HasSuffix(place, "/") && strings.HasPrefix(file, place)
	})
}

// unfinished are words that say a thing is not done.
var unfinished = []string{"TODO", "FIXME", "XXX", "HACK"}

// checkUnfinished refuses comments that put work off.
func checkUnfinished(t *Tree) report {
	var r report
	for _, file := range t.Files {
		for _, group := range file.AST.Comments {
			for _, word := range unfinished {
				if strings.Contains(group.Text(), word) && file.Dir != "internal/arch" {
					r.add("%s:%d: a comment says %s: finish it, or open an issue and leave the code true without the word",
						file.Path, file.line(group.Pos()), word)
				}
			}
		}
	}
	return r
}
