package main

import (
	"time"

	"hark/engine/backend/cpu"
)

// benchRoof measures the machine.
type benchRoof struct{ benchFlags }

// Run measures one thread and all of them.
func (c *benchRoof) Run() error {
	if err := c.check(); err != nil {
		return err
	}
	out, all := c.output(), cpu.Cores(c.Threads)
	for _, threads := range []int{1, all} {
		r := c.measureRoof(threads)
		row := benchRow{Bench: "roof", Device: cpu.Describe(threads)}
		for end := time.Now().Add(c.budget()); row.Runs == 0 || time.Now().Before(end); row.Runs++ {
			row.RoofGBs = max(row.RoofGBs, r.Read(roofTime)/1e9)
			row.RoofGF = max(row.RoofGF, r.Multiply(roofTime)/1e9)
		}
		r.Close()
		if err := out.add(row); err != nil {
			return err
		}
		if all == 1 {
			break
		}
	}
	return out.end()
}
