// Package vad tells speech from everything else: it is Silero VAD v6 for
// 16 kHz, in plain Go, with its weights inside.
//
// Start reading at Detector.Push.
package vad

import "hark/audio"

// Rate is the rate at which a Detector hears.
const Rate = audio.ModelRate

// Window is the number of samples that one probability is about, 32 ms.
const Window = 512

// context is the number of samples before a window that the model also sees.
const context = 64

// Frame is the verdict on one window of samples.
type Frame struct {
	Start       int64   // number of the window's first sample in its stream
	Probability float32 // of speech, 0 to 1; 0.5 is the usual threshold
}

// Detector listens to one stream. It keeps what the model remembers and the
// unfinished window. Detectors share their weights and are not safe for
// concurrent use.
type Detector struct {
	model   *weights
	held    [context + Window]float32 // the last window's end, then the next
	count   int                       // samples of the next window in held
	start   int64                     // number of its first sample
	hidden  [units]float32
	cell    [units]float32
	scratch scratch
	frames  []Frame // what the last call returned
}

// New returns a detector at the beginning of a stream.
func New() *Detector { return &Detector{model: load()} }

// Push takes mono samples at 16 kHz, in [-1, 1], and returns a Frame for each
// window that they complete, in order. Pieces of any size give the frames of
// the whole, bit for bit. Samples after the last whole window wait for more.
//
// The frames are valid until the next call. Push does not allocate once warm.
// A probability is within 1e-4 of what onnxruntime computes.
//
// Source: silero_vad.onnx of silero-vad 6.2.3; dependencies.md 7.
func (d *Detector) Push(samples []float32) []Frame {
	d.frames = d.frames[:0]
	for {
		n := copy(d.held[context+d.count:], samples)
		d.count += n
		samples = samples[n:]
		if d.count < Window {
			return d.frames
		}
		d.frames = append(d.frames, Frame{Start: d.start, Probability: d.step()})
		copy(d.held[:context], d.held[Window:])
		d.start += Window
		d.count = 0
	}
}

// Reset forgets everything: the stream that is pushed next begins at sample 0.
func (d *Detector) Reset() {
	*d = Detector{model: d.model, frames: d.frames[:0]}
}
