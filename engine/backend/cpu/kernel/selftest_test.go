package kernel

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu/isa"
)

func TestSelfTestPassesAndRestores(t *testing.T) {
	before := isa.Current()
	results := SelfTest()
	if isa.Current() != before {
		t.Errorf("%v is in use, before it was %v", isa.Current(), before)
	}
	if want := len(selfChecks) * len(isa.Available()); len(results) != want {
		t.Errorf("%d results, want %d", len(results), want)
	}
	for _, r := range results {
		if !r.OK() {
			t.Errorf("%s %v is off by %v, want at most %v", r.Kernel, r.Level, r.Error, r.Bound)
		}
	}
}

// TestSelfTestHasEveryKernel reads the package's source: what is exported and
// computes is checked.
func TestSelfTestHasEveryKernel(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || strings.HasSuffix(path, "_test.go") || f.Name.Name == "SelfTest" ||
				f.Type.Params.NumFields() == 0 { // what takes nothing computes nothing
				continue
			}
			if !slices.ContainsFunc(selfChecks, func(c selfCheck) bool { return c.kernel == f.Name.Name }) {
				t.Errorf("%s: %s is not in selfChecks", path, f.Name.Name)
			}
		}
	}
}

func TestSelfTestFindsWrongValues(t *testing.T) {
	for _, wrong := range []float32{1.001, float32(math.NaN()), float32(math.Inf(1))} {
		c := selfCheck{"Wrong", 1e-6, func(rng *rand.Rand, n int) ([]float32, []float64, []float64) {
			return []float32{1, wrong}, []float64{1, 1}, []float64{1, 1}
		}}
		before := isa.Current()
		r := Result{Error: c.deviation(isa.Generic, 2, 0), Bound: c.bound}
		isa.Use(before)
		if r.OK() {
			t.Errorf("%v in place of 1 passes with error %v", wrong, r.Error)
		}
	}
}
