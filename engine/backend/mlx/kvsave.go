package mlx

import (
	"fmt"
	"io"

	"hark/engine/backend/mlx/mlxc"
	"hark/engine/tensor"
)

// saved is the host's copy of one half of a layer: values or codes
// [K, positions, width], and scales [K, positions, groups].
type saved struct {
	data, scales  []float32
	width, groups int
}

// WriteTo saves the positions up to Len; see tensor.KV.
func (c *cache) WriteTo(w io.Writer) (int64, error) {
	if c.lost != nil {
		return 0, fmt.Errorf("mlx: save cache: it was lost: %w", c.lost)
	}
	n := c.Len()
	layers, first := make([]tensor.KVLayer, len(c.layers)), make([]int, len(c.layers))
	for i := range c.layers {
		layers[i], first[i] = c.layers[i].KVLayer, c.layers[i].first
	}
	e := tensor.NewKVEncoder(w, layers, n, first)
	for i := range c.layers {
		l := &c.layers[i]
		if l.first >= n {
			continue
		}
		keys, err := c.copied(l, &l.keys, l.keyWidth(), l.keyGroups(), n)
		if err != nil {
			return 0, fmt.Errorf("mlx: save cache: %w", err)
		}
		values, err := c.copied(l, &l.values, l.Dim, 1, n)
		if err != nil {
			return 0, fmt.Errorf("mlx: save cache: %w", err)
		}
		for pos := range n - l.first {
			for _, s := range []*saved{keys, values} {
				for h := range l.Heads {
					s.encode(e, l, h*(n-l.first)+pos)
				}
			}
		}
	}
	return e.Close()
}

// copied brings positions up to n of one half of a layer to the host.
func (c *cache) copied(l *layerKV, h *half, width, groups, n int) (*saved, error) {
	b, count := c.b, l.Heads*(n-l.first)
	floats := func(h mlxc.Array, width int) ([]float32, error) {
		x := b.temp(l.at(b.c, h, width, l.first, n))
		return b.host(nil, b.temp(b.c.AsType(x, mlxc.Float32)), count*width)
	}
	s := &saved{width: width, groups: groups}
	var err error
	if s.data, err = floats(h.data, width); err == nil && l.Bits != 0 {
		s.scales, err = floats(h.scales, groups)
	}
	return s, err
}

// encode writes the value of one head and position.
func (s *saved) encode(e *tensor.KVEncoder, l *layerKV, row int) {
	data := s.data[row*s.width : row*s.width+l.Dim]
	if l.Bits == 0 {
		e.Floats(data)
		return
	}
	codes := make([]int8, l.Dim)
	for i, v := range data {
		codes[i] = int8(v)
	}
	e.Codes(s.scales[row*s.groups:(row+1)*s.groups], codes)
}

// ReadKV makes a cache of what WriteTo saved; see tensor.Backend.
func (b *Backend) ReadKV(layers []tensor.KVLayer, r io.Reader) (tensor.KV, error) {
	d, err := tensor.NewKVDecoder(r, layers)
	if err != nil {
		return nil, fmt.Errorf("mlx: %w", err)
	}
	c := b.NewKV(layers).(*cache)
	for i := range c.layers {
		if err := c.load(&c.layers[i], d, d.First[i]); err != nil {
			c.Free()
			return nil, fmt.Errorf("mlx: %w", err)
		}
	}
	if err := d.Close(); err != nil {
		c.Free()
		return nil, fmt.Errorf("mlx: %w", err)
	}
	return c, nil
}

// load fills a layer.
func (c *cache) load(l *layerKV, d *tensor.KVDecoder, first int) error {
	l.first, l.n = first, first
	n := d.Len - first
	if n <= 0 {
		l.first, l.n = d.Len, d.Len
		return nil
	}
	keys := &saved{width: l.keyWidth(), groups: l.keyGroups()}
	values := &saved{width: l.Dim, groups: 1}
	for range n {
		for _, s := range []*saved{keys, values} {
			for range l.Heads {
				if err := s.decode(d, l); err != nil {
					return err
				}
			}
		}
	}
	if err := c.b.afford("ReadKV", 4*int64(len(keys.data)+len(values.data))); err != nil {
		return err
	}
	c.reserve(l, n)
	l.first = first
	c.write(l, &l.keys, c.half(l, keys, n), keys.width, keys.groups, first, n)
	c.write(l, &l.values, c.half(l, values, n), values.width, values.groups, first, n)
	l.n = d.Len
	c.touch(l)
	c.b.sweepTrash()
	return nil
}

// decode reads the value of one head and position.
func (s *saved) decode(d *tensor.KVDecoder, l *layerKV) error {
	at := len(s.data)
	s.data = append(s.data, make([]float32, s.width)...)
	data := s.data[at : at+l.Dim]
	if l.Bits == 0 {
		return d.Floats(data)
	}
	codes, scales := make([]int8, l.Dim), make([]float32, s.groups)
	if err := d.Codes(scales, codes); err != nil {
		return err
	}
	for i, v := range codes {
		data[i] = float32(v)
	}
	s.scales = append(s.scales, scales...)
	return nil
}

// half makes arrays of what was read, [positions, K, width] → [1, K,
// positions, width], intermediate results.
func (c *cache) half(l *layerKV, s *saved, n int) half {
	m, t := c.b.c, c.b.temp
	array := func(data []float32, width int) mlxc.Array {
		h := t(mlxc.New(m, data, mlxc.Float32, 1, n, l.Heads, width))
		return t(m.Transpose(h, 0, 2, 1, 3))
	}
	h := half{data: array(s.data, s.width)}
	if l.Bits != 0 {
		h.data, h.scales = t(m.AsType(h.data, mlxc.Int8)), array(s.scales, s.groups)
	} else if c.b.dtype != mlxc.Float32 {
		h.data = t(m.AsType(h.data, c.b.dtype))
	}
	return h
}
