//go:build portaudio

package duplex

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gordonklaus/portaudio"
)

// Supported says whether this build knows sound cards.
const Supported = true

// When a card counts as lost: it has called nothing for so long, at first or
// later.
const (
	firstPatience = 10 * time.Second
	patience      = 3 * time.Second
	lookEvery     = 250 * time.Millisecond
)

// buffered is the least that is asked for between a device and the line. The
// model computes on all cores meanwhile: less of it leaves gaps in the voice.
const buffered = 60 * time.Millisecond

// library guards PortAudio, whose beginning and end are not safe for
// concurrent use. Its list of devices is that of its beginning.
var library sync.Mutex

// begin starts PortAudio. JACK and others write to the standard error what they
// looked for and did not find; that is kept from the user.
func begin() error {
	hush()
	saved, err := syscall.Dup(2)
	if err == nil {
		defer syscall.Close(saved)
		if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
			if duplicate(int(null.Fd()), 2) == nil {
				defer duplicate(saved, 2)
			}
			null.Close()
		}
	}
	if err := portaudio.Initialize(); err != nil {
		return fmt.Errorf("duplex: PortAudio: %w", err)
	}
	return nil
}

// Devices returns the devices of this machine.
func Devices() ([]Device, error) {
	library.Lock()
	defer library.Unlock()
	if err := begin(); err != nil {
		return nil, err
	}
	defer portaudio.Terminate()
	list, _, err := devices()
	return list, err
}

// devices lists what PortAudio found, and PortAudio's own words for each.
func devices() ([]Device, []*portaudio.DeviceInfo, error) {
	all, err := portaudio.Devices()
	if err != nil {
		return nil, nil, fmt.Errorf("duplex: PortAudio: %w", err)
	}
	input, _ := portaudio.DefaultInputDevice() // nil where there is none
	output, _ := portaudio.DefaultOutputDevice()
	list := make([]Device, len(all))
	for i, d := range all {
		list[i] = Device{Number: d.Index, Name: d.Name, System: d.HostApi.Name, Inputs: d.MaxInputChannels, Outputs: d.MaxOutputChannels,
			Rate: int(d.DefaultSampleRate), DefaultInput: d == input, DefaultOutput: d == output}
	}
	return list, all, nil
}

// Card is a sound card that drives a line: a stream for each direction. One
// stream for both would keep them together by itself, but stops for ever where
// one of them is late (PortAudio 19.6 on ALSA with PulseAudio behind it).
type Card struct {
	streams       []*portaudio.Stream
	input, output string
	failed        chan error // one: the first reason
	done          chan struct{}
	watcher       sync.WaitGroup
	once          sync.Once
}

// Open lets a sound card drive a line, until Close. The card has the library
// for itself meanwhile: one at a time.
func Open(l *Line, o Options) (*Card, error) {
	library.Lock()
	if err := begin(); err != nil {
		library.Unlock()
		return nil, err
	}
	l.restart()
	c := &Card{failed: make(chan error, 1), done: make(chan struct{})}
	if err := c.open(l, o); err != nil {
		c.stop()
		return nil, err
	}
	now := time.Now().Add(firstPatience - patience).UnixNano()
	l.pushed.Store(now)
	l.pulled.Store(now)
	c.watcher.Go(func() { c.runWatch(l) })
	return c, nil
}

// open makes and starts the streams, the loudspeaker first.
func (c *Card) open(l *Line, o Options) error {
	list, infos, err := devices()
	if err != nil {
		return err
	}
	input, err := pick(list, o.Input, true)
	if err != nil {
		return err
	}
	if !o.Mute {
		output, err := pick(list, o.Output, false)
		if err != nil {
			return err
		}
		c.output = output.Name
		info := infos[output.Number]
		p := portaudio.StreamParameters{Output: portaudio.StreamDeviceParameters{Device: info, Channels: 1, Latency: max(info.DefaultLowOutputLatency, buffered)}}
		if err := c.start(p, output, func(rate int) (any, error) {
			m, err := newMouth(l, rate)
			return func(out []float32, _ portaudio.StreamCallbackTimeInfo, flags portaudio.StreamCallbackFlags) {
				if flags&(portaudio.OutputUnderflow|portaudio.OutputOverflow) != 0 {
					l.Slip()
				}
				m.pull(out)
			}, err
		}); err != nil {
			return err
		}
	}
	c.input = input.Name
	info := infos[input.Number]
	p := portaudio.StreamParameters{Input: portaudio.StreamDeviceParameters{Device: info, Channels: 1, Latency: max(info.DefaultLowInputLatency, buffered)}}
	return c.start(p, input, func(rate int) (any, error) {
		e, err := newEar(l, rate)
		return func(in []float32, _ portaudio.StreamCallbackTimeInfo, flags portaudio.StreamCallbackFlags) {
			if flags&(portaudio.InputUnderflow|portaudio.InputOverflow) != 0 {
				l.Slip()
			}
			e.push(in)
		}, err
	})
}

// start makes and starts a stream, at the rate of the line if the device has
// it.
func (c *Card) start(p portaudio.StreamParameters, d Device, callback func(rate int) (any, error)) error {
	var failed error
	for _, rate := range []int{int(Rate), 48000, d.Rate, 44100} {
		call, err := callback(rate)
		if err != nil {
			failed = err
			continue
		}
		p.SampleRate, p.FramesPerBuffer = float64(rate), portaudio.FramesPerBufferUnspecified
		stream, err := portaudio.OpenStream(p, call)
		if err == nil {
			if err = stream.Start(); err == nil {
				c.streams = append(c.streams, stream)
				return nil
			}
			stream.Close() // it never ran
		}
		failed = err
	}
	return fmt.Errorf("%w: %s: %w", ErrBusy, d.Name, failed)
}

// runWatch tells when the card has stopped to call.
func (c *Card) runWatch(l *Line) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		silent := func(last int64) bool { return time.Since(time.Unix(0, last)) > patience }
		name := c.input
		if c.output != "" && silent(l.pulled.Load()) {
			name = c.output
		} else if !silent(l.pushed.Load()) {
			continue
		}
		c.failed <- fmt.Errorf("%w: %s", ErrLost, name)
		return
	}
}

// Failed gives the reason when the card has stopped by itself.
func (c *Card) Failed() <-chan error { return c.failed }

// Names returns what is used; output is "" without a loudspeaker.
func (c *Card) Names() (input, output string) { return c.input, c.output }

// Close stops the card. It may be called again.
func (c *Card) Close() error {
	var err error
	c.once.Do(func() {
		close(c.done)
		c.watcher.Wait()
		err = c.stop()
	})
	return err
}

// stop ends the streams and the library.
func (c *Card) stop() error {
	var all []error
	for _, s := range c.streams {
		all = append(all, s.Abort(), s.Close())
	}
	all = append(all, portaudio.Terminate())
	library.Unlock()
	return errors.Join(all...)
}
