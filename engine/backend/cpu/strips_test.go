package cpu

import (
	"slices"
	"testing"
)

// TestCopyingChangesNoBits decodes with two matrices, which are copied in the course of it,
// and with the rows of one of them looked up.
func TestCopyingChangesNoBits(t *testing.T) {
	const in, outs, steps = 256, 4096, 9
	r := newRandom(31)
	b := startWith(t, &Options{Threads: 2, Rounded: true})
	b.copier.least, b.copier.step = 1, 512<<10
	head, err := b.Weight(r.affineOf(4, 64, outs, in))
	if err != nil {
		t.Fatal(err)
	}
	back, err := b.Weight(r.affineOf(8, 32, in, outs))
	if err != nil {
		t.Fatal(err)
	}
	x := b.Constant(r.floats(5*in), 5, in)
	decode := func(rows int) (values []float32) {
		y := b.Linear(b.Linear(b.Rows(x, 0, rows), head, nil), back, nil)
		values = append(b.Read(nil, y), b.Read(nil, b.Embed(head, []int32{7}, 1))...)
		b.EndStep()
		return values
	}
	first, many := decode(1), decode(5)
	for range steps {
		if got := decode(1); !slices.Equal(got, first) {
			t.Fatal("a row changed while weights were copied")
		}
	}
	if !b.Settled() {
		t.Errorf("%d matrices still wait to be copied", len(b.copier.queue))
	}
	if got := decode(5); !slices.Equal(got, many) {
		t.Error("a batch changed when weights were copied")
	}
	_, can := head.(*weight).strippable()
	if copied := head.(*weight).strips.Data != nil; copied != (can && len(b.copier.regions) > 0) {
		t.Errorf("copied: %v, with %d regions", copied, len(b.copier.regions))
	}
	t.Logf("kernels for strips: %v, regions: %d", can, len(b.copier.regions))
	if head.(*weight).then != back || back.(*weight).then != head {
		t.Error("what follows a product is not known")
	}
}

// TestCopyingEndsWhereMemoryIsShort asks for more than any machine has.
func TestCopyingEndsWhereMemoryIsShort(t *testing.T) {
	b := startWith(t, &Options{Threads: 1, Rounded: true})
	b.copier.bytes = 1 << 50
	if b.copier.grow(hugePage) || !b.Settled() {
		t.Error("memory was taken that is not there")
	}
}
