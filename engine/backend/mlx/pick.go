package mlx

import (
	"encoding/binary"
	"math"
	"slices"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// Tokens are picked as package sample picks them: of what is kept, each token
// has a stretch as wide as its probability, and a number from 0 to 1 falls into
// one. The sums are in float32 and the exponentials MLX's, so a number next to
// a border may fall to the other side of it than on the host.

const (
	// farthest is the distance, in logits over temperature, beyond which a
	// token is not counted, as in package sample.
	farthest = 32
	// belowOne is the largest number to draw with: times a sum it stays below
	// that sum.
	belowOne = 1 - 1.0/(1<<23)
)

// kind says how rows are picked.
type kind uint8

const (
	likeliest kind = iota
	ofTop          // of the likeliest, in their order
	ofAll          // of the vocabulary, in its order
	kinds
)

// kindOf returns how a row of a vocabulary is picked.
func kindOf(p *tensor.Pick, vocab int) kind {
	switch {
	case p.Temperature == 0:
		return likeliest
	case p.TopK > 0 && p.TopK < vocab:
		return ofTop
	}
	return ofAll
}

// Pick picks a token for each row; see tensor.Ahead. The result is [2, n] in
// int32: the ids, and 1 for each row that has one.
func (b *Backend) Pick(logits tensor.Tensor, how []tensor.Pick) tensor.Tensor {
	a := in("Pick", logits)
	axes("Pick", a, 2)
	same("Pick: rows", []int{len(how)}, a.dims[0])
	n, vocab := a.dims[0], a.dims[1]
	c, t, x := b.c, b.temp, a.h
	if b.dtype != mlxc.Float32 {
		x = t(c.AsType(x, mlxc.Float32))
	}
	good := b.finite(t(c.Max(x, true, 1))) // [n, 1]
	x = b.suppressed(x, how, vocab)
	var rows [kinds][]int
	for i := range how {
		k := kindOf(&how[i], vocab)
		rows[k] = append(rows[k], i)
	}
	var parts []mlxc.Array
	var order []int // rows in the order of parts
	for k, list := range rows {
		if len(list) > 0 {
			parts = append(parts, b.pickSome(kind(k), x, list, how, vocab))
			order = append(order, list...)
		}
	}
	ids := parts[0] // [n, 1]
	if len(parts) > 1 {
		back := make([]int, n)
		for at, row := range order {
			back[row] = at
		}
		ids = t(c.Take(t(c.Concatenate(0, parts...)), b.index(back), 0))
	}
	possible := t(c.Less(b.number(float32(math.Inf(-1))), t(c.TakeAlong(x, ids, 1)))) // not all are suppressed
	good = t(c.And(good, possible))
	both := t(c.Concatenate(1, t(c.AsType(ids, mlxc.Int32)), t(c.AsType(good, mlxc.Int32)))) // [n, 2]
	if n > 1 {
		both = t(c.Transpose(both, 1, 0))
	}
	return b.wrap("Pick", c.Contiguous(t(c.Reshape(both, 2, n))), 2, n)
}

// finite returns where v is a number and not infinite, as bools.
func (b *Backend) finite(v mlxc.Array) mlxc.Array {
	return b.temp(b.c.Less(b.temp(b.c.Abs(v)), b.number(float32(math.Inf(1)))))
}

// number returns a float32, whatever the activations are, an intermediate result.
func (b *Backend) number(v float32) mlxc.Array { return b.temp(number(b.c, v, mlxc.Float32)) }

// pickSome picks for rows of one kind, [rows, 1].
func (b *Backend) pickSome(k kind, x mlxc.Array, rows []int, how []tensor.Pick, vocab int) mlxc.Array {
	if len(rows) < len(how) {
		x = b.temp(b.c.Take(x, b.index(rows), 0))
	}
	d := &draws{b: b, x: x, n: len(rows), vocab: vocab}
	for _, i := range rows {
		d.how = append(d.how, how[i])
	}
	switch k {
	case likeliest:
		return b.temp(b.c.ArgmaxOf(x))
	case ofTop:
		return d.fromTop()
	}
	return d.fromAll()
}

// draws are the rows x [n, V] that are picked together.
type draws struct {
	b        *Backend
	x        mlxc.Array
	n, vocab int
	how      []tensor.Pick
}

// column returns a number of each row, [n, 1].
func (d *draws) column(f func(p *tensor.Pick) float64) mlxc.Array {
	list := make([]float32, d.n)
	for i := range d.how {
		list[i] = float32(f(&d.how[i]))
	}
	return d.b.temp(mlxc.New(d.b.c, list, mlxc.Float32, d.n, 1))
}

// any reports whether one of the rows is such.
func (d *draws) any(f func(p tensor.Pick) bool) bool { return slices.ContainsFunc(d.how, f) }

// without returns weights, 0 where the condition holds.
func (d *draws) without(w, condition mlxc.Array) mlxc.Array {
	return d.b.temp(d.b.c.Where(condition, d.b.number(0), w))
}

// end returns the last column of x [n, width].
func (d *draws) end(x mlxc.Array, width int) mlxc.Array {
	return d.b.temp(d.b.c.Slice(x, []int{0, width - 1}, []int{d.n, width}))
}

// weights returns exp((x-most)/temperature).
func (d *draws) weights(x, most mlxc.Array) mlxc.Array {
	c, t := d.b.c, d.b.temp
	inverse := d.column(func(p *tensor.Pick) float64 { return 1 / float64(p.Temperature) })
	return t(c.Exp(t(c.Multiply(t(c.Subtract(x, most)), inverse))))
}

// nucleus returns where the sum of weights w [n, width], the greatest first, has
// not reached top p before.
func (d *draws) nucleus(w mlxc.Array, width int) mlxc.Array {
	c, t := d.b.c, d.b.temp
	sums := t(c.Cumsum(w, 1))
	limit := t(c.Multiply(d.end(sums, width), d.column(func(p *tensor.Pick) float64 {
		if p.TopP == 0 || p.TopP >= 1 {
			return 2 // more than all
		}
		return float64(p.TopP)
	})))
	return t(c.Less(t(c.Subtract(sums, w)), limit))
}

// hit returns the first place, [n, 1], at which the sum of w [n, width] is
// beyond at [n, 1], never one without weight unless all are.
func (d *draws) hit(w, sums, at mlxc.Array) mlxc.Array {
	c, t := d.b.c, d.b.temp
	beyond := t(c.And(t(c.Less(at, sums)), t(c.Less(d.b.number(0), w))))
	return t(c.ArgmaxOf(t(c.AsType(beyond, mlxc.Float32))))
}

// share returns the place of the draw among sums [n, width].
func (d *draws) share(sums mlxc.Array, width int) mlxc.Array {
	u := d.column(func(p *tensor.Pick) float64 { return min(p.Uniform, belowOne) })
	return d.b.temp(d.b.c.Multiply(d.end(sums, width), u))
}

// fromTop draws from the likeliest tokens, after top p and min p.
func (d *draws) fromTop() mlxc.Array {
	c, t, k := d.b.c, d.b.temp, 0
	for i := range d.how {
		k = max(k, d.how[i].TopK)
	}
	values, ids := d.largest(k) // [n, k], the likeliest first
	w := d.weights(values, t(c.Slice(values, []int{0, 0}, []int{d.n, 1})))
	if d.any(func(p tensor.Pick) bool { return p.TopK < k }) {
		places := make([]float32, k)
		for i := range places {
			places[i] = float32(i)
		}
		last := d.column(func(p *tensor.Pick) float64 { return float64(p.TopK - 1) })
		w = d.without(w, t(c.Less(last, t(mlxc.New(c, places, mlxc.Float32, 1, k)))))
	}
	kept := w
	if d.any(func(p tensor.Pick) bool { return p.TopP > 0 && p.TopP < 1 }) {
		kept = t(c.Where(d.nucleus(w, k), w, d.b.number(0)))
	}
	if d.any(func(p tensor.Pick) bool { return p.MinP > 0 }) {
		least := d.column(func(p *tensor.Pick) float64 { return float64(p.MinP) })
		kept = d.without(kept, t(c.Less(w, least)))
	}
	sums := t(c.Cumsum(kept, 1))
	return t(c.TakeAlong(ids, d.hit(kept, sums, d.share(sums, k)), 1))
}

// largest returns the k greatest of each row and their ids, [n, k], the greatest
// first and of equals the lower id. The vocabulary is cut into blocks: what is
// among the k greatest is in one of the k blocks with the greatest maxima, for
// each such block has a value as great. So two short lists are sorted instead
// of a long one.
func (d *draws) largest(k int) (values, ids mlxc.Array) {
	c, t, n := d.b.c, d.b.temp, d.n
	falling := func(x mlxc.Array, width int) mlxc.Array { // [n, k], the places of the greatest
		return t(c.Slice(t(c.Argsort(t(c.Negative(x)))), []int{0, 0}, []int{n, min(k, width)}))
	}
	width := blockWidth(d.vocab, k)
	if width == 1 {
		ids = falling(d.x, d.vocab)
		return t(c.TakeAlong(d.x, ids, 1)), ids
	}
	blocks := d.vocab / width
	grid := t(c.Reshape(d.x, n, blocks, width))
	best := t(c.Sort(falling(t(c.Max(grid, false, 2)), blocks))) // [n, k], their order is that of ids
	best = t(c.Reshape(best, n, k, 1))
	part := t(c.TakeAlong(grid, t(c.BroadcastTo(best, n, k, width)), 1)) // [n, k, width]
	flat := t(c.Reshape(part, n, k*width))
	column := t(c.Reshape(d.b.column(width), 1, 1, width))
	scale := t(mlxc.New(c, []int32{int32(width)}, mlxc.Int32, 1))
	all := t(c.Add(t(c.Multiply(t(c.AsType(best, mlxc.Int32)), scale)), column)) // [n, k, width]
	all = t(c.Reshape(all, n, k*width))
	places := falling(flat, k*width)
	return t(c.TakeAlong(flat, places, 1)), t(c.TakeAlong(all, places, 1))
}

// blockWidth returns the size of the blocks of a vocabulary of which k are
// taken, a power of two: about as many blocks as values in k of them.
func blockWidth(vocab, k int) int {
	width := 1
	for w := 2; w*w*k <= vocab && vocab%w == 0; w *= 2 {
		width = w
	}
	return width
}

// fromAll draws from the whole vocabulary, after top p and min p.
func (d *draws) fromAll() mlxc.Array {
	c, t := d.b.c, d.b.temp
	w := d.weights(d.x, t(c.Max(d.x, true, 1))) // [n, V]
	w = d.without(w, t(c.Less(w, d.b.number(float32(math.Exp(-farthest))))))
	kept := w
	if d.any(func(p tensor.Pick) bool { return p.TopP > 0 && p.TopP < 1 }) {
		kept = d.fromNucleus(w)
	}
	if d.any(func(p tensor.Pick) bool { return p.MinP > 0 }) {
		least := d.column(func(p *tensor.Pick) float64 { return float64(p.MinP) })
		kept = d.without(kept, t(c.Less(w, least)))
	}
	return d.drawn(kept)
}

// fromNucleus returns the weights w [n, V] of the tokens that top p keeps.
func (d *draws) fromNucleus(w mlxc.Array) mlxc.Array {
	c, t := d.b.c, d.b.temp
	order := t(c.Argsort(t(c.Negative(d.x)))) // [n, V]
	inside := d.nucleus(t(c.TakeAlong(w, order, 1)), d.vocab)
	count := t(c.AsType(t(c.Sum(inside, true, 1)), mlxc.Int32))
	one := t(mlxc.New(c, []int32{1}, mlxc.Int32, 1))
	last := t(c.TakeAlong(order, t(c.Subtract(t(c.Maximum(count, one)), one)), 1)) // [n, 1], the id of the last
	least := t(c.TakeAlong(d.x, last, 1))
	places := make([]int32, d.vocab)
	for i := range places {
		places[i] = int32(i)
	}
	later := t(c.Less(t(c.AsType(last, mlxc.Int32)), t(mlxc.New(c, places, mlxc.Int32, 1, d.vocab))))
	equal := t(c.Where(t(c.Less(least, d.x)), w, d.without(w, later))) // right where no logit is less
	return d.without(equal, t(c.Less(d.x, least)))
}

// drawn draws by weights w [n, V] in the order of the ids: first a block of
// tokens by the blocks' sums, then one of the block, which is exacter than one
// long sum and more of it runs side by side.
func (d *draws) drawn(w mlxc.Array) mlxc.Array {
	c, t, n := d.b.c, d.b.temp, d.n
	width := blockWidth(d.vocab, 1)
	if width == 1 {
		sums := t(c.Cumsum(w, 1))
		return d.hit(w, sums, d.share(sums, d.vocab))
	}
	blocks := d.vocab / width
	grid := t(c.Reshape(w, n, blocks, width))
	of := t(c.Sum(grid, false, 2)) // [n, blocks]
	sums := t(c.Cumsum(of, 1))
	at := d.share(sums, blocks)
	block := d.hit(of, sums, at)
	at = t(c.Subtract(at, t(c.TakeAlong(t(c.Subtract(sums, of)), block, 1))))
	place := t(c.BroadcastTo(t(c.Reshape(block, n, 1, 1)), n, 1, width))
	row := t(c.Reshape(t(c.TakeAlong(grid, place, 1)), n, width))
	sums = t(c.Cumsum(row, 1))
	at = t(c.Minimum(at, t(c.Multiply(d.end(sums, width), d.b.number(belowOne)))))
	id := t(c.Multiply(t(c.AsType(block, mlxc.Int32)), t(mlxc.New(c, []int32{int32(width)}, mlxc.Int32, 1))))
	return t(c.Add(id, t(c.AsType(d.hit(row, sums, at), mlxc.Int32))))
}

// suppressed adds to x what makes suppressed tokens impossible.
func (b *Backend) suppressed(x mlxc.Array, how []tensor.Pick, vocab int) mlxc.Array {
	same := true
	for i := range how {
		same = same && slices.Equal(how[i].Suppress, how[0].Suppress)
	}
	switch {
	case same && len(how[0].Suppress) == 0:
		return x
	case same:
		return b.temp(b.c.Add(x, b.shift(how[0].Suppress, vocab)))
	}
	list := make([]mlxc.Array, len(how))
	for i := range how {
		list[i] = b.shift(how[i].Suppress, vocab)
	}
	return b.temp(b.c.Add(x, b.temp(b.c.Concatenate(0, list...))))
}

// maxShifts bounds the lists of suppressed tokens that are kept.
const maxShifts = 16

// shift returns -Inf for the tokens of a list and 0 for the others, [1, V].
func (b *Backend) shift(list []int32, vocab int) mlxc.Array {
	key := binary.LittleEndian.AppendUint32(nil, uint32(vocab))
	for _, id := range list {
		key = binary.LittleEndian.AppendUint32(key, uint32(id))
	}
	if h, ok := b.shifts[string(key)]; ok {
		return h
	}
	values := make([]float32, vocab)
	for _, id := range list {
		if id >= 0 && int(id) < vocab {
			values[id] = float32(math.Inf(-1))
		}
	}
	h := mlxc.New(b.c, values, mlxc.Float32, 1, vocab)
	if len(b.shifts) >= maxShifts {
		return b.temp(h)
	}
	if b.shifts == nil {
		b.shifts = map[string]mlxc.Array{}
	}
	b.shifts[string(key)] = h
	return h
}

// forgetShifts frees what shift made.
func (b *Backend) forgetShifts() {
	for _, h := range b.shifts {
		b.c.Free(h)
	}
	b.shifts = nil
}
