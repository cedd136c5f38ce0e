package cpu

import (
	"math"

	"hark/engine/tensor"
)

// Experts is a mixture of gated MLPs; see tensor.Ops. The experts of a row are
// added up in the order of their numbers.
func (b *Backend) Experts(x, logits tensor.Tensor, top int, perExpert tensor.Tensor, gate, up, down tensor.Weight) tensor.Tensor {
	a, l, scale := in("Experts", x), in("Experts", logits), in("Experts", perExpert)
	g, u, d := matrix("Experts", gate, 3), matrix("Experts", up, 3), matrix("Experts", down, 3)
	axes("Experts", a, 2)
	rows, hidden, experts, width := a.dims[0], a.dims[1], g.shape[0], g.shape[1]
	same("Experts: logits", l.Shape(), rows, experts)
	same("Experts: perExpert", scale.Shape(), experts)
	same("Experts: gate", g.shape, experts, width, hidden)
	same("Experts: up", u.shape, experts, width, hidden)
	same("Experts: down", d.shape, experts, hidden, width)
	if top < 1 || top > experts {
		panic(&tensor.ShapeError{Op: "Experts: top", Got: []int{top}, Want: []int{experts}})
	}
	y := b.arena.zeros(rows, hidden)
	work := &b.jobs.experts
	work.route(l.data, scale.data, rows, experts, top)
	// One set of buffers for the expert with the most rows.
	most := work.most()
	picked, made := b.arena.alloc(most, hidden), b.arena.alloc(most, hidden)
	gated, upped, inner := b.arena.alloc(most, width), b.arena.alloc(most, width), b.arena.alloc(most, width)
	for e := range experts {
		n := 0
		for t := range rows {
			if work.chosen[t*experts+e] {
				copy(picked.data[n*hidden:(n+1)*hidden], a.data[t*hidden:])
				n++
			}
		}
		if n == 0 {
			continue
		}
		b.linear(gated.data[:n*width], picked.data, nil, g, e*width, n, width)
		b.linear(upped.data[:n*width], picked.data, nil, u, e*width, n, width)
		b.gatedGELU(inner.data[:n*width], gated.data[:n*width], upped.data[:n*width])
		b.linear(made.data[:n*hidden], inner.data, nil, d, e*hidden, n, hidden)
		n = 0
		for t := range rows {
			if work.chosen[t*experts+e] {
				addScaled(y.data[t*hidden:(t+1)*hidden], made.data[n*hidden:], work.share[t*experts+e])
				n++
			}
		}
	}
	for _, t := range []*array{picked, made, gated, upped, inner} {
		b.arena.release(t)
	}
	return y
}

// addScaled adds factor*x to dst.
func addScaled(dst, x []float32, factor float32) {
	x = x[:len(dst)]
	for i := range dst {
		dst[i] += float32(factor * x[i])
	}
}

// expertsWork says which experts each row takes.
type expertsWork struct {
	experts int
	chosen  []bool    // [rows, experts]
	share   []float32 // [rows, experts], the weight of a chosen expert
}

// route chooses the top experts of each row of logits [rows, experts]; of
// equal ones the first.
func (w *expertsWork) route(logits, scale []float32, rows, experts, top int) {
	w.experts = experts
	if cap(w.chosen) < rows*experts {
		w.chosen, w.share = make([]bool, rows*experts), make([]float32, rows*experts)
	}
	w.chosen, w.share = w.chosen[:rows*experts], w.share[:rows*experts]
	clear(w.chosen)
	clear(w.share)
	for t := range rows {
		row, chosen, share := logits[t*experts:(t+1)*experts], w.chosen[t*experts:(t+1)*experts], w.share[t*experts:(t+1)*experts]
		most := float32(0)
		for k := range top {
			best := -1
			for e, logit := range row {
				if !chosen[e] && (best < 0 || logit > row[best]) {
					best = e
				}
			}
			chosen[best] = true
			if k == 0 {
				most = row[best]
			}
		}
		var sum float64
		for e := range chosen {
			if chosen[e] {
				sum += math.Exp(float64(row[e] - most))
			}
		}
		for e := range chosen {
			if chosen[e] {
				share[e] = float32(math.Exp(float64(row[e]-most))/sum) * scale[e]
			}
		}
	}
}

// most returns the rows of the expert with the most of them.
func (w *expertsWork) most() int {
	most := 0
	for e := range w.experts {
		n := 0
		for t := e; t < len(w.chosen); t += w.experts {
			if w.chosen[t] {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
