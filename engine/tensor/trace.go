package tensor

// Trace returns b with a listener: see is called with the name, the shape and
// the values of every activation that is given a name. The values are valid
// during the call. Reading evaluates at once, so a traced run is slow.
func Trace(b Backend, see func(name string, shape []int, values []float32)) Backend {
	return &tracer{Backend: b, see: see}
}

type tracer struct {
	Backend
	see func(name string, shape []int, values []float32)
	buf []float32
}

// Stack passes on which matrices are used together.
func (t *tracer) Stack(ws ...Weight) error {
	if j, ok := t.Backend.(Stacker); ok {
		return j.Stack(ws...)
	}
	return nil
}

// Name reads x and passes it on.
func (t *tracer) Name(x Tensor, name string) Tensor {
	t.buf = t.Backend.Read(t.buf, x)
	t.see(name, x.Shape(), t.buf)
	return t.Backend.Name(x, name)
}
