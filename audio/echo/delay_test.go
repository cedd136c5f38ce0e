package echo

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// syllables is noise whose loudness and colour change as speech does.
func syllables(n int, seed uint64) []float32 {
	dice := rand.New(rand.NewPCG(seed, 2))
	out := make([]float32, n)
	var pole, gain, last float64
	for i := range out {
		if i%(2400+int(seed)*77) == 0 { // about 100 ms
			pole, gain = 0.95*dice.Float64(), dice.Float64()*0.3
		}
		last = pole*last + gain*dice.NormFloat64()*math.Sqrt(1-pole*pole)
		out[i] = float32(last)
	}
	return out
}

func TestDelayIsFound(t *testing.T) {
	far := syllables(6*int(Rate), 1)
	for _, want := range []int{0, 1200, 7777, 20000} {
		d := newDelay()
		mic := make([]float32, len(far))
		for i := want; i < len(mic); i++ {
			mic[i] = 0.3 * far[i-want]
		}
		sure := 0
		for i := 0; i+FrameSamples <= len(far); i += FrameSamples {
			if _, ok := d.push(mic[i:i+FrameSamples], far[i:i+FrameSamples]); ok {
				sure++
			}
		}
		if off := d.found - want; sure == 0 || off < -2*hop || off > 2*hop {
			t.Errorf("delay %d: found %d, sure %d times", want, d.found, sure)
		}
	}
}

func TestWithoutEchoNoDelayIsSure(t *testing.T) {
	far, mic := syllables(20*int(Rate), 1), syllables(20*int(Rate), 9)
	d := newDelay()
	for i := 0; i+FrameSamples <= len(far); i += FrameSamples {
		if at, ok := d.push(mic[i:i+FrameSamples], far[i:i+FrameSamples]); ok {
			t.Fatalf("sure of %d samples after %v", at, time.Duration(i)*time.Second/time.Duration(Rate))
		}
	}
}

func TestDelayDoesNotAllocate(t *testing.T) {
	d, x := newDelay(), syllables(FrameSamples, 3)
	if n := testing.AllocsPerRun(100, func() { d.push(x, x) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
