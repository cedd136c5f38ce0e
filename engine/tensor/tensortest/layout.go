package tensortest

import "slices"

func testLayout(t *T) {
	x, v := t.input(4, 3, 2)
	t.shape("Input", x, 4, 3, 2)
	t.exact("Input", x, v)

	y := t.b.Reshape(x, 6, 4)
	t.shape("Reshape", y, 6, 4)
	t.exact("Reshape", y, v)

	y = t.b.Rows(x, 1, 3)
	t.shape("Rows", y, 2, 3, 2)
	t.exact("Rows", y, v[6:18])
	t.exact("Rows of Rows", t.b.Rows(y, 1, 2), v[12:18])
	t.shape("no Rows", t.b.Rows(x, 2, 2), 0, 3, 2)

	wide, w := t.input(3, 5)
	y = t.b.Cols(wide, 1, 4)
	t.shape("Cols", y, 3, 3)
	t.exact("Cols", y, slices.Concat(w[1:4], w[6:9], w[11:14]))
	t.shape("Cols of 3 axes", t.b.Cols(x, 1, 2), 4, 3, 1)
	t.exact("Cols of a view", t.b.Cols(t.b.Rows(wide, 1, 3), 0, 1), []float32{w[5], w[10]})

	more, m := t.input(1, 3, 2)
	y = t.b.Concat(x, more, t.b.Rows(x, 0, 1))
	t.shape("Concat", y, 6, 3, 2)
	t.exact("Concat", y, slices.Concat(v, m, v[:6]))

	y = t.b.Gather(x, []int{3, 0, 3})
	t.shape("Gather", y, 3, 3, 2)
	t.exact("Gather", y, slices.Concat(v[18:], v[:6], v[18:]))

	rows, r := t.input(2, 3, 2)
	y = t.b.Scatter(x, []int{2, 0}, rows)
	t.shape("Scatter", y, 4, 3, 2)
	t.exact("Scatter", y, slices.Concat(r[6:], v[6:12], r[:6], v[18:]))
	t.exact("operand of Scatter", x, v)

	if named := t.b.Name(x, "x"); named != x {
		t.Error("Name did not return its operand")
	}
	buf := make([]float32, 3, 64)
	if got := t.b.Read(buf, x); &got[0] != &buf[0] || len(got) != 24 {
		t.Errorf("Read returned %d values in new memory, want 24 in the buffer given", len(got))
	}
}

func testLifetime(t *T) {
	c := t.b.Constant([]float32{1, 2, 3}, 3)
	x := t.b.Keep(t.b.Input([]float32{4, 5, 6}, 3))
	part := t.b.Keep(t.b.Rows(t.b.Scale(x, 2), 1, 3))
	t.b.EndStep()
	for range 4 { // fill whatever was released
		noise, _ := t.input(3)
		t.b.Add(noise, noise)
		t.b.EndStep()
	}
	t.exact("constant", c, []float32{1, 2, 3})
	t.exact("kept tensor", x, []float32{4, 5, 6})
	t.exact("kept view", part, []float32{10, 12})
	t.exact("sum of kept", t.b.Add(x, c), []float32{5, 7, 9})
	t.b.Free(x)
	t.b.Free(part)
	t.b.Free(nil)
	t.b.EndStep()
	t.exact("constant after Free", c, []float32{1, 2, 3})

	data := []float32{1, 2}
	in, constant := t.b.Input(data, 2), t.b.Constant(data, 2)
	data[0] = 9
	t.exact("input after its data changed", in, []float32{1, 2})
	t.exact("constant after its data changed", constant, []float32{1, 2})
}

func testPool(t *T) {
	x, v := t.input(6*4, 5)
	y := t.b.Pool(x, 6, 4, 2)
	t.shape("Pool", y, 6, 5)
	want := make([]float64, 6*5)
	for r := range 6 {
		for c := range 4 {
			for h := range 5 {
				want[(r/2*2+c/2)*5+h] += float64(v[(r*4+c)*5+h]) / 4
			}
		}
	}
	t.near("Pool", y, want, nil)
}

// testSweep checks that a sweep releases what was made since the mark, and
// nothing else.
func testSweep(t *T) {
	before, v := t.input(3, 4)
	mark := t.b.Mark()
	kept := t.b.Keep(t.b.Rows(t.b.Scale(before, 2), 1, 2))
	x := t.b.Reshape(t.b.Add(before, before), 4, 3)
	if got := t.b.Sweep(mark, x); got != x {
		t.Error("Sweep did not return its operand")
	}
	for range 4 { // fill whatever was released
		t.b.Scale(before, 9)
	}
	double := make([]float32, len(v))
	for i := range v {
		double[i] = 2 * v[i]
	}
	t.exact("made before", before, v)
	t.exact("swept for", x, double)
	t.exact("kept", kept, double[4:8])
	t.b.EndStep()
	t.exact("kept after the step", kept, double[4:8])
	t.b.Free(kept)
}
