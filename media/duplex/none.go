//go:build !portaudio

package duplex

// Supported says whether this build knows sound cards.
const Supported = false

// Devices returns ErrUnsupported in this build.
func Devices() ([]Device, error) { return nil, ErrUnsupported }

// Card is a sound card that drives a line. In this build there is none.
type Card struct{}

// Open returns ErrUnsupported in this build.
func Open(*Line, Options) (*Card, error) { return nil, ErrUnsupported }

// Failed returns nil in this build.
func (*Card) Failed() <-chan error { return nil }

// Names returns nothing in this build.
func (*Card) Names() (input, output string) { return "", "" }

// Close does nothing in this build.
func (*Card) Close() error { return nil }
