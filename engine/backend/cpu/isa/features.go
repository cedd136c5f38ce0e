package isa

// feature is an instruction set by the name that people know it by.
type feature struct {
	name string
	has  bool
}

// Features returns the names of the processor's instruction sets that matter
// for arithmetic, whether or not kernels use them.
func Features() []string {
	var names []string
	for _, f := range features() {
		if f.has {
			names = append(names, f.name)
		}
	}
	return names
}
