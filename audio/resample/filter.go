package resample

import (
	"math"

	"hark/audio"
)

// The filter is a sinc of 32 zero crossings to each side under a Kaiser window
// with beta 9, which keeps side lobes below -90 dB, and cuts at 0.95 of the
// lower Nyquist frequency. Source: dependencies.md 1, row resample.
const (
	crossings = 32
	beta      = 9.0
	rollOff   = 0.95
)

const (
	// maxTable bounds a table of one row a phase, in float32 values. Rates
	// that need more get a table of fewer rows and interpolate between them.
	maxTable = 1 << 19
	// fineness is the number of such rows for a filter that is not stretched.
	// Linear interpolation between them is off by (pi/4096)^2/8, -142 dB.
	fineness = 4096
)

// filter weighs input samples for one output sample.
type filter struct {
	taps    int       // a multiple of 8, which audio.Dot likes
	up      int       // phases that occur
	rows    int       // phases in the table, up or fewer
	table   []float32 // [rows or rows+1, taps]
	silence []float32 // [taps/2], zeros
}

// newFilter returns the filter from rate down to rate up, in lowest terms.
func newFilter(up, down int) *filter {
	cut := rollOff * min(1, float64(up)/float64(down)) // of the input's Nyquist
	width := crossings / cut                           // input samples
	half := (int(math.Ceil(width)) + 3) / 4 * 4
	f := &filter{taps: 2 * half, up: up, rows: up, silence: make([]float32, half)}
	count := f.rows
	if f.rows*f.taps > maxTable {
		// A stretched filter changes less from phase to phase: fewer rows do.
		f.rows = int(math.Ceil(fineness * cut))
		count = f.rows + 1
	}
	f.table = make([]float32, 0, count*f.taps)
	row := make([]float64, f.taps)
	for p := range count {
		// Tap j weighs the sample that lies j-half+1 from the output's own.
		offset, sum := float64(p)/float64(f.rows), 0.0
		for j := range row {
			row[j] = windowedSinc(float64(j-half+1)-offset, cut, width)
			sum += row[j]
		}
		for _, v := range row {
			f.table = append(f.table, float32(v/sum)) // passes 0 Hz exactly
		}
	}
	return f
}

// windowedSinc returns the impulse response at t samples from its centre.
func windowedSinc(t, cut, width float64) float64 {
	x := t / width
	if x*x >= 1 {
		return 0
	}
	window := bessel(beta*math.Sqrt(1-x*x)) / besselBeta
	if t == 0 {
		return window
	}
	angle := math.Pi * cut * t
	return window * math.Sin(angle) / angle
}

// besselBeta is the window's value before it is brought to 1 in the middle.
var besselBeta = bessel(beta)

// bessel returns the modified Bessel function of the first kind, order 0, by
// its power series.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-17; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}

// at returns the output that lies phase/up behind the middle of x, [taps].
func (f *filter) at(x []float32, phase int) float32 {
	if f.rows == f.up {
		return audio.Dot(x, f.table[phase*f.taps:])
	}
	position := phase * f.rows
	row := position / f.up
	share := float32(position%f.up) / float32(f.up)
	low := audio.Dot(x, f.table[row*f.taps:])
	high := audio.Dot(x, f.table[(row+1)*f.taps:])
	return low + share*(high-low)
}
