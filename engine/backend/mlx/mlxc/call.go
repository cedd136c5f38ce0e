package mlxc

import (
	"math"
	"runtime"
	"unsafe"
)

// maxArgs bounds the integers of a call.
const maxArgs = 14

// frame is one call of a C function, as the trampoline in assembly reads it.
// Handles of mlx-c are structs of one pointer and so are integers to the
// calling convention; so are its optional numbers, a value with a flag above.
type frame struct {
	fn     uintptr
	ints   [maxArgs]uintptr
	floats [2]uintptr // bits of float32 in the low half
	result uintptr
}

// Calls makes calls of the library for one goroutine at a time. The memory
// that C writes to is part of it, so calls allocate nothing.
type Calls struct {
	lib    *Library
	frame  frame
	out    uintptr // where C puts the handle of a result
	number uintptr // where C puts any other result
	ints   [4][maxAxes]int32
	stream uintptr
	err    error

	// Made and Freed count the handles of arrays.
	Made, Freed int64
	// Ops counts the operations recorded.
	Ops int64

	counts [functionCount]int64
}

// Counts returns how often each function was called, by its symbol.
func (c *Calls) Counts() map[string]int64 {
	counts := map[string]int64{}
	for f, n := range c.counts {
		if n > 0 {
			counts[names[f]] = n
		}
	}
	return counts
}

// maxAxes bounds the axes of an array.
const maxAxes = 8

// call calls a function with integers.
func (c *Calls) call(f function, args ...uintptr) uintptr {
	fr := &c.frame
	fr.fn = c.lib.functions[f]
	c.counts[f]++
	copy(fr.ints[:], args)
	invoke(fr)
	return fr.result
}

// callFloat is call with one float more, wherever it stands between the
// integers.
func (c *Calls) callFloat(f function, float float32, args ...uintptr) uintptr {
	c.frame.floats[0] = uintptr(math.Float32bits(float))
	return c.call(f, args...)
}

// narrowed lays two 32-bit integers out as arguments on the stack: macOS on Arm
// packs them, other systems give each a word.
func narrowed(dst []uintptr, a, b int32) []uintptr {
	if runtime.GOOS == "darwin" && runtime.GOARCH == "arm64" {
		return append(dst, uintptr(uint32(a))|uintptr(uint32(b))<<32)
	}
	return append(dst, uintptr(uint32(a)), uintptr(uint32(b)))
}

// address returns where p points, for C. What it points to must be part of
// Calls or be kept alive until the call has ended.
func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// truth is a bool as an argument.
func truth(b bool) uintptr {
	if b {
		return 1
	}
	return 0
}

// some is an optional number as an argument: {int32, bool}.
func some(n int) uintptr { return uintptr(uint32(n)) | 1<<32 }

// done returns the handle that an operation made, 0 if it failed; then Err
// says why.
func (c *Calls) done(code uintptr) Array {
	if int32(code) != 0 {
		c.failed()
		return 0
	}
	c.Made++
	c.Ops++
	return Array(c.out)
}

// result returns the place for a result, empty.
func (c *Calls) result() uintptr {
	c.out = 0
	return address(&c.out)
}

// shape copies sizes to where C reads them and returns their place and number.
func (c *Calls) shape(slot int, sizes []int) (at, n uintptr) {
	dst := &c.ints[slot]
	for i, v := range sizes {
		dst[i] = int32(v)
	}
	return address(dst), uintptr(len(sizes))
}
