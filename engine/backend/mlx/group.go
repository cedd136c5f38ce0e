package mlx

import (
	"encoding/json"
	"fmt"
	"os"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// Group exchanges tensors with the other ranks of a divided model; see package
// ranks, whose Group it is.
type Group struct {
	b *Backend
	g *mlxc.Group
}

// Join joins the processes that compute together and returns when all are
// there. With the engine "ring" addresses has one address for each rank, where
// it listens for its neighbour: TCP, on any machines. Other engines of MLX
// ("jaccl" for Thunderbolt 5 between Macs, "nccl" for CUDA) are set up by
// MLX's own environment variables. Close of the backend leaves the group.
func (b *Backend) Join(engine string, rank int, addresses []string) (*Group, error) {
	if engine == "ring" {
		hosts := make([][]string, len(addresses))
		for i, a := range addresses {
			hosts[i] = []string{a}
		}
		data, err := json.Marshal(hosts)
		if err != nil {
			return nil, fmt.Errorf("mlx: %w", err)
		}
		file, err := os.CreateTemp("", "hark-ring-*.json")
		if err != nil {
			return nil, fmt.Errorf("mlx: %w", err)
		}
		defer os.Remove(file.Name())
		if _, err := file.Write(data); err != nil {
			file.Close()
			return nil, fmt.Errorf("mlx: %w", err)
		}
		if err := file.Close(); err != nil {
			return nil, fmt.Errorf("mlx: %w", err)
		}
		b.c.Setenv("MLX_HOSTFILE", file.Name())
		b.c.Setenv("MLX_RANK", fmt.Sprint(rank))
	}
	g, err := b.c.Join(engine)
	if err != nil {
		return nil, err
	}
	if g.Rank != rank || g.Size != len(addresses) {
		b.c.Leave(g)
		return nil, fmt.Errorf("mlx: %s made this rank %d of %d, want rank %d of %d", engine, g.Rank, g.Size, rank, len(addresses))
	}
	b.group = g
	return &Group{b: b, g: g}, nil
}

// Rank is this process's number.
func (g *Group) Rank() int { return g.g.Rank }

// Size is the number of ranks.
func (g *Group) Size() int { return g.g.Size }

// GatherRows joins the ranks' x along the first axis.
func (g *Group) GatherRows(x tensor.Tensor) tensor.Tensor {
	a := in("GatherRows", x)
	return g.b.wrap("GatherRows", g.b.c.AllGather(a.h, g.g), a.with(0, a.dims[0]*g.g.Size)...)
}

// GatherCols joins the ranks' x along the last axis.
func (g *Group) GatherCols(x tensor.Tensor) tensor.Tensor {
	a, c := in("GatherCols", x), g.b.c
	n := a.last()
	rows := a.size() / n
	h := c.AllGather(g.b.temp(c.Reshape(a.h, rows, n)), g.g)
	if rows > 1 {
		h = g.b.temp(c.Reshape(g.b.temp(h), g.g.Size, rows, n))
		h = c.Transpose(h, 1, 0, 2)
	}
	shape := a.with(a.axes-1, n*g.g.Size)
	return g.b.wrap("GatherCols", c.Reshape(g.b.temp(h), shape...), shape...)
}

// Sum adds the ranks' x.
func (g *Group) Sum(x tensor.Tensor) tensor.Tensor {
	a := in("Sum", x)
	return g.b.wrap("Sum", g.b.c.AllSum(a.h, g.g), a.Shape()...)
}
