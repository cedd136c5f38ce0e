// Package sample picks the next token from a model's logits.
//
// A Sampler adjusts the logits (penalties, bias, suppressed tokens, a mask),
// divides them by the temperature, keeps the likeliest (top k, top p, min p, in
// this order, as transformers does) and draws one. The same seed and the same
// logits give the same tokens.
//
// The vocabulary is large and what is kept is small, so nothing is sorted but
// what is kept.
//
// Start reading at Sampler.
package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"hark/engine/backend/cpu/kernel"
	"hark/engine/token"
)

// coldest is the lowest temperature at which tokens are drawn.
const coldest = 1e-5

// maxLogProbs bounds Options.LogProbs.
const maxLogProbs = 1024

// Options say how tokens are picked. The zero value picks the likeliest.
type Options struct {
	// Temperature divides the logits, 0 to 100; below 1e-5 the likeliest
	// token is picked.
	Temperature float32
	// TopK keeps that many tokens; 0 keeps all.
	TopK int
	// TopP keeps the likeliest tokens that together have this probability,
	// 0 to 1; 0 and 1 keep all.
	TopP float32
	// MinP keeps tokens at least this likely compared with the likeliest, 0
	// to 1; 0 keeps all.
	MinP float32

	// Repetition divides the positive and multiplies the negative logits of
	// tokens that were observed, 0 to 100; 0 and 1 do nothing.
	Repetition float32
	// Presence is subtracted from the logits of observed tokens, -100 to 100.
	Presence float32
	// Frequency is subtracted once for each time a token was observed, -100
	// to 100.
	Frequency float32

	// Bias is added to the logits of tokens; it must not be NaN.
	Bias map[token.ID]float32
	// Suppress are tokens that are never picked.
	Suppress []token.ID
	// Mask, where it is not nil, is called with the adjusted logits before
	// every pick and makes those of forbidden tokens -Inf. The slice has one
	// value a token and is the sampler's own.
	Mask func(logits []float32)

	// Seed determines what is drawn; 0 is a seed like any other.
	Seed uint64
	// LogProbs is how many alternatives Choice.Top reports, 0 to 1024.
	LogProbs int
}

// Validate reports the first option that is out of its range.
func (o *Options) Validate() error {
	for _, f := range []struct {
		name      string
		value     float32
		low, high float32
	}{
		{"temperature", o.Temperature, 0, 100},
		{"top p", o.TopP, 0, 1},
		{"min p", o.MinP, 0, 1},
		{"repetition penalty", o.Repetition, 0, 100},
		{"presence penalty", o.Presence, -100, 100},
		{"frequency penalty", o.Frequency, -100, 100},
	} {
		if !(f.value >= f.low && f.value <= f.high) {
			return fmt.Errorf("sample: %s %g, want %g to %g", f.name, f.value, f.low, f.high)
		}
	}
	if o.TopK < 0 {
		return fmt.Errorf("sample: top k %d, want 0 or more", o.TopK)
	}
	if o.LogProbs < 0 || o.LogProbs > maxLogProbs {
		return fmt.Errorf("sample: %d log probabilities, want 0 to %d", o.LogProbs, maxLogProbs)
	}
	for id, b := range o.Bias {
		if b != b || math.IsInf(float64(b), 1) {
			return fmt.Errorf("sample: bias %g of token %d", b, id)
		}
	}
	return nil
}

// adjusts reports whether logits are changed before a pick.
func (o *Options) adjusts() bool {
	return o.penalizes() || len(o.Bias) > 0 || len(o.Suppress) > 0 || o.Mask != nil
}

// penalizes reports whether observed tokens matter.
func (o *Options) penalizes() bool {
	return o.Repetition != 0 && o.Repetition != 1 || o.Presence != 0 || o.Frequency != 0
}

// Choice is a token that was picked.
type Choice struct {
	ID token.ID
	// Logprob is the natural logarithm of the token's probability as the
	// model gave it: before penalties, bias and temperature. It is within
	// 1e-5 of the exact value, and 0 unless Options.LogProbs asks for some.
	Logprob float32
	// Top are the likeliest tokens by that measure, the best first, as many
	// as Options.LogProbs asks for.
	Top []Alternative
}

// Alternative is a token that could have been picked.
type Alternative struct {
	ID      token.ID
	Logprob float32 // as in Choice
}

// Sampler picks the tokens of one answer. One goroutine may use it.
type Sampler struct {
	o      Options
	rand   *rand.Rand
	seen   map[token.ID]int // how often a token was observed
	work   []float32        // adjusted logits, for the mask
	before []candidate      // logits that adjust changed, as they were
	kept   []candidate
	bins   []float64 // weights by distance from the likeliest, see nucleus

	drawn float64 // the last number of rand
	back  bool    // it is to be drawn again
}

