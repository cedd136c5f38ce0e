package sample

import (
	"math"
	"slices"

	"hark/engine/backend/cpu/kernel"
)

// candidate is a token that may be picked.
type candidate struct {
	logit float32
	id    int32
}

// compare puts the likelier token first, and of equals the lower id.
func compare(a, b candidate) int {
	switch {
	case a.logit > b.logit:
		return -1
	case a.logit < b.logit:
		return 1
	}
	return int(a.id) - int(b.id)
}

// top appends the k likeliest tokens to dst, which must be empty, the likeliest
// first. -Inf is not among them. dst is kept as a heap with the least likely
// on top, which most tokens do not beat.
func top(dst []candidate, logits []float32, k int) []candidate {
	least := float32(math.Inf(-1))
	for i := 0; i < len(logits); i += topBlock {
		block := logits[i:min(i+topBlock, len(logits))]
		if len(dst) == k && kernel.Greatest(block) <= least {
			continue // of equals the first was here before
		}
		dst, least = topOf(dst, block, i, k, least)
	}
	slices.SortFunc(dst, compare)
	return dst
}

// topBlock is how many tokens are passed over at a time where none beats the least likely.
const topBlock = 512

// topOf does so for tokens from first on; least is the logit of the least likely, once
// there are k.
func topOf(dst []candidate, logits []float32, first, k int, least float32) ([]candidate, float32) {
	for i, v := range logits {
		if v <= least {
			continue
		}
		c := candidate{v, int32(first + i)}
		if len(dst) < k {
			dst = append(dst, c)
			if len(dst) == k {
				for j := k/2 - 1; j >= 0; j-- {
					sink(dst, j)
				}
				least = dst[0].logit
			}
			continue
		}
		dst[0] = c
		sink(dst, 0)
		least = dst[0].logit
	}
	return dst, least
}

// sink restores the heap below element i.
func sink(h []candidate, i int) {
	for {
		down := 2*i + 1
		if down >= len(h) {
			return
		}
		if down+1 < len(h) && compare(h[down+1], h[down]) > 0 {
			down++
		}
		if compare(h[down], h[i]) <= 0 {
			return
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}

// fromTop draws from the k likeliest tokens, after top p and min p.
func (s *Sampler) fromTop(logits []float32) int {
	s.kept = top(s.kept[:0], logits, s.o.TopK)
	kept, t := s.kept, float64(s.o.Temperature)
	weight := func(c candidate) float64 { return math.Exp((float64(c.logit) - float64(kept[0].logit)) / t) }
	total := 0.0
	for _, c := range kept {
		total += weight(c)
	}
	limit := total
	if s.o.TopP > 0 {
		limit *= float64(s.o.TopP)
	}
	mass, n := 0.0, 0
	for n < len(kept) && (n == 0 || mass < limit) {
		w := weight(kept[n])
		if n > 0 && w < float64(s.o.MinP) {
			break
		}
		mass += w
		n++
	}
	left := s.uniform() * mass
	for _, c := range kept[:n-1] {
		if left -= weight(c); left < 0 {
			return int(c.id)
		}
	}
	return int(kept[n-1].id)
}

const (
	// farthest is the distance, in logits over temperature, beyond which a
	// token is not counted: a million of them would weigh 1e-8.
	farthest = 32
	// binsPerUnit is how finely distances are told apart at first.
	binsPerUnit = 32
)

// fromAll draws from the whole vocabulary, after top p and min p; max is the
// greatest logit. What is kept are the tokens not less likely than some last
// one, so there is no list of them.
func (s *Sampler) fromAll(logits []float32, max float32) int {
	inverse := 1 / s.o.Temperature
	last := candidate{max - farthest*s.o.Temperature, math.MaxInt32}
	if s.o.MinP > 0 {
		logit := max + s.o.Temperature*float32(math.Log(float64(s.o.MinP)))
		if logit > last.logit {
			last.logit = logit
		}
	}
	if s.o.TopP > 0 && s.o.TopP < 1 {
		if c := s.nucleus(logits, max); compare(c, last) < 0 {
			last = c
		}
	}
	mass := 0.0
	for i, v := range logits {
		if v >= last.logit && compare(candidate{v, int32(i)}, last) <= 0 {
			mass += float64(exp((v - max) * inverse))
		}
	}
	left := s.uniform() * mass
	id := 0
	for i, v := range logits {
		if v >= last.logit && compare(candidate{v, int32(i)}, last) <= 0 {
			id = i
			if left -= float64(exp((v - max) * inverse)); left < 0 {
				break
			}
		}
	}
	return id
}

// nucleus returns the last token that top p keeps. Weights are summed by
// distance first; only the tokens of the stretch in which the sum passes the
// limit are sorted.
func (s *Sampler) nucleus(logits []float32, max float32) candidate {
	inverse := 1 / s.o.Temperature
	if s.bins == nil {
		s.bins = make([]float64, farthest*binsPerUnit)
	}
	clear(s.bins)
	total := 0.0
	for _, v := range logits {
		if d := (max - v) * inverse; d < farthest {
			w := float64(exp(-d))
			s.bins[int(d*binsPerUnit)] += w
			total += w
		}
	}
	limit, mass, at := total*float64(s.o.TopP), 0.0, 0
	for at < len(s.bins)-1 && mass+s.bins[at] < limit {
		mass += s.bins[at]
		at++
	}
	s.kept = s.kept[:0]
	for i, v := range logits {
		if d := (max - v) * inverse; d < farthest && int(d*binsPerUnit) == at {
			s.kept = append(s.kept, candidate{v, int32(i)})
		}
	}
	slices.SortFunc(s.kept, compare)
	last := candidate{max - farthest*s.o.Temperature, math.MaxInt32}
	for _, c := range s.kept {
		last = c
		if mass += float64(exp((c.logit - max) * inverse)); mass >= limit {
			break
		}
	}
	return last
}

// sumExp returns the sum of exp(v-max) over the logits, of which max is the
// greatest. There is no branch that leaves the small ones out: it costs more
// than they do.
func sumExp(logits []float32, max float32) float64 {
	even, odd := 0.0, 0.0
	for len(logits) >= 2 {
		even += float64(exp(logits[0] - max))
		odd += float64(exp(logits[1] - max))
		logits = logits[2:]
	}
	for _, v := range logits {
		even += float64(exp(v - max))
	}
	return even + odd
}

// powers are the float32 patterns of 2^(j/64), j from 0 to 63.
var powers = func() (out [64]uint32) {
	for j := range out {
		out[j] = math.Float32bits(float32(math.Exp2(float64(j) / 64)))
	}
	return out
}()

// ln 2 / 64 in two parts, the first with so few bits that products with whole
// numbers up to 8192 are exact.
const (
	stepHigh = 355.0 / (512 * 64)
	stepLow  = -2.12194440e-4 / 64
)

// exp returns e^x for x from -87 to 0 with a relative error below 3e-7, and 0
// below that: a power of 2^(1/64), and a parabola for the rest.
func exp(x float32) float32 {
	if x < -87 {
		return 0
	}
	k := int32(x*(64*math.Log2E) - 0.5) // the nearest, since x is not positive
	r := x - float32(k)*stepHigh - float32(k)*stepLow
	return (1 + r*(1+0.5*r)) * math.Float32frombits(powers[k&63]+uint32(k>>6)<<23)
}
