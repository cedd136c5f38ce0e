package weights

import "hark/engine/tensor"

// Outline is a Source that is looked at without being read. A model loaded
// from it asks for its tensors as ever, and names, types and shapes are
// checked as ever, but its matrices come without bytes and its floats as
// zeros: only the headers of the files are touched. What was asked for is
// listed. One goroutine may use it.
type Outline struct {
	// Source has the files.
	Source
	// Entries, where not nil, are the tensors of the checkpoint in place of
	// those in the files. They need no Data.
	Entries map[string]Entry

	listed []Listed
}

// Listed is one tensor that a model asked for and got.
type Listed struct {
	Name   string        // canonical, of a matrix that of its values or codes
	File   string        // the file that holds it
	Shape  []int         // logical, packing undone
	DType  string        // of the values or codes, as in the file
	Format tensor.Format // how a matrix is packed; of no meaning without Group
	Bits   int           // width of a code; 0 when not quantized
	Group  int           // values a scale; 0 when not quantized
	Bytes  int64         // in the file, scales and biases included
}

// Values returns the number of values, packing undone.
func (l *Listed) Values() int64 {
	n := int64(1)
	for _, d := range l.Shape {
		n *= int64(d)
	}
	return n
}

// Listed returns what the model asked for so far, in order. A tensor asked for
// twice is listed twice; what is left over is not there.
func (o *Outline) Listed() []Listed { return o.listed }

// Bytes returns the size of the tensor in its file.
func (e *Entry) Bytes() int64 {
	n := int64(dtypeBits[e.DType])
	for _, d := range e.Shape {
		n *= int64(d)
	}
	return n / 8
}

// list notes a tensor of a checkpoint that is only looked at.
func (l *Loader) list(name string, e Entry, shape []int, more Listed) {
	o := l.c.outline
	if o == nil {
		return
	}
	more.Name, more.File, more.DType, more.Shape = name, e.File, e.DType, shape
	more.Bytes += e.Bytes()
	o.listed = append(o.listed, more)
}

// bytes returns the data of a tensor, none of it if the checkpoint is only
// looked at.
func (l *Loader) bytes(e Entry) []byte {
	if l.c.outline != nil {
		return []byte{}
	}
	if len(e.Data) > 0 {
		l.order = append(l.order, e.Data)
	}
	return e.Data
}
