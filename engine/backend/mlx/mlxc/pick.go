package mlxc

import "unsafe"

// What picking tokens takes beside the other operations.

// Exp returns e^a.
func (c *Calls) Exp(a Array) Array { return c.unary(fnExp, a) }

// Less returns where a < b, as bools.
func (c *Calls) Less(a, b Array) Array { return c.binary(fnLess, a, b) }

// And returns where both bools hold.
func (c *Calls) And(a, b Array) Array { return c.binary(fnLogicalAnd, a, b) }

// Cumsum returns the sums along an axis of what stands up to each place,
// itself included.
func (c *Calls) Cumsum(a Array, axis int) Array {
	const noType = 0 // an optional type without a value
	return c.done(c.call(fnCumsum, c.result(), uintptr(a), uintptr(uint32(axis)), truth(false), truth(true), noType, c.stream))
}

// Sort returns the values along the last axis, rising.
func (c *Calls) Sort(a Array) Array {
	return c.done(c.call(fnSort, c.result(), uintptr(a), uintptr(^uint32(0)), c.stream))
}

// ArgmaxOf is Argmax that leaves the axis with size 1.
func (c *Calls) ArgmaxOf(a Array) Array {
	return c.done(c.call(fnArgmax, c.result(), uintptr(a), uintptr(^uint32(0)), truth(true), c.stream))
}

// Wait waits until a is computed, and for nothing that was begun after it.
func (c *Calls) Wait(a Array) error {
	if int32(c.call(fnArrayEval, uintptr(a))) != 0 {
		c.failed()
		return c.Err()
	}
	return nil
}

// Int32s is Floats of an array of Int32.
func (c *Calls) Int32s(a Array, n int) []int32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*int32)(pointer(c.call(fnArrayDataInt32, uintptr(a)))), n)
}
