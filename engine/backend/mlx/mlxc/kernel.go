package mlxc

import "runtime"

// Kernel is a CUDA kernel of hark's own. The zero value is none.
type Kernel uintptr

// Launch says how a kernel is started: its threads and its results.
type Launch uintptr

// Result is one result of a kernel.
type Result struct {
	Shape []int
	Type  DType
}

// NewKernel makes a kernel of the body of a CUDA function, whose parameters
// are pointers to the values of in and out. It is compiled where it is first
// run.
func (c *Calls) NewKernel(name, body string, in, out []string) Kernel {
	text := func(s string) []byte { return append([]byte(s), 0) }
	list := func(names []string) uintptr {
		v := c.call(fnStringsNew)
		for _, name := range names {
			t := text(name)
			c.call(fnStringsAppend, v, address(&t[0]))
			runtime.KeepAlive(t)
		}
		return v
	}
	operands, results := list(in), list(out)
	n, b, header := text(name), text(body), text("")
	k := c.call(fnKernelNew, address(&n[0]), operands, results, address(&b[0]), address(&header[0]), truth(true), 0)
	runtime.KeepAlive(n)
	runtime.KeepAlive(b)
	runtime.KeepAlive(header)
	c.call(fnStringsFree, operands)
	c.call(fnStringsFree, results)
	if k == 0 {
		c.failed()
	}
	return Kernel(k)
}

// FreeKernel gives a kernel back.
func (c *Calls) FreeKernel(k Kernel) {
	if k != 0 {
		c.call(fnKernelFree, uintptr(k))
	}
}

// NewLaunch makes a launch of so many threads in blocks of threads.
func (c *Calls) NewLaunch(threads, block [3]int, results ...Result) Launch {
	l := c.call(fnLaunchNew)
	for _, r := range results {
		at, n := c.shape(0, r.Shape)
		c.call(fnLaunchResult, l, at, n, uintptr(r.Type))
	}
	c.call(fnLaunchGrid, l, uintptr(threads[0]), uintptr(threads[1]), uintptr(threads[2]))
	c.call(fnLaunchBlock, l, uintptr(block[0]), uintptr(block[1]), uintptr(block[2]))
	return Launch(l)
}

// FreeLaunch gives a launch back.
func (c *Calls) FreeLaunch(l Launch) {
	if l != 0 {
		c.call(fnLaunchFree, uintptr(l))
	}
}

// Run records a kernel and fills out with its results. It reports whether it
// could.
func (c *Calls) Run(k Kernel, l Launch, out []Array, in ...Array) bool {
	operands := c.vector(in)
	c.number = 0
	code := c.call(fnKernelApply, address(&c.number), uintptr(k), operands, uintptr(l), c.stream)
	results := c.number
	c.call(fnVectorFree, operands)
	if int32(code) != 0 {
		c.failed()
		return false
	}
	for i := range out {
		out[i] = c.done(c.call(fnVectorGet, c.result(), results, uintptr(i)))
	}
	c.call(fnVectorFree, results)
	return out[len(out)-1] != 0
}
