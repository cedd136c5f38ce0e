package pipe

import (
	"fmt"
	"sync"
	"time"

	"hark/audio"
	"hark/audio/resample"
	"hark/media"
)

// voice is what the session has said and the program has not read. The session
// bounds it: it never says more than 15 s ahead.
type voice struct {
	rate audio.Rate // of what is read

	mu     sync.Mutex
	stream *resample.Stream // nil before the first sound
	from   int              // the rate that stream takes
	queue  []float32
}

// add brings sound to the rate of the voice and queues it. The filter keeps the
// last two milliseconds until more comes; speech ends softer than that.
func (v *voice) add(a media.Audio) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stream == nil || v.from != a.Rate {
		stream, err := resample.New(audio.Rate(a.Rate), v.rate)
		if err != nil {
			return fmt.Errorf("pipe: %w", err)
		}
		v.stream, v.from = stream, a.Rate
	}
	v.queue = append(v.queue, v.stream.Push(a.Samples)...)
	return nil
}

// read takes from the front.
func (v *voice) read(samples []float32) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := copy(samples, v.queue)
	if v.queue = v.queue[n:]; len(v.queue) == 0 {
		v.queue = nil // the memory of what was read goes with it
	}
	return n
}

// queued returns how long what is left lasts.
func (v *voice) queued() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lasts()
}

func (v *voice) lasts() time.Duration {
	return time.Duration(len(v.queue)) * time.Second / time.Duration(v.rate)
}

// clear drops all and returns how long it would have lasted. What is said next
// has nothing of it in its filter.
func (v *voice) clear() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	left := v.lasts()
	v.queue, v.stream = nil, nil
	return left
}
