package weights

import (
	"slices"
	"testing"

	"hark/engine/tensor"
)

// TestOutlineListsWithoutReading asks for the same tensors of a checkpoint and
// of its outline, whose entries have no data.
func TestOutlineListsWithoutReading(t *testing.T) {
	tensors := map[string]made{"norm.weight": blank("BF16", 8), "table": blank("F32", 2, 3, 4), "dense.weight": blank("F16", 4, 6)}
	quantized(tensors, "q", "BF16", Scheme{tensor.Affine, 4, 32}, 3, 64)
	entries := map[string]Entry{}
	whole := open(t, tensors)
	for _, name := range whole.Names() {
		e, _ := whole.Entry(name)
		e.Data = nil
		entries[name] = e
	}
	o := &Outline{Source: Memory("outline", nil), Entries: entries}
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if c.Bytes() != whole.Bytes() {
		t.Errorf("%d bytes, the checkpoint has %d", c.Bytes(), whole.Bytes())
	}
	l := NewLoader(c, nil)
	norm, table := l.Floats("norm", 8), l.Floats("table", 2, 3, 4)
	dense, packed := l.Matrix("dense", 4, 6), l.Matrix("q", 3, 64)
	if err := l.Err(); err != nil {
		t.Fatal(err)
	}
	if len(norm) != 8 || len(table) != 24 || dense.Data == nil || len(dense.Data)+len(packed.Data)+len(packed.Scales)+len(packed.Biases) > 0 {
		t.Errorf("%d and %d floats, %d and %d bytes of matrices", len(norm), len(table), len(dense.Data), len(packed.Data))
	}
	a, b := SplitRows(dense, 1)
	if !slices.Equal(a.Shape, []int{1, 6}) || !slices.Equal(b.Shape, []int{3, 6}) {
		t.Errorf("split into %v and %v", a.Shape, b.Shape)
	}
	want := []Listed{
		{Name: "norm.weight", Shape: []int{8}, DType: "BF16", Bytes: 16}, {Name: "table", Shape: []int{2, 3, 4}, DType: "F32", Bytes: 96},
		{Name: "dense.weight", Shape: []int{4, 6}, DType: "F16", Format: tensor.F16, Bytes: 48},
		{Name: "q.weight", Shape: []int{3, 64}, DType: "U32", Format: tensor.Affine, Bits: 4, Group: 32, Bytes: 3*32 + 2*3*2*2},
	}
	if len(o.Listed()) != len(want) {
		t.Fatalf("%d listed, want %d", len(o.Listed()), len(want))
	}
	for i, got := range o.Listed() {
		w := want[i]
		if got.Name != w.Name || !slices.Equal(got.Shape, w.Shape) || got.DType != w.DType || got.Format != w.Format || got.Bits != w.Bits || got.Group != w.Group || got.Bytes != w.Bytes {
			t.Errorf("listed %+v, want %+v", got, w)
		}
	}
}

// TestOutlineChecksAsEver asks for what does not fit.
func TestOutlineChecksAsEver(t *testing.T) {
	o := &Outline{Source: Memory("outline", nil), Entries: map[string]Entry{"a": {DType: "BF16", Shape: []int{4}}, "b": {DType: "I32", Shape: []int{4}}, "c": {DType: "F32", Shape: []int{1}}}}
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoader(c, nil)
	if l.Failed() {
		t.Error("failed before anything was asked for")
	}
	l.Floats("a", 5)
	l.Floats("b", 4)
	l.Floats("d", 4)
	if !l.Failed() || len(o.Listed()) != 0 {
		t.Errorf("failed: %v, listed %v", l.Failed(), o.Listed())
	}
	e, ok := l.Err().(*LoadError)
	if !ok || len(e.Missing) != 1 || len(e.Shapes) != 1 || len(e.Other) != 1 || len(e.Unused) != 1 {
		t.Errorf("%v", l.Err())
	}
}
