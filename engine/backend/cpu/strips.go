package cpu

import (
	"hark/engine/backend/cpu/kernel"
	"hark/engine/tensor"
	"hark/internal/host"
)

// Decoding reads all weights for a few products with each, so memory is what it waits for,
// and that is faster where each product reads one run of it, in huge pages: a mapped
// file lies in small ones, and has codes, scales and biases in three places. So matrices
// that were multiplied with single rows are copied, in the order in which they are read, a
// part between one step and the next: kernel.Strips has the layout. The copy costs as
// much memory as the matrix has in the file, and is made only where enough is left.

const (
	leastCopied = 32 << 20  // bytes of all matrices, below which caches hold them
	copiedStep  = 8 << 20   // bytes copied after a step, some milliseconds of work
	copiedPiece = 64 << 10  // bytes of a piece of that
	copiedPages = 256 << 20 // bytes taken at a time, used only as far as they are written
)

// copier copies matrices.
type copier struct {
	off     bool
	least   int // see leastCopied
	step    int // see copiedStep
	queue   []*weight
	bytes   int    // of the queue
	done    int    // strips of its first matrix
	rest    []byte // of the newest region
	regions [][]byte
}

// stripJob copies a matrix; an item is a strip.
type stripJob struct {
	w    *weight
	data []byte
	from int
}

func (j *stripJob) run(_, from, to int) {
	t, w := j.w.strips, j.w
	size, codes, factors := t.Size(), w.packed.bytes, 2*w.packed.groups
	from, to = from+j.from, to+j.from
	t.Data = j.data[from*size : to*size]
	from, to = from*kernel.StripRows, to*kernel.StripRows
	t.Pack(&kernel.Packed{
		Format: t.Format, Data: w.stored.Data[from*codes : to*codes], Stride: codes, Group: t.Group,
		ScaleBits: w.stored.Scales[from*factors : to*factors], BiasBits: w.stored.Biases[from*factors : to*factors],
	})
}

// strippable reports whether a matrix can be copied, and says how.
func (w *weight) strippable() (kernel.Strips, bool) {
	st := &w.stored
	if !w.packed.rounded || len(w.shape) != 2 || w.shape[0]%kernel.StripRows != 0 || st.Scale != tensor.BF16 || len(st.Scales) == 0 {
		return kernel.Strips{}, false
	}
	return (&kernel.Packed{Format: w.packed.format, Group: st.Group, ScaleBits: st.Scales}).Strips(w.in)
}

// copyLater puts a matrix that was multiplied with few rows into the queue.
func (b *Backend) copyLater(w *weight) {
	if w.queued || b.copier.off {
		return
	}
	w.queued = true
	if t, ok := w.strippable(); ok {
		w.strips = t
		b.copier.queue = append(b.copier.queue, w)
		b.copier.bytes += w.stripBytes()
	}
}

func (w *weight) stripBytes() int { return w.shape[0] / kernel.StripRows * w.strips.Size() }

// Settled reports whether nothing is left to be copied between steps.
func (b *Backend) Settled() bool {
	return b.copier.off || b.copier.bytes < b.copier.least && b.copier.regions == nil || len(b.copier.queue) == 0
}

// copySome copies a part of what is in the queue.
func (b *Backend) copySome() {
	t := &b.copier
	if b.Settled() {
		return
	}
	for left := t.step; left > 0 && len(t.queue) > 0; {
		w := t.queue[0]
		size, all := w.strips.Size(), w.shape[0]/kernel.StripRows
		if t.done == 0 && len(t.rest) < all*size && !t.grow(all*size) {
			return
		}
		n := min(max(left/size, 1), all-t.done)
		b.jobs.strip = stripJob{w: w, data: t.rest, from: t.done}
		b.pool.do(&b.jobs.strip, n, max(copiedPiece/size, 1))
		left -= n * size
		if t.done += n; t.done < all {
			return
		}
		w.strips.Data, t.rest = t.rest[:all*size:all*size], t.rest[(all*size+pageAlign-1)&^(pageAlign-1):]
		w.ahead = &w.strips.Data
		t.bytes -= all * size
		t.queue, t.done = t.queue[1:], 0
	}
}

const pageAlign = 4096

// grow takes a region for n bytes and what may come behind them. Where the machine has
// not got enough left, or no huge pages, nothing is copied any more.
func (t *copier) grow(n int) bool {
	total, available, err := host.Memory()
	if err == nil && available-int64(t.bytes) >= total/4 {
		size := (max(n, min(t.bytes+pageAlign*len(t.queue), copiedPages)) + hugePage - 1) &^ (hugePage - 1)
		if region := hugePages(size); region != nil {
			t.regions, t.rest = append(t.regions, region), region
			return true
		}
	}
	t.off, t.queue, t.rest = true, nil, nil
	return false
}

// close frees the copies, which nobody may use any more.
func (t *copier) close() {
	for _, region := range t.regions {
		freePages(region)
	}
	*t = copier{off: true}
}
