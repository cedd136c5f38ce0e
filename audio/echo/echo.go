// Package echo takes the sound of a loudspeaker out of what a microphone
// beside it hears, so that somebody can interrupt a voice that is playing.
//
// The work is that of libspeexdsp (an adaptive filter, MDF, and behind it a
// suppressor of what the filter leaves), which is opened at run time where the
// system has it. Before it stands an estimate of the delay between a sample
// that is played and its echo: loudspeaker and microphone have buffers, and the
// filter is only as long as a room.
//
// Start reading at Canceller.Process.
package echo

import (
	"errors"
	"math"
	"time"

	"hark/audio"
)

// ErrNoLibrary says that the system has no libspeexdsp, or that this build
// opens no libraries.
var ErrNoLibrary = errors.New("echo: there is no libspeexdsp (on Debian: the package libspeexdsp1)")

// The form of the sound.
const (
	// Rate is that of both streams.
	Rate audio.Rate = 24000
	// FrameSamples is the length of a frame, 20 ms.
	FrameSamples = 480
)

// Options are the choices of a Canceller. The zero value works.
type Options struct {
	// Tail is the length of the filter, of the room's echo that is cancelled;
	// 0 means 240 ms.
	Tail time.Duration
	// Library is the file of libspeexdsp, "" where the system has it.
	Library string
	// KeepResidual leaves the suppressor behind the filter out.
	KeepResidual bool
}

const defaultTail = 240 * time.Millisecond

// lead is how long before its estimated place the filter expects an echo: the
// estimate counts in hops.
const lead = 30 * time.Millisecond

// Canceller cancels the echo of one loudspeaker in one microphone. One
// goroutine at a time may use it.
type Canceller struct {
	filter *filter
	delay  *delay
	played []float32 // the newest of what was played, maxDelay and a frame
	shift  int       // samples by which the filter's reference is late
	tail   int       // samples

	clean []float32 // the result

	// Powers of the microphone and of the result while an echo was expected,
	// running means, and the frames of that.
	before, after float64
	measured      int

	slipped bool // it was trained, and has to show it again
	trained bool // the echo is taken out, or there is none
	since   int  // frames since something was played
	quiet   int  // frames in a row in which something played, and nothing was heard
}

// When the filter counts as trained. Until then nothing is heard while
// something plays: what it leaves at first would be taken for the user.
const (
	enoughReturn = 17.0 // dB over enoughFrames
	enoughFrames = 50
	// After a gap of a device less will do.
	slippedReturn, slippedFrames = 12.0, 12
	noEcho                       = 60   // frames of sound, more than a second, without an echo
	silent                       = 1e-6 // mean square below which nothing plays
	unheard                      = 1e-5 // and below which nothing is heard
)

// New opens the library and returns a Canceller, which must be closed.
func New(o Options) (*Canceller, error) {
	if o.Tail == 0 {
		o.Tail = defaultTail
	}
	tail := int(o.Tail.Seconds() * float64(Rate))
	f, err := openFilter(o.Library, tail, o.KeepResidual)
	if err != nil {
		return nil, err
	}
	return &Canceller{
		filter: f,
		delay:  newDelay(),
		played: make([]float32, maxDelay+FrameSamples),
		tail:   tail,
		since:  maxDelay, // nothing was ever played
		clean:  make([]float32, FrameSamples),
	}, nil
}

// Close frees the filter.
func (c *Canceller) Close() error {
	c.filter.close()
	return nil
}

// Process returns a frame of the microphone without the echo of what was
// played. far is what was given to the loudspeaker while the frame was recorded;
// its echo may come up to a second later. Both have FrameSamples samples. The
// result is valid until the next call.
func (c *Canceller) Process(mic, far []float32) []float32 {
	copy(c.played, c.played[FrameSamples:])
	copy(c.played[maxDelay:], far)
	if found, sure := c.delay.push(mic, far); sure {
		c.follow(found)
	}
	from := maxDelay - c.shift
	reference := c.played[from : from+FrameSamples]
	c.filter.process(c.clean, mic, reference)
	c.measure(mic, far, reference)
	if !c.trained && c.since < c.lasting() {
		clear(c.clean)
	}
	return c.clean
}

// Slip says that the two streams lie otherwise to each other than before, since
// a device had a gap. The filter has to show anew that it takes the echo out,
// which a filter that still fits does soon.
func (c *Canceller) Slip() {
	c.slipped = c.slipped || c.trained
	c.measured, c.trained, c.before, c.after = 0, false, 0, 0
}

// Reset forgets the room: devices have changed.
func (c *Canceller) Reset() {
	c.filter.reset()
	c.delay = newDelay()
	c.shift, c.since, c.quiet = 0, maxDelay, 0
	c.measured, c.trained, c.slipped, c.before, c.after = 0, false, false, 0, 0
	clear(c.played)
}

// lasting returns for how many frames the echo may be heard.
func (c *Canceller) lasting() int {
	if c.delay.found == 0 {
		return maxDelay / FrameSamples
	}
	return (c.delay.found + c.tail) / FrameSamples
}

// Trained reports whether the echo is taken out, or there is none. Until then
// nothing is heard while something plays, and up to a second longer.
func (c *Canceller) Trained() bool { return c.trained }

// follow makes the filter's reference late enough for an echo that comes delay
// samples behind. A filter that covers the echo already stays as it is: to move
// it is to begin anew.
func (c *Canceller) follow(delay int) {
	const margin = 10 * int(Rate) / 1000
	behind := delay - c.shift
	if behind >= margin && behind < c.tail/2 {
		return
	}
	shift := max(0, delay-int(lead.Seconds()*float64(Rate)))
	if shift == c.shift {
		return
	}
	c.shift = shift
	c.filter.reset()
	c.measured, c.trained, c.slipped = 0, false, false
}

// measure keeps what the cancelling achieves.
func (c *Canceller) measure(mic, far, reference []float32) {
	c.since++
	if power(far) > silent {
		c.since = 0
	}
	heard := power(mic)
	if c.since > 10 || heard > unheard {
		c.quiet = 0
	} else if c.quiet++; c.quiet >= noEcho {
		c.trained = true
	}
	if power(reference) <= silent || c.delay.found == 0 {
		return
	}
	forget, frames, enough := 0.03, enoughFrames, enoughReturn
	if c.slipped {
		forget, frames, enough = 0.15, slippedFrames, slippedReturn
	}
	c.before += forget * (heard - c.before)
	c.after += forget * (power(c.clean) - c.after)
	if c.measured++; c.measured >= frames && c.Return() >= enough {
		c.trained, c.slipped = true, false
	}
}

// Delay returns how long after it was played the echo is expected, 0 as long
// as that is not known.
func (c *Canceller) Delay() time.Duration {
	return time.Duration(c.delay.found) * time.Second / time.Duration(Rate)
}

// Return returns the echo return loss enhancement in dB: by how much less is
// left while something plays, over about the last second of that. What the user
// says counts against it.
func (c *Canceller) Return() float64 {
	const least = 1e-10
	return 10 * math.Log10((c.before+least)/(c.after+least))
}

// power returns the mean square of samples.
func power(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum / float64(max(1, len(x)))
}
