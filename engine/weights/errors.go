package weights

import (
	"fmt"
	"strings"
)

// maxLines is the most lines Error prints of each kind; the fields have all.
const maxLines = 40

// ShapeMismatch is a tensor that is there with another shape.
type ShapeMismatch struct {
	File   string // the file that holds it
	Tensor string // canonical name
	DType  string // as in the file
	Found  []int  // shape in the file, packed where the tensor is
	Want   []int  // shape the model calls for, packed likewise
}

// LoadError is all that does not fit between a checkpoint and the model that
// was to be made of it. Names are canonical and sorted.
type LoadError struct {
	Source  string          // which checkpoint
	Missing []string        // called for and not there
	Unused  []string        // there and neither called for nor ignored
	Shapes  []ShapeMismatch // there with another shape
	Other   []string        // contradictions and wrong types, a sentence each

	want  map[string][]int // shapes of Missing
	found map[string]Entry // entries of Unused
}

// empty says that everything fits.
func (e *LoadError) empty() bool {
	return len(e.Missing)+len(e.Unused)+len(e.Shapes)+len(e.Other) == 0
}

// Error returns one line of counts and one line for each tensor: its file, its
// name, what is there and what is called for.
func (e *LoadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "weights: %s: %d missing, %d misshapen, %d unused, %d contradictory",
		e.Source, len(e.Missing), len(e.Shapes), len(e.Unused), len(e.Other))
	list(&b, len(e.Missing), func(i int) string {
		line := e.Missing[i] + ": missing"
		if want, ok := e.want[e.Missing[i]]; ok {
			line += fmt.Sprintf(", want %v", want)
		}
		return line
	})
	list(&b, len(e.Shapes), func(i int) string {
		s := e.Shapes[i]
		return fmt.Sprintf("%s: %s: %s %v, want %v", s.File, s.Tensor, s.DType, s.Found, s.Want)
	})
	list(&b, len(e.Unused), func(i int) string {
		name := e.Unused[i]
		f, ok := e.found[name]
		if !ok {
			return name + ": unused"
		}
		return fmt.Sprintf("%s: %s: %s %v, not called for", f.File, name, f.DType, f.Shape)
	})
	list(&b, len(e.Other), func(i int) string { return e.Other[i] })
	return b.String()
}

// list appends up to maxLines of n lines, and how many were left out.
func list(b *strings.Builder, n int, line func(i int) string) {
	for i := range min(n, maxLines) {
		b.WriteString("\n\t" + line(i))
	}
	if n > maxLines {
		fmt.Fprintf(b, "\n\tand %d more", n-maxLines)
	}
}
