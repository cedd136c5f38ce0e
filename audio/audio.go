// Package audio holds the signal types of the listening path: PCM at a known
// rate, and the rows ("features") that a model's front end makes of it.
//
// Positions are sample or row numbers of a stream, never times: a stage that
// needs to know where it is counts what it was given.
//
// Start reading at FrontEnd.
package audio

// Rate is a number of samples per second.
type Rate int

// ModelRate is the rate at which every Gemma model hears, 16 kHz.
const ModelRate Rate = 16000

// Features are rows of one front end, in order of time.
type Features struct {
	Width int       // values a row: 128 log-mel bins, or 640 raw samples
	Hop   int       // samples from row to row: 160 or 640
	Start int64     // number of the first row in its stream
	Data  []float32 // [n, Width], row-major; valid until the next call of the front end
}

// Rows returns the number of rows in f.
func (f Features) Rows() int {
	if f.Width == 0 {
		return 0
	}
	return len(f.Data) / f.Width
}

// FrontEnd turns 16 kHz mono samples in [-1, 1] into rows. Pushing a stream in
// pieces of any size gives the rows of the whole, bit for bit. It is not safe
// for concurrent use.
type FrontEnd interface {
	// Push returns the rows that samples complete. The result may be empty.
	Push(samples []float32) Features
	// Flush ends the stream: it returns the rows that could only be decided
	// by the end, and resets the front end for the next stream.
	Flush() Features
	// Fork returns a front end that has taken in what this one has; either
	// goes on without the other noticing.
	Fork() FrontEnd
}
