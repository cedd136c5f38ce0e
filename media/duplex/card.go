package duplex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"hark/audio"
	"hark/audio/resample"
)

// Errors that callers tell apart.
var (
	// ErrUnsupported says that this build knows no sound cards.
	ErrUnsupported = errors.New("duplex: this build of hark has no microphone: on Debian, apt install portaudio19-dev gcc, " +
		"then go install -tags portaudio ./cmd/hark")
	// ErrNoDevice says that there is no such microphone or loudspeaker.
	ErrNoDevice = errors.New("duplex: there is no such device")
	// ErrBusy says that another program has a device, or that it cannot be
	// used in the way that is needed.
	ErrBusy = errors.New("duplex: the device cannot be opened")
	// ErrLost says that a device has stopped: it was unplugged, or its server
	// has ended.
	ErrLost = errors.New("duplex: the sound has stopped")
)

// Device is a microphone, a loudspeaker or both.
type Device struct {
	// Number is what it can be called by, besides its name.
	Number int
	Name   string
	// System is what it belongs to, such as ALSA.
	System string
	// Inputs and Outputs are its channels, 0: it is no microphone, or no
	// loudspeaker.
	Inputs, Outputs int
	// Rate is the one that it likes best.
	Rate int
	// DefaultInput and DefaultOutput say that it is taken when none is named.
	DefaultInput, DefaultOutput bool
}

// Options choose devices. The zero value takes the usual ones.
type Options struct {
	// Input and Output are numbers, names or parts of names, as Devices lists
	// them.
	Input, Output string
	// Mute opens no loudspeaker.
	Mute bool
}

// pick returns the device that is meant: of a number, of the whole name, or of
// the only part of a name. Without a name it is the default.
func pick(all []Device, name string, input bool) (Device, error) {
	kind := map[bool]string{true: "microphone", false: "loudspeaker"}[input]
	fits := func(d Device) bool { return input && d.Inputs > 0 || !input && d.Outputs > 0 }
	var found []Device
	for _, d := range all {
		switch {
		case !fits(d):
		case name == "" && (input && d.DefaultInput || !input && d.DefaultOutput),
			name != "" && name == strconv.Itoa(d.Number), name != "" && strings.EqualFold(name, d.Name):
			return d, nil
		case name != "" && strings.Contains(strings.ToLower(d.Name), strings.ToLower(name)):
			found = append(found, d)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		var names []string
		for _, d := range found {
			names = append(names, fmt.Sprintf("%d %s", d.Number, d.Name))
		}
		return Device{}, fmt.Errorf("%w: %q may be each of %s", ErrNoDevice, name, strings.Join(names, ", "))
	case name == "":
		return Device{}, fmt.Errorf("%w: this machine has no %s", ErrNoDevice, kind)
	}
	return Device{}, fmt.Errorf("%w: no %s is called %q", ErrNoDevice, kind, name)
}

// ear pushes into a line what a microphone of another rate hears.
type ear struct {
	line   *Line
	stream *resample.Stream // nil: the rates are the same
}

func newEar(l *Line, rate int) (*ear, error) {
	e := &ear{line: l}
	var err error
	if rate != int(Rate) {
		e.stream, err = resample.New(audio.Rate(rate), Rate)
	}
	return e, err
}

// push is called by the microphone.
func (e *ear) push(in []float32) {
	if e.stream != nil {
		in = e.stream.Push(in)
	}
	e.line.Push(in)
}

// mouth pulls from a line what a loudspeaker of another rate plays.
type mouth struct {
	line   *Line
	stream *resample.Stream // nil: the rates are the same
	block  [FrameSamples / 4]float32
	rest   []float32 // at the rate of the loudspeaker, not played
}

func newMouth(l *Line, rate int) (*mouth, error) {
	m := &mouth{line: l}
	var err error
	if rate != int(Rate) {
		m.stream, err = resample.New(Rate, audio.Rate(rate))
	}
	return m, err
}

// pull is called by the loudspeaker.
func (m *mouth) pull(out []float32) {
	if m.stream == nil {
		m.line.Pull(out)
		return
	}
	for len(m.rest) < len(out) {
		m.line.Pull(m.block[:])
		m.rest = append(m.rest, m.stream.Push(m.block[:])...)
	}
	m.rest = append(m.rest[:0], m.rest[copy(out, m.rest):]...)
}
