package mlxc

import (
	"fmt"
	"runtime"
)

// Group is a set of processes, on one machine or several, that exchange arrays
// by MLX's distributed engine.
type Group struct {
	Rank, Size int

	handle uintptr
	stream uintptr // 0: that of the calls
}

// Join joins the group that the environment describes, by the engine of that
// name: "ring", "jaccl", "nccl", "mpi", or "any". It returns when all ranks are
// there.
func (c *Calls) Join(engine string) (*Group, error) {
	name := append([]byte(engine), 0)
	if byte(c.call(fnGroupAvailable, address(&name[0]))) == 0 {
		return nil, fmt.Errorf("mlx: this library has no distributed engine %q", engine)
	}
	c.number = 0
	code := c.call(fnGroupInit, address(&c.number), 1, address(&name[0]))
	runtime.KeepAlive(name)
	if int32(code) != 0 {
		c.failed()
		return nil, fmt.Errorf("mlx: %s: %w", engine, c.Err())
	}
	g := &Group{handle: c.number}
	g.Rank, g.Size = int(int32(c.call(fnGroupRank, g.handle))), int(int32(c.call(fnGroupSize, g.handle)))
	if engine == "nccl" { // works where the device does
		return g, nil
	}
	device := c.call(fnDeviceNewType, uintptr(CPU), 0)
	defer c.call(fnDeviceFree, device)
	if g.stream = c.call(fnStreamNewThreadUnsafe, device); g.stream == 0 {
		c.failed()
		c.Leave(g)
		return nil, c.Err()
	}
	return g, nil
}

// Leave frees the group.
func (c *Calls) Leave(g *Group) {
	if g.stream != 0 {
		c.call(fnStreamFree, g.stream)
	}
	c.call(fnGroupFree, g.handle)
	*g = Group{}
}

// AllGather joins the ranks' a along the first axis.
func (c *Calls) AllGather(a Array, g *Group) Array { return c.exchange(fnAllGather, a, g) }

// AllSum adds the ranks' a.
func (c *Calls) AllSum(a Array, g *Group) Array { return c.exchange(fnAllSum, a, g) }

func (c *Calls) exchange(f function, a Array, g *Group) Array {
	stream := g.stream
	if stream == 0 {
		stream = c.stream
	}
	return c.done(c.call(f, c.result(), uintptr(a), g.handle, stream))
}
