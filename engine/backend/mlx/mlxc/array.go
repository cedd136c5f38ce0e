package mlxc

import "unsafe"

// Array is a handle to an array, evaluated or still a part of the graph. 0 is
// none. It is freed by Calls.Free; the graph keeps what it needs.
type Array uintptr

// DType is the type of an array's values, as MLX numbers them.
type DType int32

// The types that are used.
const (
	Bool     DType = 0
	Uint8    DType = 1
	Uint32   DType = 3
	Int8     DType = 5
	Int32    DType = 7
	Float16  DType = 9
	Float32  DType = 10
	BFloat16 DType = 12
)

// Size returns the bytes of a value.
func (t DType) Size() int {
	switch t {
	case Bool, Uint8, Int8:
		return 1
	case Float16, BFloat16:
		return 2
	}
	return 4
}

// made counts a handle that a function returned.
func (c *Calls) made(handle uintptr) Array {
	if handle == 0 {
		c.failed()
		return 0
	}
	c.Made++
	return Array(handle)
}

// New makes an array of values, which are copied. An array of no values is
// made by Zeros.
func New[T float32 | int32 | uint32 | uint8 | int8 | bool](c *Calls, data []T, t DType, shape ...int) Array {
	if len(data) == 0 {
		return c.Zeros(t, shape...)
	}
	at, n := c.shape(0, shape)
	return c.made(c.call(fnArrayNewData, address(unsafe.SliceData(data)), at, n, uintptr(t)))
}

// Foreign makes an array of memory that is not copied where the device can
// read it as it is, and copied elsewhere. It must stay as it is for as long as
// the array or anything made of it lives.
func (c *Calls) Foreign(data []byte, t DType, shape ...int) Array {
	at, n := c.shape(0, shape)
	// The C library's free is what MLX calls at the end: free(NULL) does nothing.
	return c.made(c.call(fnArrayNewManaged, address(unsafe.SliceData(data)), at, n, uintptr(t), 0, c.lib.free))
}

// Again returns another handle to a, which is freed on its own.
func (c *Calls) Again(a Array) Array {
	return c.made(c.again(a))
}

func (c *Calls) again(a Array) uintptr {
	if int32(c.call(fnArraySet, c.result(), uintptr(a))) != 0 {
		return 0
	}
	return c.out
}

// Free gives a handle back; 0 is ignored.
func (c *Calls) Free(a Array) {
	if a != 0 {
		c.Freed++
		c.call(fnArrayFree, uintptr(a))
	}
}

// Shape returns the sizes of the axes.
func (c *Calls) Shape(a Array) []int {
	n := int(c.call(fnArrayNdim, uintptr(a)))
	if n == 0 {
		return nil
	}
	sizes := unsafe.Slice((*int32)(pointer(c.call(fnArrayShape, uintptr(a)))), n)
	shape := make([]int, n)
	for i, s := range sizes {
		shape[i] = int(s)
	}
	return shape
}

// vector makes a list of handles for C. It must be freed.
func (c *Calls) vector(list []Array) uintptr {
	return c.call(fnVectorNewData, address(unsafe.SliceData(list)), uintptr(len(list)))
}

// Eval computes the arrays and all that they are made of, and waits.
func (c *Calls) Eval(list []Array) error { return c.eval(fnEval, list) }

// AsyncEval has the arrays computed and does not wait.
func (c *Calls) AsyncEval(list []Array) error { return c.eval(fnAsyncEval, list) }

func (c *Calls) eval(f function, list []Array) error {
	if len(list) == 0 {
		return nil
	}
	v := c.vector(list)
	code := c.call(f, v)
	if int32(code) != 0 {
		c.failed()
	}
	c.call(fnVectorFree, v)
	if int32(code) != 0 {
		return c.Err()
	}
	return nil
}

// Synchronize waits for all that was begun.
func (c *Calls) Synchronize() { c.call(fnSynchronize, c.stream) }

// Floats returns the values of an evaluated contiguous float32 array. They are
// MLX's memory, valid until a is freed.
func (c *Calls) Floats(a Array, n int) []float32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(pointer(c.call(fnArrayDataFloat32, uintptr(a)))), n)
}

// Bytes is Floats of an array of Uint8.
func (c *Calls) Bytes(a Array, n int) []byte {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(c.call(fnArrayDataUint8, uintptr(a)))), n)
}

// Closure is a compiled part of a graph.
type Closure struct {
	handle  uintptr // 0: none
	release func()
}

// Made reports whether there is one.
func (f Closure) Made() bool { return f.handle != 0 }

// Compile makes a closure of f, whatever shapes its operands have. f builds
// the graph of its results, frees what it makes but those, and is called when
// the closure first is and whenever MLX has forgotten it.
func (c *Calls) Compile(f func(c *Calls, in []Array) []Array) (Closure, error) {
	plain, release := c.newClosure(f)
	if plain == 0 {
		release()
		c.failed()
		return Closure{}, c.Err()
	}
	c.out = c.call(fnClosureNew)
	code := c.call(fnCompile, address(&c.out), plain, truth(true))
	compiled := c.out
	c.call(fnClosureFree, plain)
	if int32(code) != 0 {
		release()
		c.failed()
		return Closure{}, c.Err()
	}
	return Closure{compiled, release}, nil
}

// Apply records a closure of one result.
func (c *Calls) Apply(f Closure, in ...Array) Array {
	operands := c.vector(in)
	c.number = 0
	code := c.call(fnClosureApply, address(&c.number), f.handle, operands)
	results := c.number
	c.call(fnVectorFree, operands)
	if int32(code) != 0 {
		c.failed()
		return 0
	}
	a := c.done(c.call(fnVectorGet, c.result(), results, 0))
	c.call(fnVectorFree, results)
	return a
}

// FreeClosure gives a closure back.
func (c *Calls) FreeClosure(f Closure) {
	if f.handle != 0 {
		c.call(fnClosureFree, f.handle)
		f.release()
	}
}

// trace runs f inside a closure: it takes the operands from one vector and
// puts the results into another.
func (c *Calls) trace(results *uintptr, operands uintptr, f func(c *Calls, in []Array) []Array) bool {
	in := make([]Array, c.call(fnVectorSize, operands))
	for i := range in {
		in[i] = c.done(c.call(fnVectorGet, c.result(), operands, uintptr(i)))
	}
	out := f(c, in)
	ok := c.err == nil
	if ok {
		ok = int32(c.call(fnVectorSetData, address(results), address(unsafe.SliceData(out)), uintptr(len(out)))) == 0
	}
	for _, a := range append(in, out...) {
		c.Free(a)
	}
	return ok
}
