package cpu

import (
	"math"

	"hark/engine/backend/cpu/kernel"
)

// pagePositions is the number of positions that a page holds.
const pagePositions = 64

// page holds the keys [K, 64, D] and then the values [K, 64, D] of 64
// consecutive positions of one layer, as float32 in data or as codes with
// scales: of the keys [K, 64, D/32], as some of a key's values are always
// greater than others, and of the values [K, 64]. Caches share pages; one with
// several owners is copied before it is written.
type page struct {
	data   []float32
	codes  []int8
	scales []float32
	refs   int
}

// copyFrom makes pg's content that of other, a page of the same kind.
func (pg *page) copyFrom(other *page) {
	copy(pg.data, other.data)
	copy(pg.codes, other.codes)
	copy(pg.scales, other.scales)
}

// pageKind is what pages must agree in to replace each other.
type pageKind struct {
	size   int // values
	scales int // 0: float32
}

func (pg *page) kind() pageKind {
	return pageKind{max(len(pg.data), len(pg.codes)), len(pg.scales)}
}

// pages are the free pages of a backend.
type pages struct {
	free map[pageKind][]*page
	used int // pages that caches hold
}

func (p *pages) get(kind pageKind) *page {
	p.used++
	free := p.free[kind]
	if len(free) == 0 {
		if kind.scales > 0 {
			return &page{codes: make([]int8, kind.size), scales: make([]float32, kind.scales), refs: 1}
		}
		return &page{data: make([]float32, kind.size), refs: 1}
	}
	pg := free[len(free)-1]
	p.free[kind] = free[:len(free)-1]
	pg.refs = 1
	return pg
}

// maxFreePages bounds the free pages kept of one kind.
const maxFreePages = 1024

func (p *pages) put(pg *page) {
	if pg.refs--; pg.refs > 0 {
		return
	}
	p.used--
	if p.free == nil {
		p.free = make(map[pageKind][]*page)
	}
	if kind := pg.kind(); len(p.free[kind]) < maxFreePages {
		p.free[kind] = append(p.free[kind], pg)
	}
}

// half says which half of a page is meant.
type half int

const (
	key half = iota
	value
)

// slot is the place of one head's key or value of one position in a page: dim
// values from number at on, and their scales from number scale on, one for
// each group of so many values.
type slot struct{ at, dim, scale, group int }

// scales returns the number of scales.
func (s slot) scales() int { return (s.dim + s.group - 1) / s.group }

// keyScales returns the number of scales of a key.
func (l *layerKV) keyScales() int { return (l.Dim + kernel.CodeGroup - 1) / kernel.CodeGroup }

// slot returns the place of head h of a position.
func (l *layerKV) slot(which half, h, pos int) slot {
	row := h*pagePositions + pos%pagePositions
	if which == key {
		return slot{row * l.Dim, l.Dim, row * l.keyScales(), kernel.CodeGroup}
	}
	keys := l.Heads * pagePositions
	return slot{(keys + row) * l.Dim, l.Dim, keys*l.keyScales() + row, l.Dim}
}

// set stores values at s.
func (pg *page) set(s slot, values []float32) {
	if pg.codes == nil {
		copy(pg.data[s.at:s.at+s.dim], values)
		return
	}
	codes := pg.codes[s.at : s.at+s.dim]
	for g := range s.scales() {
		from, to := g*s.group, min((g+1)*s.group, s.dim)
		pg.scales[s.scale+g] = quantize(codes[from:to], values[from:to])
	}
}

// get reads what is stored at s into dst.
func (pg *page) get(dst []float32, s slot) {
	if pg.codes == nil {
		copy(dst, pg.data[s.at:s.at+s.dim])
		return
	}
	codes := pg.codes[s.at : s.at+s.dim]
	for g := range s.scales() {
		from, to := g*s.group, min((g+1)*s.group, s.dim)
		scale, out := pg.scales[s.scale+g], dst[from:to]
		for i, code := range codes[from:to] {
			out[i] = scale * float32(code)
		}
	}
}

// move copies what another page of the same kind holds at from to s.
func (pg *page) move(s slot, other *page, from slot) {
	if pg.codes == nil {
		copy(pg.data[s.at:s.at+s.dim], other.data[from.at:from.at+from.dim])
		return
	}
	copy(pg.codes[s.at:s.at+s.dim], other.codes[from.at:from.at+from.dim])
	copy(pg.scales[s.scale:s.scale+s.scales()], other.scales[from.scale:])
}

// quantize writes values as codes from -127 to 127, rounded to the nearest,
// and returns their scale. Values of which one is infinite or not a number
// all become NaN, so that what went wrong stays visible.
func quantize(codes []int8, values []float32) (scale float32) {
	const (
		infinite = 0x7f800000 // bits; those of NaN are greater
		tiny     = 27 << 23   // bits of 2^-100: what is not greater counts as zero
		rounder  = 3 << 22    // x + rounder has no fraction bits left,
		mask     = 0x7fffffff // and x in its lowest ones
	)
	most := uint32(0) // bits of positive floats are in the order of their values
	for _, v := range values {
		most = max(most, math.Float32bits(v)&mask)
	}
	codes = codes[:len(values)]
	switch {
	case most >= infinite:
		clear(codes)
		return float32(math.NaN())
	case most < tiny:
		clear(codes)
		return 0
	}
	inverse := 127 / math.Float32frombits(most)
	for i, v := range values {
		codes[i] = int8(math.Float32bits(float32(v*inverse) + rounder))
	}
	return math.Float32frombits(most) / 127
}
