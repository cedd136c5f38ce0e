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

// library guards PortAudio, whose beginning and end are not safe for
// concurrent use. Its list of devices is that of its beginning.
var library sync.Mutex

// begin starts PortAudio. ALSA and JACK write to the standard error what they
// looked for and did not find; that is kept from the user.
func begin() error {
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

// Card is a sound card that drives a line.
type Card struct {
	stream        *portaudio.Stream
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
	c := &Card{failed: make(chan error, 1), done: make(chan struct{})}
	if err := c.open(l, o); err != nil {
		portaudio.Terminate()
		library.Unlock()
		return nil, err
	}
	began := time.Now()
	l.last.Store(0)
	c.watcher.Go(func() { c.runWatch(l, began) })
	return c, nil
}

// open makes and starts the stream.
func (c *Card) open(l *Line, o Options) error {
	list, infos, err := devices()
	if err != nil {
		return err
	}
	input, err := pick(list, o.Input, true)
	if err != nil {
		return err
	}
	c.input = input.Name
	p := portaudio.StreamParameters{FramesPerBuffer: portaudio.FramesPerBufferUnspecified}
	info := infos[input.Number]
	p.Input = portaudio.StreamDeviceParameters{Device: info, Channels: 1, Latency: info.DefaultLowInputLatency}
	if !o.Mute {
		output, err := pick(list, o.Output, false)
		if err != nil {
			return err
		}
		c.output = output.Name
		info := infos[output.Number]
		p.Output = portaudio.StreamDeviceParameters{Device: info, Channels: 1, Latency: info.DefaultLowOutputLatency}
	}
	for _, rate := range []int{int(Rate), 48000, input.Rate, 44100} {
		p.SampleRate = float64(rate)
		if err = c.start(l, p, rate); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: %s and %s: %w", ErrBusy, c.input, c.output, err)
}

// start makes and starts the stream at a rate.
func (c *Card) start(l *Line, p portaudio.StreamParameters, rate int) error {
	a, err := newAdapter(l, rate)
	if err != nil {
		return err
	}
	var callback any = a.exchange
	if p.Output.Device == nil {
		var nowhere []float32
		callback = func(in []float32) {
			if len(nowhere) < len(in) {
				nowhere = make([]float32, len(in))
			}
			a.exchange(in, nowhere[:len(in)])
		}
	}
	c.stream, err = portaudio.OpenStream(p, callback)
	if err != nil {
		return err
	}
	if err := c.stream.Start(); err != nil {
		return errors.Join(err, c.stream.Close())
	}
	return nil
}

// runWatch tells when the card has stopped to call.
func (c *Card) runWatch(l *Line, began time.Time) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
		}
		last := l.last.Load()
		if last == 0 && time.Since(began) > firstPatience || last != 0 && time.Since(time.Unix(0, last)) > patience {
			c.failed <- fmt.Errorf("%w: %s", ErrLost, c.input)
			return
		}
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
		err = errors.Join(c.stream.Abort(), c.stream.Close(), portaudio.Terminate())
		library.Unlock()
	})
	return err
}
