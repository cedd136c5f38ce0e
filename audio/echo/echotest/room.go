// Package echotest is a room to test echo cancelling in: a loudspeaker, walls
// and a microphone, computed.
//
// Start reading at Room.Hear.
package echotest

import (
	"math"
	"math/rand/v2"

	"hark/audio"
)

// Room turns what a loudspeaker plays into what a microphone hears of it. One
// goroutine at a time may use it.
type Room struct {
	response []float32 // of the room to an impulse, behind the delay, backwards
	past     []float32 // what was played, the newest last: delay and response
	delay    int       // samples
	drive    float64
	noise    float64
	dice     *rand.Rand
}

// Options describe a room.
type Options struct {
	Rate  int     // samples a second
	Delay float64 // of the buffers of both devices and the way through the air, in seconds
	Gain  float64 // of the echo, of amplitudes
	Decay float64 // seconds in which the echo falls by 60 dB
	Drive float64 // how much the loudspeaker distorts, 0 not at all, 1 much
	Noise float64 // mean amplitude of the noise that the microphone always hears
	Seed  uint64
}

// New builds a room.
func New(o Options) *Room {
	dice := rand.New(rand.NewPCG(o.Seed, 1))
	n := int(o.Decay * float64(o.Rate))
	r := &Room{response: make([]float32, n), delay: int(o.Delay * float64(o.Rate)), drive: o.Drive, noise: o.Noise, dice: dice}
	sum := 0.0
	values := make([]float64, n)
	for i := range values {
		// The direct sound, then reflections that come ever more often.
		v := dice.NormFloat64() * math.Pow(10, -3*float64(i)/float64(n))
		switch {
		case i == 0:
			v = 3
		case i < o.Rate/100 && dice.IntN(20) != 0:
			v = 0
		}
		values[i] = v
		sum += v * v
	}
	for i, v := range values {
		r.response[n-1-i] = float32(v * o.Gain / math.Sqrt(sum))
	}
	r.past = make([]float32, r.delay+n)
	return r
}

// Hear returns what the microphone hears while played is given to the
// loudspeaker.
func (r *Room) Hear(played []float32) []float32 {
	for _, v := range played {
		if r.drive > 0 {
			v = float32(math.Tanh(float64(v)*2*r.drive) / (2 * r.drive))
		}
		r.past = append(r.past, v)
	}
	out := make([]float32, len(played))
	for i := range out {
		end := len(r.past) - len(played) + i - r.delay + 1
		out[i] = audio.Dot(r.past[end-len(r.response):end], r.response) + float32(r.noise*r.dice.NormFloat64())
	}
	r.past = append(r.past[:0], r.past[len(played):]...)
	return out
}
