package mlx

import (
	"fmt"
	"slices"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// half holds the keys or the values of a layer, [1, K, positions, D], as values
// or as codes of 8 bits with scales [1, K, positions, groups].
type half struct{ data, scales mlxc.Array }

// layerKV is one layer's share of a cache: one array that grows. Forks hold the
// same arrays; MLX copies one when it is written while others hold it, and
// writes in place otherwise.
type layerKV struct {
	tensor.KVLayer
	keys, values half
	room         int // positions that the arrays hold, from first on
	n            int // positions stored
	first        int // first position that is held
	dirty        bool
}

// blockPositions is by how many positions the arrays grow.
const blockPositions = 64

// rewindable is how many positions a layer with a window keeps beyond it, so
// that a cache can go back: what was said since the user was interrupted.
const rewindable = 1024

// group is the number of a key's values that share a scale.
const group = 32

// keyGroups returns the scales of a key.
func (l *layerKV) keyGroups() int { return (l.Dim + group - 1) / group }

// keyWidth returns the values held of a key: codes are filled up to whole
// groups.
func (l *layerKV) keyWidth() int {
	if l.Bits == 0 || l.Dim < group {
		return l.Dim
	}
	return l.keyGroups() * group
}

// bytes returns the memory of the arrays.
func (l *layerKV) bytes(t mlxc.DType) int64 {
	position := 2 * l.Dim * t.Size()
	if l.Bits != 0 {
		position = l.keyWidth() + l.Dim + 4*(l.keyGroups()+1)
	}
	return int64(l.room) * int64(l.Heads) * int64(position)
}

// cache implements tensor.KV.
type cache struct {
	b      *Backend
	layers []layerKV
	dirty  bool  // listed in b.dirty
	lost   error // why the content is gone, with an evaluation that failed; nil
}

// NewKV makes an empty cache.
func (b *Backend) NewKV(layers []tensor.KVLayer) tensor.KV {
	c := &cache{b: b, layers: make([]layerKV, len(layers))}
	for i, l := range layers {
		if l.Heads < 1 || l.Dim < 1 || l.Window < 0 {
			panic(&tensor.ShapeError{Op: "NewKV: heads, size, window", Got: []int{l.Heads, l.Dim, l.Window}, Want: []int{1, 1, 0}})
		}
		if l.Bits != 0 && l.Bits != 8 {
			panic(&tensor.ShapeError{Op: "NewKV: bits", Got: []int{l.Bits}, Want: []int{0, 8}})
		}
		c.layers[i].KVLayer = l
	}
	b.caches[c] = true
	return c
}

// pending appends what was stored and is not evaluated.
func (c *cache) pending(list []mlxc.Array) []mlxc.Array {
	for i := range c.layers {
		if l := &c.layers[i]; l.dirty {
			for _, h := range []mlxc.Array{l.keys.data, l.keys.scales, l.values.data, l.values.scales} {
				if h != 0 {
					list = append(list, h)
				}
			}
		}
	}
	return list
}

// clean notes that all is evaluated.
func (c *cache) clean() {
	for i := range c.layers {
		c.layers[i].dirty = false
	}
	c.dirty = false
}

// touch notes that a layer has something that is not evaluated.
func (c *cache) touch(l *layerKV) {
	l.dirty = true
	if !c.dirty {
		c.dirty = true
		c.b.dirty = append(c.b.dirty, c)
	}
}

// replace takes another array in the place of one.
func (c *cache) replace(at *mlxc.Array, h mlxc.Array) {
	if h == 0 {
		c.b.fail("KV")
	}
	c.b.c.Free(*at)
	*at = h
}

// each runs f on the arrays of a layer: keys, their scales, values, theirs.
func (l *layerKV) each(f func(at *mlxc.Array)) {
	for _, at := range [...]*mlxc.Array{&l.keys.data, &l.keys.scales, &l.values.data, &l.values.scales} {
		if *at != 0 {
			f(at)
		}
	}
}

// empty frees a layer's arrays.
func (c *cache) empty(l *layerKV) {
	l.each(func(at *mlxc.Array) {
		c.b.c.Free(*at)
		*at = 0
	})
	l.room, l.n, l.first, l.dirty = 0, 0, 0, false
}

// Len returns the positions that every layer has stored.
func (c *cache) Len() int {
	if len(c.layers) == 0 {
		return 0
	}
	n := c.layers[0].n
	for i := range c.layers {
		n = min(n, c.layers[i].n)
	}
	return n
}

// Restorable reports whether every layer has what position n sees; see
// tensor.KV.
func (c *cache) Restorable(n int) bool {
	for i := range c.layers {
		if l := &c.layers[i]; n > 0 && (c.lost != nil || l.first > max(0, n-l.Window+1)) {
			return false
		}
	}
	return true
}

// Truncate drops position n and everything after it, in layers that are ahead
// of Len too. A cache whose content is lost may be cut anywhere; it is of use
// again when nothing is left.
func (c *cache) Truncate(n int) {
	if n < 0 || n > c.Len() || !c.Restorable(n) && c.lost == nil {
		panic(fmt.Sprintf("mlx: Truncate to %d of %d positions", n, c.Len()))
	}
	for i := range c.layers {
		if n == 0 {
			c.empty(&c.layers[i])
		}
		c.layers[i].n = n
	}
	if n == 0 {
		c.lost = nil
	}
}

// Fork returns a copy that shares the arrays.
func (c *cache) Fork() tensor.KV {
	f := &cache{b: c.b, layers: slices.Clone(c.layers), lost: c.lost}
	c.b.caches[f] = true
	for i := range f.layers {
		l := &f.layers[i]
		l.each(func(at *mlxc.Array) { *at = c.b.c.Again(*at) })
		if l.dirty {
			f.touch(l)
		}
	}
	for i := range c.b.flights {
		if fl := &c.b.flights[i]; slices.Contains(fl.caches, c) {
			fl.caches = append(fl.caches, f) // it would be lost as well
		}
	}
	return f
}

// Bytes returns the memory of all arrays, shared ones counted fully.
func (c *cache) Bytes() int64 {
	var n int64
	for i := range c.layers {
		n += c.layers[i].bytes(c.b.dtype)
	}
	return n
}

// Free gives the arrays back.
func (c *cache) Free() {
	for i := range c.layers {
		c.empty(&c.layers[i])
	}
	c.layers = nil
	delete(c.b.caches, c)
}

// reserve makes room for n positions behind those stored, and drops what no
// position from pos on sees, nor from rewindable positions before it.
func (c *cache) reserve(l *layerKV, n int) {
	if l.n+n-l.first <= l.room {
		return
	}
	first := l.first
	if l.Window > 0 {
		first = max(first, l.n-l.Window-rewindable)
	}
	held := l.n - first
	room := (held + n + blockPositions - 1) / blockPositions * blockPositions
	grown := layerKV{KVLayer: l.KVLayer, room: room}
	if err := c.b.afford("KV", grown.bytes(c.b.dtype)); err != nil {
		panic(&tensor.DeviceError{Op: "Store", Err: err})
	}
	c.resize(l, &l.keys, l.keyWidth(), l.keyGroups(), first, held, room)
	c.resize(l, &l.values, l.Dim, 1, first, held, room)
	l.first, l.room = first, room
}

// resize brings one half of a layer to another room: held positions from first
// on stay.
func (c *cache) resize(l *layerKV, h *half, width, groups, first, held, room int) {
	dtype := c.b.dtype
	if l.Bits != 0 {
		dtype = mlxc.Int8
		c.resized(l, &h.scales, mlxc.Float32, groups, first, held, room)
	}
	c.resized(l, &h.data, dtype, width, first, held, room)
}

func (c *cache) resized(l *layerKV, at *mlxc.Array, t mlxc.DType, width, first, held, room int) {
	m := c.b.c
	if held == 0 {
		c.replace(at, m.Zeros(t, 1, l.Heads, room, width))
		return
	}
	old := l.at(m, *at, width, first, first+held)
	more := m.Zeros(t, 1, l.Heads, room-held, width)
	joined := m.Concatenate(2, old, more)
	m.Free(old)
	m.Free(more)
	c.replace(at, joined)
}

// at slices positions from to to of one of l's arrays.
func (l *layerKV) at(m *mlxc.Calls, h mlxc.Array, width, from, to int) mlxc.Array {
	return m.Slice(h, []int{0, 0, from - l.first, 0}, []int{1, l.Heads, to - l.first, width})
}

// write puts x [1, K, m, width], as values or codes, at position pos.
func (c *cache) write(l *layerKV, h *half, x half, width, groups, pos, n int) {
	put := func(at *mlxc.Array, x mlxc.Array, width int) {
		i := pos - l.first
		c.replace(at, c.b.c.SliceUpdate(*at, x, []int{0, 0, i, 0}, []int{1, l.Heads, i + n, width}))
	}
	put(&h.data, x.data, width)
	if l.Bits != 0 {
		put(&h.scales, x.scales, groups)
	}
}

// append stores n positions of k and v [1, K, n, D].
func (c *cache) append(l *layerKV, k, v mlxc.Array, n int) {
	c.reserve(l, n)
	keys, values := half{data: k}, half{data: v}
	if l.Bits != 0 {
		keys = c.b.coded(k, l.Heads, n, l.Dim, l.keyWidth(), l.keyGroups())
		values = c.b.coded(v, l.Heads, n, l.Dim, l.Dim, 1)
	}
	c.write(l, &l.keys, keys, l.keyWidth(), l.keyGroups(), l.n, n)
	c.write(l, &l.values, values, l.Dim, 1, l.n, n)
	l.n += n
	c.touch(l)
}

// coded rounds x [1, K, n, dim] to codes from -127 to 127, filled up to width,
// with a scale for each of groups equal parts. A part with a value that is
// infinite or no number decodes to such values again.
func (b *Backend) coded(x mlxc.Array, heads, n, dim, width, groups int) half {
	c, t := b.c, b.temp
	if b.dtype != mlxc.Float32 {
		x = t(c.AsType(x, mlxc.Float32))
	}
	if width > dim {
		x = t(c.Concatenate(3, x, t(c.Zeros(mlxc.Float32, 1, heads, n, width-dim))))
	}
	x = t(c.Reshape(x, 1, heads, n, groups, width/groups))
	most := t(c.Max(t(c.Abs(x)), true, 4))                               // [1, K, n, groups, 1]
	scales := t(c.Multiply(most, t(number(c, 1.0/127, mlxc.Float32))))   // [1, K, n, groups, 1]
	divisor := t(c.Maximum(scales, t(number(c, 1e-30, mlxc.Float32))))   // what is less counts as zero
	codes := t(c.AsType(t(c.Round(t(c.Divide(x, divisor)))), mlxc.Int8)) // [1, K, n, groups, width/groups]
	return half{data: t(c.Reshape(codes, 1, heads, n, width)), scales: t(c.Reshape(scales, 1, heads, n, groups))}
}

// read returns positions from to to of one half of a layer as values
// [1, K, to-from, D], an intermediate result.
func (c *cache) read(l *layerKV, h *half, width, groups, from, to int) mlxc.Array {
	m, t := c.b.c, c.b.temp
	data := t(l.at(m, h.data, width, from, to))
	if l.Bits == 0 {
		return data
	}
	n := to - from
	scales := t(m.Reshape(t(l.at(m, h.scales, groups, from, to)), 1, l.Heads, n, groups, 1))
	x := t(m.Reshape(t(m.AsType(data, mlxc.Float32)), 1, l.Heads, n, groups, width/groups))
	x = t(m.Reshape(t(m.Multiply(x, scales)), 1, l.Heads, n, width))
	if width > l.Dim {
		x = t(m.Slice(x, []int{0, 0, 0, 0}, []int{1, l.Heads, n, l.Dim}))
	}
	if c.b.dtype != mlxc.Float32 {
		x = t(m.AsType(x, c.b.dtype))
	}
	return x
}

func (c *cache) readKeys(l *layerKV, from, to int) mlxc.Array {
	return c.read(l, &l.keys, l.keyWidth(), l.keyGroups(), from, to)
}

func (c *cache) readValues(l *layerKV, from, to int) mlxc.Array {
	return c.read(l, &l.values, l.Dim, 1, from, to)
}
