package phone

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"hark/media/opus"
)

// frameTime is the pace of the microphone.
const frameTime = opus.FrameSamples * time.Second / opus.EncodedRate

// utterance is sound for the microphone, and when its last frame was sent.
type utterance struct {
	samples []float32
	sent    chan time.Time
}

// Microphone sends a frame of sound every 20 ms from the call of On until the
// call is over: what Say queued, or silence.
type Microphone struct {
	p     *Phone
	mu    sync.Mutex
	queue []*utterance
}

// On switches the microphone on.
func (p *Phone) On() *Microphone {
	m := &Microphone{p: p}
	p.wg.Go(m.run)
	return m
}

// Say queues samples at opus.EncodedRate and returns when the last of them was
// sent. io.EOF: the call ended before.
func (m *Microphone) Say(ctx context.Context, samples []float32) (time.Time, error) {
	u := &utterance{samples, make(chan time.Time, 1)}
	m.mu.Lock()
	m.queue = append(m.queue, u)
	m.mu.Unlock()
	select {
	case at := <-u.sent:
		return at, nil
	case <-m.p.closed:
		return time.Time{}, io.EOF
	case <-ctx.Done():
		return time.Time{}, fmt.Errorf("phone: %w", ctx.Err())
	}
}

func (m *Microphone) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	frame := make([]float32, opus.FrameSamples)
	for due := time.Now(); ; due = due.Add(frameTime) { // late frames are made up for
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-m.p.closed:
			return
		}
		ended := m.next(frame)
		if m.p.Say(frame) != nil {
			return
		}
		now := time.Now()
		for _, u := range ended {
			u.sent <- now
		}
	}
}

// next fills a frame, and returns the utterances that end in it.
func (m *Microphone) next(frame []float32) (ended []*utterance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(frame)
	for n := 0; n < len(frame) && len(m.queue) > 0; {
		u := m.queue[0]
		k := copy(frame[n:], u.samples)
		u.samples = u.samples[k:]
		n += k
		if len(u.samples) == 0 {
			ended, m.queue = append(ended, u), m.queue[1:]
		}
	}
	return ended
}
