package weights

import (
	"slices"
	"sync"
	"sync/atomic"
)

// A mapped checkpoint is read by the system as its pages are touched, a little
// at a time and in the order of the first computation. ahead asks for it:
// matrix after matrix in the order in which the model asked for them, which is
// that of its layers, so that the first token is computed on the first layers
// while the later ones still stream from the disk.

// aheadBytes is how much is asked for at a time; closing waits for that.
const aheadBytes = 8 << 20

// tableBytes is more than matrices of layers have. What is larger are tables of
// embeddings, of which a token needs a row, or all of them at its end: they come
// last.
const tableBytes = 128 << 20

// ahead reads in the background. The zero value works; close it once.
type ahead struct {
	stop    atomic.Bool
	reading sync.WaitGroup
}

// read begins to ask for data, in this order but for tables.
func (a *ahead) read(data [][]byte) {
	a.reading.Go(func() {
		for _, d := range inOrder(data) {
			for len(d) > 0 && !a.stop.Load() {
				n := min(aheadBytes, len(d))
				soon(d[:n])
				d = d[n:]
			}
		}
	})
}

// inOrder returns data with tables behind the rest.
func inOrder(data [][]byte) [][]byte {
	data = slices.Clone(data)
	slices.SortStableFunc(data, func(x, y []byte) int { return min(len(x)/tableBytes, 1) - min(len(y)/tableBytes, 1) })
	return data
}

// close stops asking. The data may be unmapped then.
func (a *ahead) close() {
	a.stop.Store(true)
	a.reading.Wait()
}
