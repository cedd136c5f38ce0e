package cpu

import (
	"fmt"
	"io"

	"hark/engine/tensor"
)

// WriteTo saves the positions up to Len; see tensor.KV.
func (c *cache) WriteTo(w io.Writer) (int64, error) {
	n := c.Len()
	layers, first := make([]tensor.KVLayer, len(c.layers)), make([]int, len(c.layers))
	for i := range c.layers {
		layers[i], first[i] = c.layers[i].KVLayer, c.layers[i].first
	}
	e := tensor.NewKVEncoder(w, layers, n, first)
	for i := range c.layers {
		l := &c.layers[i]
		for pos := l.first; pos < n; pos++ {
			pg := l.pages[pos/pagePositions]
			for _, which := range []half{key, value} {
				for h := range l.Heads {
					s := l.slot(which, h, pos)
					if l.Bits == 0 {
						e.Floats(pg.data[s.at : s.at+s.dim])
					} else {
						e.Codes(pg.scales[s.scale:s.scale+s.scales()], pg.codes[s.at:s.at+s.dim])
					}
				}
			}
		}
	}
	return e.Close()
}

// ReadKV makes a cache of what WriteTo saved; see tensor.Backend.
func (b *Backend) ReadKV(layers []tensor.KVLayer, r io.Reader) (tensor.KV, error) {
	d, err := tensor.NewKVDecoder(r, layers)
	if err != nil {
		return nil, fmt.Errorf("cpu: %w", err)
	}
	c := b.NewKV(layers).(*cache)
	for i := range c.layers {
		if err := c.read(&c.layers[i], d, d.First[i]); err != nil {
			c.Free()
			return nil, fmt.Errorf("cpu: %w", err)
		}
	}
	if err := d.Close(); err != nil {
		c.Free()
		return nil, fmt.Errorf("cpu: %w", err)
	}
	return c, nil
}

// read fills a layer. Pages are made as their data comes.
func (c *cache) read(l *layerKV, d *tensor.KVDecoder, first int) error {
	l.first = first
	l.pages = make([]*page, l.gone())
	for l.n = first; l.n < d.Len; l.n++ {
		if l.n/pagePositions == len(l.pages) {
			l.pages = append(l.pages, c.b.pages.get(l.kind()))
		}
		pg := l.pages[l.n/pagePositions]
		for _, which := range []half{key, value} {
			for h := range l.Heads {
				s := l.slot(which, h, l.n)
				var err error
				if l.Bits == 0 {
					err = d.Floats(pg.data[s.at : s.at+s.dim])
				} else {
					err = d.Codes(pg.scales[s.scale:s.scale+s.scales()], pg.codes[s.at:s.at+s.dim])
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}
