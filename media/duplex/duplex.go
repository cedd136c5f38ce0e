// Package duplex is a microphone and a loudspeaker on one clock: what comes in
// and what goes out in the same tick stay together, which is what echo
// cancelling needs. A sound card drives a Line (Open, in builds with the tag
// portaudio), or a clock does, with sound from files (Line.RunClock).
//
// Start reading at Line.Exchange.
package duplex

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"hark/audio"
)

// The form of the sound.
const (
	// Rate is that of both directions.
	Rate audio.Rate = 24000
	// FrameSamples is the length of a frame, 20 ms.
	FrameSamples = 480
	// FrameLength is the same as a time.
	FrameLength = FrameSamples * time.Second / time.Duration(Rate)
)

// Ahead is the number of frames that wait to be taken. Full: the oldest is
// dropped, because late sound is worth nothing.
const Ahead = 50

// Frame is 20 ms of both directions.
type Frame struct {
	// Mic is what the microphone heard, and Far what was given to the
	// loudspeaker meanwhile: FrameSamples each.
	Mic, Far []float32
	// Start is the number of the first sample since the line began.
	Start int64
	// At is when the last sample came.
	At time.Time
}

// Line is both directions. Its methods may be called from any goroutine.
type Line struct {
	frames chan Frame // Ahead. Full: the oldest is dropped

	mu       sync.Mutex
	queue    []float32 // to be played
	played   int64     // samples of what was queued
	mic, far []float32 // not a frame yet
	next     int64     // the first sample of that

	dropped atomic.Int64
	last    atomic.Int64 // when Exchange was called, in nanoseconds since 1970
}

// NewLine makes a line that nothing drives yet.
func NewLine() *Line { return &Line{frames: make(chan Frame, Ahead)} }

// Frames returns where frames come out.
func (l *Line) Frames() <-chan Frame { return l.frames }

// Dropped returns how many frames were not taken in time.
func (l *Line) Dropped() int64 { return l.dropped.Load() }

// Play queues sound behind what is queued.
func (l *Line) Play(samples []float32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, samples...)
}

// Queued returns how many samples were queued and not played.
func (l *Line) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}

// Played returns how many samples of what was queued have been played.
func (l *Line) Played() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.played
}

// Clear drops what was not played and returns how many samples that was.
func (l *Line) Clear() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.queue)
	l.queue = l.queue[:0]
	return n
}

// Exchange takes what the microphone heard and fills in what is to be played
// at the same time. Both are of one length, whatever it is. Who drives the line
// calls it, one goroutine at a time. It does not wait.
func (l *Line) Exchange(in, out []float32) {
	now := time.Now()
	l.last.Store(now.UnixNano())
	l.mu.Lock()
	defer l.mu.Unlock()
	n := copy(out, l.queue)
	clear(out[n:])
	l.queue = append(l.queue[:0], l.queue[n:]...)
	l.played += int64(n)
	l.mic = append(l.mic, in...)
	l.far = append(l.far, out...)
	for len(l.mic) >= FrameSamples {
		f := Frame{Mic: make([]float32, FrameSamples), Far: make([]float32, FrameSamples), Start: l.next, At: now}
		l.mic = append(l.mic[:0], l.mic[copy(f.Mic, l.mic):]...)
		l.far = append(l.far[:0], l.far[copy(f.Far, l.far):]...)
		l.next += FrameSamples
		l.hand(f)
	}
}

// hand gives a frame to who takes them.
func (l *Line) hand(f Frame) {
	for {
		select {
		case l.frames <- f:
			return
		default:
		}
		select {
		case <-l.frames:
			l.dropped.Add(1)
		default:
		}
	}
}

// RunClock drives the line at the pace of the clock until ctx ends or a frame
// cannot be heard. hear fills in what the microphone hears; it knows what was
// played in the frame before. play gets what is played; nil: nobody does.
func (l *Line) RunClock(ctx context.Context, hear func(in []float32) error, play func(out []float32) error) error {
	in, out := make([]float32, FrameSamples), make([]float32, FrameSamples)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; due = due.Add(FrameLength) {
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		if err := hear(in); err != nil {
			return err
		}
		l.Exchange(in, out)
		if play == nil {
			continue
		}
		if err := play(out); err != nil {
			return err
		}
	}
}
