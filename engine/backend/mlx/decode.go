package mlx

import (
	_ "embed"
	"fmt"
	"strings"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// The attention of single rows, which decoding is, as one CUDA kernel for up
// to singleRows sequences. MLX has none there for heads of more than 128 values:
// it would take five kernels and as many views for each sequence, and the time
// of a step is that of recording and starting operations.

//go:embed decode.cu
var decodeSource string

//go:embed join.cu
var joinSource string

const (
	singleRows    = 8  // sequences of the larger kernel
	decodeParts   = 16 // of a long conversation, computed side by side and joined
	decodeThreads = 512
	longPositions = 1024 // from which on a row's positions are divided
)

// single says which kernel is meant.
type single struct {
	dim, keyHeads, rows, parts int // rows and parts: 1, or the constants above
	join                       bool
}

// launch says which start of a kernel is meant.
type launch struct {
	single
	heads, sequences int
}

// area says which positions of a layer's arrays a row sees.
type area struct{ first, count, room int }

// decoding are the kernels of a backend, made where they are first needed.
type decoding struct {
	off      bool
	kernels  map[single]mlxc.Kernel
	launches map[launch]mlxc.Launch
	areas    map[area]mlxc.Array // of the step
}

// decodes reports whether the kernel computes segment s of a layer.
func (b *Backend) decodes(l *layerKV, s *tensor.Segment) bool {
	return b.gpu && !readsHost && !b.decoding.off && s.To == s.From+1 && l.Bits == 0 &&
		l.Dim >= 32 && l.Dim <= 512 && l.Dim&(l.Dim-1) == 0
}

// kernel returns the kernel of a kind.
func (b *Backend) kernel(k single) mlxc.Kernel {
	if made, ok := b.decoding.kernels[k]; ok {
		return made
	}
	in, out := []string{"q"}, []string{"out"}
	cuda := "float"
	if b.dtype == mlxc.BFloat16 {
		cuda = "__nv_bfloat16"
	}
	constants := fmt.Sprintf("  using T = %s;\n  constexpr int D = %d, K = %d, PARTS = %d;\n", cuda, k.dim, k.keyHeads, k.parts)
	name := fmt.Sprintf("hark_decode_%v_%d_%d_%d_%d", b.dtype, k.dim, k.keyHeads, k.rows, k.parts)
	body := joinSource
	if k.join {
		name += "_join"
		in = []string{"sums", "scales"}
	} else {
		var choose strings.Builder
		for i := range k.rows {
			in = append(in, fmt.Sprint("k", i), fmt.Sprint("v", i), fmt.Sprint("a", i))
			if i > 0 {
				fmt.Fprintf(&choose, "if (row == %d) { keys = k%d; values = v%d; area = a%d; }\n  ", i, i, i, i)
			}
		}
		finish := "out[block * D + i] = T(value / all);"
		if k.parts > 1 {
			out = []string{"sums_out", "scales_out"}
			finish = "sums_out[block * D + i] = value; if (i == 0) { scales_out[block * 2] = top; scales_out[block * 2 + 1] = all; }"
		}
		body = strings.NewReplacer("SELECT", choose.String(), "FINISH", finish).Replace(decodeSource)
	}
	if b.decoding.kernels == nil {
		b.decoding.kernels, b.decoding.launches = map[single]mlxc.Kernel{}, map[launch]mlxc.Launch{}
	}
	made := b.c.NewKernel(name, constants+body, in, out)
	b.decoding.kernels[k] = made
	return made
}

// launch returns how a kernel is started for so many sequences.
func (b *Backend) launch(k single, heads, sequences int) mlxc.Launch {
	key := launch{k, heads, sequences}
	if made, ok := b.decoding.launches[key]; ok {
		return made
	}
	result := mlxc.Result{Shape: []int{sequences, heads, 1, k.dim}, Type: b.dtype}
	var made mlxc.Launch
	switch {
	case k.join:
		width := min(k.dim, decodeThreads)
		made = b.c.NewLaunch([3]int{sequences * heads * width, 1, 1}, [3]int{width, 1, 1}, result)
	case k.parts > 1:
		made = b.c.NewLaunch([3]int{heads * decodeThreads, sequences, k.parts}, [3]int{decodeThreads, 1, 1},
			mlxc.Result{Shape: []int{sequences, heads, k.parts, k.dim}, Type: mlxc.Float32},
			mlxc.Result{Shape: []int{sequences, heads, k.parts, 2}, Type: mlxc.Float32})
	default:
		made = b.c.NewLaunch([3]int{heads * decodeThreads, sequences, 1}, [3]int{decodeThreads, 1, 1}, result)
	}
	b.decoding.launches[key] = made
	return made
}

// area returns what a row sees as 64 bits, which CUDA reads where the host
// wrote them. They are made once a step for all layers of the kind.
func (b *Backend) area(a area) mlxc.Array {
	if h, ok := b.decoding.areas[a]; ok {
		return h
	}
	packed := uint64(a.first) | uint64(a.count)<<21 | uint64(a.room)<<42
	h := mlxc.New(b.c, []uint32{uint32(packed), uint32(packed >> 32)}, mlxc.Uint32, 2)
	if b.decoding.areas == nil {
		b.decoding.areas = map[area]mlxc.Array{}
	}
	b.decoding.areas[a] = h
	return h
}

// singles returns how many segments from the first on are of one row each,
// follow each other and are for the kernel.
func (b *Backend) singles(layer int, segs []tensor.Segment) int {
	n := 0
	for n < min(len(segs), singleRows) {
		s := &segs[n]
		if s.To != s.From+1 || n > 0 && s.From != segs[n-1].To {
			break
		}
		if _, l := layerOf("Attention", s, layer); !b.decodes(l, s) {
			break
		}
		n++
	}
	return n
}

// attendRows computes up to singleRows segments of one row each, which follow
// each other in q, [n, N, 1, D], an intermediate result.
func (b *Backend) attendRows(layer int, q *array, segs []tensor.Segment, ahead bool) mlxc.Array {
	heads, dim, n := q.dims[1], q.dims[2], len(segs)
	rows := q.h
	if from := segs[0].From; n < q.dims[0] {
		start, stop := []int{from, 0, 0, 0}, []int{from + n, heads, 1, dim}
		if !q.spread {
			start, stop = start[:3], []int{from + n, heads, dim}
		}
		rows = b.temp(b.c.Slice(q.h, start, stop))
	}
	kind := single{dim: dim, rows: 1, parts: 1}
	if n > 1 {
		kind.rows = singleRows
	}
	in := append(b.single[:0], rows)
	for i := range kind.rows {
		s := &segs[min(i, n-1)] // an operand that no block reads, behind the last
		_, l := layerOf("Attention", s, layer)
		low, high, _ := sees(s, l, ahead)
		if high-low > longPositions {
			kind.parts = decodeParts
		}
		kind.keyHeads = l.Heads
		in = append(in, l.keys.data, l.values.data, b.area(area{low - l.first, high - low, l.room}))
	}
	b.single = in
	if kind.parts == 1 {
		var out [1]mlxc.Array
		b.c.Run(b.kernel(kind), b.launch(kind, heads, n), out[:], in...)
		return b.temp(out[0])
	}
	var parts [2]mlxc.Array
	b.c.Run(b.kernel(kind), b.launch(kind, heads, n), parts[:], in...)
	join := single{dim: dim, keyHeads: kind.keyHeads, rows: 1, parts: decodeParts, join: true}
	var out [1]mlxc.Array
	b.c.Run(b.kernel(join), b.launch(join, heads, n), out[:], b.temp(parts[0]), b.temp(parts[1]))
	return b.temp(out[0])
}

// forgetAreas frees what belongs to the step.
func (b *Backend) forgetAreas() {
	for key, h := range b.decoding.areas {
		b.c.Free(h)
		delete(b.decoding.areas, key)
	}
}

// close frees the kernels.
func (d *decoding) close(c *mlxc.Calls) {
	for _, k := range d.kernels {
		c.FreeKernel(k)
	}
	for _, l := range d.launches {
		c.FreeLaunch(l)
	}
	*d = decoding{off: true}
}
