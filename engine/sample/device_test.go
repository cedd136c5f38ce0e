package sample

import (
	"math/rand/v2"
	"testing"

	"hark/engine/token"
)

// TestDrawsPickAsPick: a device that does what Draw says picks the tokens that
// Pick does, one after the other, also where some picks come to nothing.
func TestDrawsPickAsPick(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 5))
		o := Options{Seed: seed, Suppress: []token.ID{3, 900}, Temperature: 0.5 + r.Float32(), TopK: r.IntN(20), TopP: r.Float32(), MinP: r.Float32() / 10}
		if r.IntN(5) == 0 {
			o.Temperature = 0
		}
		host, device := New(o), New(o)
		if !device.Plain() {
			t.Fatalf("%+v is not plain", o)
		}
		for n := range 30 {
			logits := random(r, 300)
			want, err := host.Pick(logits)
			if err != nil {
				t.Fatal(err)
			}
			if r.IntN(4) == 0 {
				device.Draw()
				device.Undraw()
			}
			if r.IntN(4) == 0 { // on the host this time
				if got, err := device.Pick(logits); err != nil || got.ID != want.ID {
					t.Fatalf("seed %d, token %d: picked %d, %v, want %d", seed, n, got.ID, err, want.ID)
				}
				continue
			}
			d := device.Draw()
			if got, err := d.Pick(logits); err != nil || got != want.ID {
				t.Fatalf("seed %d, token %d: drew %d, %v, want %d", seed, n, got, err, want.ID)
			}
		}
	}
	for _, o := range []Options{{Presence: 1}, {Repetition: 1.1}, {Frequency: -1}, {LogProbs: 1}, {Bias: map[token.ID]float32{1: 1}}} {
		if New(o).Plain() {
			t.Errorf("%+v is plain", o)
		}
	}
}