// New returns a Sampler. The options must be valid.
func New(o Options) *Sampler {
	// The second half of the state is any constant; this is 2^64 divided by
	// the golden ratio.
	return &Sampler{o: o, rand: rand.New(rand.NewPCG(o.Seed, 0x9e3779b97f4a7c15)), seen: map[token.ID]int{}}
}

// Observe counts a token for the penalties: those of the prompt, and those
// picked.
func (s *Sampler) Observe(id token.ID) {
	if s.o.penalizes() {
		s.seen[id]++
	}
}

// Pick picks a token by its logits, one a token of the vocabulary. When it
// returns they are as before. -Inf is a token that cannot be; NaN and +Inf are an
// error that names the token, and so is a vocabulary of which no token is left. It
// takes time in proportion to the vocabulary and does not allocate once warm, unless
// alternatives are asked for.
func (s *Sampler) Pick(logits []float32) (Choice, error) {
	var c Choice
	var total float32
	best, adjusts := 0, s.o.adjusts()
	var err error
	if s.o.LogProbs > 0 || s.o.Mask != nil || !adjusts {
		if best, err = greatest(logits); err != nil {
			return Choice{}, err
		}
	}
	if s.o.LogProbs > 0 {
		total = float32(math.Log(sumExp(logits, logits[best]))) + logits[best]
		s.kept = top(s.kept[:0], logits, s.o.LogProbs)
		for _, k := range s.kept {
			c.Top = append(c.Top, Alternative{token.ID(k.id), k.logit - total})
		}
	}
	adjusted := logits
	if adjusts {
		if adjusted, err = s.adjust(logits); err == nil {
			best, err = greatest(adjusted)
		}
	}
	id := best
	switch {
	case err != nil || s.o.Temperature < coldest:
	case s.o.TopK > 0 && s.o.TopK < len(adjusted):
		id = s.fromTop(adjusted)
	default:
		id = s.fromAll(adjusted, adjusted[best])
	}
	s.restore(adjusted)
	if err != nil {
		return Choice{}, err
	}
	c.ID = token.ID(id)
	if s.o.LogProbs > 0 {
		c.Logprob = logits[id] - total
	}
	return c, nil
}

// adjust returns the logits after penalties, bias, suppression and mask. All but the mask
// are of few tokens: they are changed in place, which takes less time than a copy, and
// what they were is kept for restore.
func (s *Sampler) adjust(w []float32) ([]float32, error) {
	if s.o.Mask != nil {
		s.work = append(s.work[:0], w...)
		w = s.work
	}
	s.before = s.before[:0]
	o := &s.o
	keep := func(id token.ID) bool {
		if id < 0 || int(id) >= len(w) {
			return false
		}
		s.before = append(s.before, candidate{w[id], int32(id)})
		return true
	}
	for id, n := range s.seen {
		if !keep(id) {
			continue
		}
		if o.Repetition != 0 && w[id] > 0 {
			w[id] /= o.Repetition
		} else if o.Repetition != 0 {
			w[id] *= o.Repetition
		}
		w[id] -= o.Presence + o.Frequency*float32(n)
	}
	for id, b := range o.Bias {
		if keep(id) {
			w[id] += b
		}
	}
	for _, id := range o.Suppress {
		if keep(id) {
			w[id] = float32(math.Inf(-1))
		}
	}
	for _, c := range s.before {
		if unusable(c.logit) { // and might not be found among the others
			return w, fmt.Errorf("sample: logit of token %d of %d is %v", c.id, len(w), c.logit)
		}
	}
	if o.Mask != nil {
		o.Mask(w)
	}
	return w, nil
}

// restore takes back what adjust did to what it returned, but for the mask.
func (s *Sampler) restore(w []float32) {
	for _, c := range slices.Backward(s.before) {
		w[c.id] = c.logit
	}
	s.before = s.before[:0]
}

// greatestBlock is the logits among which the greatest is looked for one by one.
const greatestBlock = 4096

// greatest returns the first of the greatest logits, and refuses what is not
// a number below infinity.
func greatest(logits []float32) (int, error) {
	from, most := -1, float32(math.Inf(-1))
	for i := 0; i < len(logits); i += greatestBlock {
		block := logits[i:min(i+greatestBlock, len(logits))]
		v := kernel.Greatest(block)
		if v != v || v > math.MaxFloat32 {
			at := i + slices.IndexFunc(block, unusable)
			return 0, fmt.Errorf("sample: logit of token %d of %d is %v", at, len(logits), logits[at])
		}
		if v > most {
			from, most = i, v
		}
	}
	if from < 0 {
		return 0, fmt.Errorf("sample: no token of %d is possible", len(logits))
	}
	return from + slices.Index(logits[from:], most), nil
}

// unusable reports whether a logit is NaN or infinity.
func unusable(v float32) bool { return v != v || v > math.MaxFloat32 }
