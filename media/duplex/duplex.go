// Package duplex is a microphone and a loudspeaker side by side: what comes in
// and what goes out at the same time stay together, which is what echo
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
	// Slipped says that the two directions lie otherwise to each other than
	// before: one of them had a gap.
	Slipped bool
}

// Line is both directions. Its methods may be called from any goroutine.
type Line struct {
	frames chan Frame // Ahead. Full: the oldest is dropped

	mu       sync.Mutex
	queue    []float32 // to be played
	played   int64     // samples of what was queued
	mic, far []float32 // not a frame yet
	next     int64     // the first sample of that
	pulling  bool      // there is a loudspeaker
	pushing  bool      // the microphone has begun
	slipped  bool      // since the last frame

	dropped        atomic.Int64
	pushed, pulled atomic.Int64 // when the last was, in nanoseconds since 1970
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
	l.Pull(out)
	l.Push(in)
}

// Pull fills in what is to be played next. A loudspeaker that has a clock of its
// own calls it, and its microphone Push.
func (l *Line) Pull(out []float32) {
	l.pulled.Store(time.Now().UnixNano())
	l.mu.Lock()
	defer l.mu.Unlock()
	n := copy(out, l.queue)
	clear(out[n:])
	l.queue = append(l.queue[:0], l.queue[n:]...)
	l.played += int64(n)
	if !l.pulling {
		// What the microphone heard before waits for nothing.
		l.pulling = true
		l.pad()
	}
	l.far = append(l.far, out...)
	l.deliver(time.Now())
}

// Push takes what the microphone heard.
func (l *Line) Push(in []float32) {
	now := time.Now()
	l.pushed.Store(now.UnixNano())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mic = append(l.mic, in...)
	switch ahead := len(l.far) - len(l.mic); {
	case !l.pulling:
		l.pad()
	case ahead < -slack:
		l.pad() // nothing plays
		l.slipped = true
	case ahead > slack || !l.pushing && ahead > 0:
		l.far = append(l.far[:0], l.far[ahead:]...)
		l.slipped = true
	}
	l.pushing = true
	l.deliver(now)
}

// Slip says that a device had a gap: see Frame.Slipped.
func (l *Line) Slip() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slipped = true
}

// restart forgets what lies between the two directions: other devices drive
// the line from here on.
func (l *Line) restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mic, l.far = l.mic[:0], l.far[:0]
	l.pulling, l.pushing = false, false
}

// slack is by how many samples one direction may be ahead of the other before
// they are put side by side again: the loudspeaker has stopped for a moment, or
// the two clocks differ.
const slack = 7200

// pad has silence played as long as the microphone has heard.
func (l *Line) pad() {
	for len(l.far) < len(l.mic) {
		l.far = append(l.far, 0)
	}
}

// deliver makes frames of what both directions have.
func (l *Line) deliver(now time.Time) {
	for len(l.mic) >= FrameSamples && len(l.far) >= FrameSamples {
		f := Frame{Mic: make([]float32, FrameSamples), Far: make([]float32, FrameSamples), Start: l.next, At: now, Slipped: l.slipped}
		l.slipped = false
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
