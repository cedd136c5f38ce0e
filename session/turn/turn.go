// Package turn decides when a user begins and ends to speak. Its input is the
// probability of speech in each frame of sound, and how finished what was said
// seems; its output the edges, as sample numbers. It never asks the clock.
//
// Start reading at Machine.Step.
package turn

import (
	"time"

	"hark/audio"
)

// FrameSamples is the length of a frame at audio.ModelRate, 32 ms.
const FrameSamples = 512

const (
	// onset is the number of frames in a row that make a beginning: one
	// alone is a click.
	onset = 2
	// release is how far below the threshold a voice that is speaking may
	// fall and still count.
	release = 0.15
	// gap is the pause after which going on needs an onset again.
	gap = 3 * int64(audio.ModelRate) / 10 // 0.3 s
)

// Frame is one frame of sound. Frames come without gaps.
type Frame struct {
	Start       int64   // number of its first sample
	Probability float32 // that somebody speaks in it, 0 to 1
	Finished    float32 // how likely the turn is over if this is a pause, 0 to 1; only Patience asks
}

// Edge is what a frame brought about.
type Edge int

// The edges.
const (
	None    Edge = iota
	Started      // the user begins to speak
	Likely       // the turn has probably ended: half the silence that ends it has passed, or Options.Likely
	Resumed      // it has not: the user speaks again after Likely
	Stopped      // the user's turn has ended
)

// Options say what counts as a turn. A zero Silence never ends one, unless
// there is Patience.
type Options struct {
	Threshold float64       // frames at least this probable begin a turn
	Silence   time.Duration // after the last speech, ends a turn
	Likely    time.Duration // after the last speech, probably ends one; 0, or not below Silence, is never
	Patience  Patience      // in place of Silence, unless it is zero
}

// Machine follows one stream of frames. The zero value has no threshold: set
// Options first.
type Machine struct {
	Options
	speaking bool
	likely   bool  // Likely was said, neither Resumed nor Stopped since
	run      int   // frames in a row above the threshold
	runStart int64 // first sample of the first of them
	first    int64 // first sample of the turn's first speech frame
	end      int64 // one past the last sample of its last speech frame
}

// Samples returns d in samples of audio.ModelRate.
func Samples(d time.Duration) int64 {
	return int64(d) * int64(audio.ModelRate) / int64(time.Second)
}

// Milliseconds returns n samples of audio.ModelRate in milliseconds.
func Milliseconds(n int64) int {
	return int(n * 1000 / int64(audio.ModelRate))
}

// Speaking reports whether a turn has begun and not ended.
func (m *Machine) Speaking() bool { return m.speaking }

// Speech returns the first sample of the turn's first speech frame, and one
// past the last of its last. They are those of the turn that ended last while
// nobody speaks.
func (m *Machine) Speech() (first, end int64) { return m.first, m.end }

// Reset ends a turn without saying so: what comes next begins a new one.
func (m *Machine) Reset() {
	m.speaking, m.likely, m.run = false, false, 0
}

// Step takes the next frame. A turn begins with two frames in a row at or
// above the threshold. While it lasts, frames down to 0.15 below that count as
// speech; after a pause of 0.3 s it takes two frames again to go on. The turn
// ends when Silence has passed since the last speech, or what Patience asks for
// at this frame; between Started and Stopped, Likely and Resumed take turns.
func (m *Machine) Step(f Frame) Edge {
	p := float64(f.Probability)
	end := f.Start + FrameSamples
	if p >= m.Threshold {
		if m.run == 0 {
			m.runStart = f.Start
		}
		m.run++
	} else {
		m.run = 0
	}
	if !m.speaking {
		if m.run < onset {
			return None
		}
		m.speaking, m.first, m.end = true, m.runStart, end
		return Started
	}
	silence, likely := m.Silence, m.Likely
	if m.Patience != (Patience{}) {
		silence = m.Patience.Silence(float64(f.Finished))
		likely = max(likely, silence/2)
	}
	switch {
	case m.run >= onset, p >= m.Threshold-release && f.Start-m.end < gap:
		m.end = end
		if m.likely {
			m.likely = false
			return Resumed
		}
	case silence > 0 && end-m.end >= Samples(silence):
		m.Reset()
		return Stopped
	case likely > 0 && !m.likely && end-m.end >= Samples(likely):
		m.likely = true
		return Likely
	}
	return None
}
