package mlxc

import "fmt"

// Device is a kind of device.
type Device int32

// The kinds, as MLX numbers them.
const (
	CPU Device = iota
	GPU
)

// Use chooses the device that computes, by a stream of work of its own.
// Arrays may then be used from any goroutine, one at a time.
func (c *Calls) Use(d Device) error {
	device := c.call(fnDeviceNewType, uintptr(d), 0)
	if device == 0 {
		c.failed()
		return c.Err()
	}
	defer c.call(fnDeviceFree, device)
	if int32(c.call(fnSetDefaultDevice, device)) != 0 {
		c.failed()
		return c.Err()
	}
	if c.stream = c.call(fnStreamNewThreadUnsafe, device); c.stream == 0 {
		c.failed()
		return c.Err()
	}
	return nil
}

// Close frees the stream.
func (c *Calls) Close() {
	if c.stream != 0 {
		c.call(fnStreamFree, c.stream)
		c.stream = 0
	}
}

// Has reports whether there is a device of that kind.
func (c *Calls) Has(d Device) bool {
	device := c.call(fnDeviceNewType, uintptr(d), 0)
	if device == 0 {
		c.failed()
		c.err = nil
		return false
	}
	defer c.call(fnDeviceFree, device)
	c.number = 0
	code := c.call(fnDeviceIsAvailable, address(&c.number), device)
	if int32(code) != 0 {
		c.failed()
		c.err = nil
	}
	return code == 0 && byte(c.number) != 0
}

// deviceName is the key of a device's name in what MLX knows of it.
var deviceName = []byte("device_name\x00")

// Name returns what MLX calls a device, "" if it does not say.
func (c *Calls) Name(d Device) string {
	device := c.call(fnDeviceNewType, uintptr(d), 0)
	defer c.call(fnDeviceFree, device)
	c.number = c.call(fnDeviceInfoNew)
	code := c.call(fnDeviceInfoGet, address(&c.number), device)
	known := c.number
	defer c.call(fnDeviceInfoFree, known)
	if int32(code) == 0 {
		c.number = 0
		code = c.call(fnDeviceInfoGetString, address(&c.number), known, address(&deviceName[0]))
	}
	if int32(code) != 0 {
		c.failed()
		c.err = nil
		return ""
	}
	return textAt(c.number)
}

// version asks for the version of MLX.
func (c *Calls) version() string {
	c.number = c.call(fnStringNew)
	c.call(fnVersion, address(&c.number))
	s := c.number
	defer c.call(fnStringFree, s)
	return textAt(c.call(fnStringData, s))
}

// Memory is what MLX holds, in bytes.
type Memory struct {
	Active int64 // of arrays
	Cache  int64 // free, kept to be used again
	Peak   int64 // the most that was active
}

// Memory returns what MLX holds in this process.
func (c *Calls) Memory() Memory {
	ask := func(f function) int64 {
		c.number = 0
		c.call(f, address(&c.number))
		return int64(c.number)
	}
	return Memory{Active: ask(fnGetActiveMemory), Cache: ask(fnGetCacheMemory), Peak: ask(fnGetPeakMemory)}
}

// Limit bounds the memory of arrays and of what is kept free, in bytes; 0
// leaves a bound as it is. The first is a guideline to MLX.
func (c *Calls) Limit(memory, cache int64) error {
	for f, limit := range map[function]int64{fnSetMemoryLimit: memory, fnSetCacheLimit: cache} {
		if limit <= 0 {
			continue
		}
		if int32(c.call(f, address(&c.number), uintptr(limit))) != 0 {
			c.failed()
			return fmt.Errorf("mlx: memory limit of %d bytes: %w", limit, c.Err())
		}
	}
	return nil
}

// ClearCache gives back memory that is kept free.
func (c *Calls) ClearCache() { c.call(fnClearCache) }

// The modes of compiled graphs.
const (
	noFuse  = 2
	enabled = 3
)

// Fuse says whether compiled graphs join pointwise operations into kernels of
// their own, which on processors takes a compiler of C++.
func (c *Calls) Fuse(on bool) {
	mode := uintptr(noFuse)
	if on {
		mode = enabled
	}
	c.call(fnSetCompileMode, mode)
}
