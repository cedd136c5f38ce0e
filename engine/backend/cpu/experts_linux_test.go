package cpu

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"hark/engine/tensor"
)

// expertsShape is a mixture whose stacks have whole pages of codes and of scales for each expert. The width has three
// groups, which are no whole quad: the scales of down are copied with zeros behind them.
const (
	guardedExperts, guardedHidden, guardedWidth = 8, 2048, 192
)

// guarded is a stack of experts in memory of its own, parts of which can be made unreadable.
type guarded struct {
	tensor.Stored
	maps [][]byte // codes, scales, biases, in equal parts for the experts
}

func newGuarded(t *testing.T, r random, bits, out, in int) *guarded {
	g := &guarded{Stored: r.affine(bits, guardedExperts*out, in)}
	g.Shape = []int{guardedExperts, out, in}
	for _, data := range []*[]byte{&g.Data, &g.Scales, &g.Biases} {
		if len(*data)%(guardedExperts*syscall.Getpagesize()) != 0 {
			t.Fatalf("%d bytes are no whole pages of %d experts", len(*data), guardedExperts)
		}
		own, err := syscall.Mmap(-1, 0, len(*data), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := syscall.Munmap(own); err != nil {
				t.Error(err)
			}
		})
		copy(own, *data)
		*data, g.maps = own, append(g.maps, own)
	}
	return g
}

// only makes all experts unreadable but some.
func (g *guarded) only(t *testing.T, chosen []int) {
	for _, data := range g.maps {
		size := len(data) / guardedExperts
		for e := range guardedExperts {
			may := syscall.PROT_NONE
			if slices.Contains(chosen, e) {
				may = syscall.PROT_READ
			}
			if err := syscall.Mprotect(data[e*size:(e+1)*size], may); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestExpertsTouchOnlyTheChosen takes the memory of all other experts away: reading any byte of it would end the test
// with a fault. Rows of a prompt that choose the same expert read it once, as the backend's own count says.
func TestExpertsTouchOnlyTheChosen(t *testing.T) {
	eachMode(t, func(t *testing.T, rounded bool) {
		for _, bits := range []int{4, 8} {
			b := startWith(t, &Options{Threads: 2, Rounded: rounded})
			r := newRandom(uint64(bits))
			gate, up := newGuarded(t, r, bits, guardedWidth, guardedHidden), newGuarded(t, r, bits, guardedWidth, guardedHidden)
			down := newGuarded(t, r, bits, guardedHidden, guardedWidth)
			var weights []tensor.Weight
			each := 0 // bytes of an expert
			for _, g := range []*guarded{gate, up, down} {
				w, err := b.Weight(g.Stored)
				if err != nil {
					t.Fatal(err)
				}
				weights = append(weights, w)
				each += (len(g.Data) + len(g.Scales) + len(g.Biases)) / guardedExperts
			}
			for _, choices := range [][][]int{{{5, 2}}, {{7, 0}}, {{1, 3}, {3, 6}, {1, 3}, {6, 1}, {3, 1}}} {
				t.Run(fmt.Sprintf("bits=%d/%v", bits, choices), func(t *testing.T) {
					chosen := slices.Compact(slices.Sorted(slices.Values(slices.Concat(choices...))))
					for _, g := range []*guarded{gate, up, down} {
						g.only(t, chosen)
					}
					before := b.Work()
					chooseExperts(b, r, choices, weights)
					after := b.Work()
					if read, want := after.WeightBytes-before.WeightBytes, int64(len(chosen)*each); read != want {
						t.Errorf("%d bytes were read, want %d: those of %d experts", read, want, len(chosen))
					}
					products := int64(len(choices) * 2 * 3 * guardedWidth * guardedHidden)
					if n := after.Products - before.Products; n != products {
						t.Errorf("%d products, want %d", n, products)
					}
				})
			}
		}
	})
}

// chooseExperts runs the mixture for rows that choose two experts each.
func chooseExperts(b *Backend, r random, choices [][]int, w []tensor.Weight) {
	rows := len(choices)
	logits := make([]float32, rows*guardedExperts)
	for t, chosen := range choices {
		for i, e := range chosen {
			logits[t*guardedExperts+e] = float32(i + 1)
		}
	}
	scale := slices.Repeat([]float32{1}, guardedExperts)
	b.Experts(b.Input(r.floats(rows*guardedHidden), rows, guardedHidden), b.Input(logits, rows, guardedExperts), 2,
		b.Input(scale, guardedExperts), w[0], w[1], w[2])
	b.EndStep()
}
