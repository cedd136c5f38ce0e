package tensortest

import "hark/engine/tensor"

// testShapes gives every operation operands that do not fit.
func testShapes(t *T) {
	in := func(shape ...int) tensor.Tensor { return t.b.Input(make([]float32, size(shape)), shape...) }
	f32 := func(shape ...int) tensor.Weight {
		return t.weight(tensor.Stored{Name: "w", Shape: shape, Format: tensor.F32, Data: make([]byte, 4*size(shape))})
	}
	x, w := in(4, 6), f32(5, 6)
	heads := in(4, 2, 3)
	stack := f32(3, 5, 6)
	turns := t.b.Angles(&tensor.Rotary{Sections: 1, Freq: []float32{1, 2}}, []int32{0, 1, 2, 3})
	for what, f := range map[string]func(){
		"Input":              func() { t.b.Input(make([]float32, 5), 2, 3) },
		"Constant":           func() { t.b.Constant(make([]float32, 5), 2, 3) },
		"Reshape":            func() { t.b.Reshape(x, 5, 5) },
		"Rows beyond":        func() { t.b.Rows(x, 2, 5) },
		"Rows backwards":     func() { t.b.Rows(x, 3, 2) },
		"Cols":               func() { t.b.Cols(x, -1, 2) },
		"Concat":             func() { t.b.Concat(x, in(4, 5)) },
		"Gather":             func() { t.b.Gather(x, []int{4}) },
		"Scatter of a row":   func() { t.b.Scatter(x, []int{-1}, in(1, 6)) },
		"Scatter":            func() { t.b.Scatter(x, []int{1}, in(2, 6)) },
		"Add":                func() { t.b.Add(x, in(6, 4)) },
		"Add of a row":       func() { t.b.Add(x, in(4)) },
		"Mul":                func() { t.b.Mul(x, in(1, 6)) },
		"GatedGELU":          func() { t.b.GatedGELU(x, in(4, 5)) },
		"GLU":                func() { t.b.GLU(in(4, 5)) },
		"RMSNorm":            func() { t.b.RMSNorm(x, in(4), 0) },
		"LayerNorm":          func() { t.b.LayerNorm(x, in(6), in(5), 0) },
		"Linear":             func() { t.b.Linear(in(4, 5), w, nil) },
		"Linear of a stack":  func() { t.b.Linear(x, stack, nil) },
		"Linear bias":        func() { t.b.Linear(x, w, in(6)) },
		"Embed":              func() { t.b.Embed(w, []int32{5}, 1) },
		"Experts":            func() { t.b.Experts(x, in(4, 2), 1, in(3), stack, stack, f32(3, 6, 5)) },
		"Experts down":       func() { t.b.Experts(x, in(4, 3), 1, in(3), stack, stack, stack) },
		"Experts top":        func() { t.b.Experts(x, in(4, 3), 4, in(3), stack, stack, f32(3, 6, 5)) },
		"Rope":               func() { t.b.Rope(in(4, 2, 6), turns) },
		"Rope rows":          func() { t.b.Rope(in(3, 2, 4), turns) },
		"FullAttention":      func() { t.b.FullAttention(heads, heads, in(4, 2, 4)) },
		"LocalAttention":     func() { t.b.LocalAttention(heads, in(3, 2, 3), in(3, 2, 3), in(9, 2, 3), 3, 5) },
		"LocalAttention rel": func() { t.b.LocalAttention(heads, heads, heads, in(2, 2, 3), 3, 5) },
		"Subsample":          func() { t.b.Subsample(heads, &tensor.Convolution{Out: 1, In: 2, Data: make([]float32, 18)}) },
		"Subsample kernel":   func() { t.b.Subsample(heads, &tensor.Convolution{Out: 1, In: 3, Data: make([]float32, 18)}) },
		"CausalConv":         func() { t.b.CausalConv(x, in(5, 2)) },
		"CausalConv rows":    func() { t.b.CausalConv(x, in(6, 6)) },
		"Pool":               func() { t.b.Pool(x, 2, 2, 3) },
		"Pool rows":          func() { t.b.Pool(x, 4, 2, 2) },
	} {
		t.panics(what, f)
	}
	kv := t.b.NewKV([]tensor.KVLayer{{Heads: 2, Dim: 3}})
	segs := func(from, to, pos int) []tensor.Segment {
		return []tensor.Segment{{From: from, To: to, KV: kv, Pos: pos}}
	}
	t.b.Store(0, heads, heads, segs(0, 4, 0))
	t.panics("Store at an earlier position", func() { t.b.Store(0, heads, heads, segs(0, 1, 3)) })
	t.panics("Store at a later position", func() { t.b.Store(0, heads, heads, segs(0, 1, 5)) })
	t.panics("Store beyond the rows", func() { t.b.Store(0, heads, heads, segs(0, 5, 4)) })
	t.panics("Store in a missing layer", func() { t.b.Store(1, heads, heads, segs(0, 4, 0)) })
	t.panics("Store of other heads", func() { t.b.Store(0, in(4, 1, 3), in(4, 1, 3), segs(0, 4, 4)) })
	t.panics("Attention of another size", func() { t.b.Attention(0, in(4, 2, 4), segs(0, 4, 0), false) })
	t.panics("Attention of heads that do not divide", func() { t.b.Attention(0, in(4, 3, 3), segs(0, 4, 0), false) })
	t.panics("Attention beyond what is stored", func() { t.b.Attention(0, heads, segs(0, 4, 1), false) })
	if kv.Len() != 4 {
		t.Errorf("Len = %d after refused stores, want 4", kv.Len())
	}
	kv.Free()
}
