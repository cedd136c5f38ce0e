package modeltest

import (
	"fmt"
	"math"
	"slices"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
)

// Drift says how far the next tokens that a model gives with some cache are
// from those of a reference.
type Drift struct {
	Positions int
	Agree     int     // positions where the likeliest token is the same
	Mean, Max float64 // divergence of Kullback and Leibler from the reference, in nats
}

// String gives all figures in a line.
func (d Drift) String() string {
	return fmt.Sprintf("KL mean %.2g, max %.2g nats, same greedy token %d of %d (%.2f %%)",
		d.Mean, d.Max, d.Agree, d.Positions, 100*float64(d.Agree)/float64(max(d.Positions, 1)))
}

// add takes the logits of one position.
func (d *Drift) add(reference, other []float32) {
	p, q := normalizer(reference), normalizer(other)
	kl := 0.0
	for i, v := range reference {
		if a := float64(v) - p; a > -50 {
			kl += math.Exp(a) * (a - (float64(other[i]) - q))
		}
	}
	kl = max(kl, 0)
	d.Mean += (kl - d.Mean) / float64(d.Positions+1)
	d.Max = max(d.Max, kl)
	d.Positions++
	a, _ := top(reference)
	if b, _ := top(other); a == b {
		d.Agree++
	}
}

// Join takes what another found at other positions.
func (d *Drift) Join(o Drift) {
	sum := d.Mean*float64(d.Positions) + o.Mean*float64(o.Positions)
	d.Positions, d.Agree, d.Max = d.Positions+o.Positions, d.Agree+o.Agree, max(d.Max, o.Max)
	d.Mean = sum / float64(max(d.Positions, 1))
}

// normalizer returns the logarithm of the sum of exponentials.
func normalizer(logits []float32) float64 {
	most, sum := float64(slices.Max(logits)), 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

// driftPiece is how many positions are read in at a time.
const driftPiece = 32

// Reader runs a model over caches side by side.
type Reader struct {
	Model   model.Model
	Backend tensor.Backend
	buf     []float32
}

// Cache makes an empty cache of so many bits.
func (r *Reader) Cache(bits int) tensor.KV {
	layers := r.Model.KVLayers()
	for i := range layers {
		layers[i].Bits = bits
	}
	return r.Backend.NewKV(layers)
}

// Read reads ids in.
func (r *Reader) Read(kv tensor.KV, ids []token.ID) {
	for piece := range slices.Chunk(ids, 4*driftPiece) {
		r.Model.Forward([]model.Row{{KV: kv, Pos: kv.Len(), IDs: piece}})
		r.Backend.EndStep()
	}
}

// Compare reads ids into a reference and into others and says how far each of
// those drifts, over the positions of ids.
func (r *Reader) Compare(ids []token.ID, reference tensor.KV, others ...tensor.KV) []Drift {
	drifts := make([]Drift, len(others))
	vocab := r.Model.Info().Vocab
	var want []float32
	for piece := range slices.Chunk(ids, driftPiece) {
		for i, kv := range append([]tensor.KV{reference}, others...) {
			x := r.Model.Forward([]model.Row{{KV: kv, Pos: kv.Len(), IDs: piece, Logits: len(piece)}})
			if i == 0 {
				want = r.Backend.Read(want, x)
			} else {
				r.buf = r.Backend.Read(r.buf, x)
				for at := 0; at < len(want); at += vocab {
					drifts[i-1].add(want[at:at+vocab], r.buf[at:at+vocab])
				}
			}
			r.Backend.EndStep()
		}
	}
	return drifts
}

// Forgetting is a conversation that is longer than its cache.
type Forgetting struct {
	System []token.ID   // stays
	Turns  [][]token.ID // the oldest of them go
	Limit  int          // positions from which on turns go
	Keep   int          // positions that may stay then
	Bits   int          // of the cache
}

// followed is how many turns after a cut are compared.
const followed = 4

// Forget holds the conversation and, over some turns after each cut, compares
// the cache that was cut with one computed anew from what it still holds; whole is
// how far a cache that was never cut is from that, which is how much the turns
// that went were worth.
func (r *Reader) Forget(f *Forgetting) (cut, whole []Drift, err error) {
	kv, all := r.Cache(f.Bits), r.Cache(f.Bits)
	defer func() { kv.Free(); all.Free() }()
	r.Read(kv, f.System)
	r.Read(all, f.System)
	oldest, fresh, left := 0, tensor.KV(nil), 0
	for i, turn := range f.Turns {
		if left > 0 {
			left--
			d, last := r.Compare(turn, fresh, kv, all), len(cut)-1
			cut[last].Join(d[0])
			whole[last].Join(d[1])
			if left == 0 {
				fresh.Free()
				fresh = nil
			}
		} else {
			r.Read(kv, turn)
			r.Read(all, turn)
		}
		if kv.Len() <= f.Limit || left > 0 {
			continue
		}
		gone := 0
		for kv.Len()-gone > f.Keep {
			gone += len(f.Turns[oldest])
			oldest++
		}
		from := len(f.System)
		if !kv.Cuttable(from, from+gone) {
			return nil, nil, fmt.Errorf("modeltest: positions %d to %d of %d cannot be cut", from, from+gone, kv.Len())
		}
		kv.Cut(from, from+gone)
		fresh, left = r.Cache(0), followed
		cut, whole = append(cut, Drift{}), append(whole, Drift{})
		r.Read(fresh, f.System)
		r.Read(fresh, slices.Concat(f.Turns[oldest:i+1]...))
		if fresh.Len() != kv.Len() {
			return nil, nil, fmt.Errorf("modeltest: %d positions after the cut, want %d", kv.Len(), fresh.Len())
		}
	}
	if fresh != nil {
		fresh.Free()
	}
	return cut, whole, nil
}
