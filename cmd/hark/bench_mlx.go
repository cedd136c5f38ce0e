package main

import (
	"hark/engine/backend/cpu"
	"hark/engine/backend/mlx"
	"hark/engine/tensor"
)

// onMLX is MLX as a worker whose products nobody counts.
type onMLX struct{ *mlx.Backend }

// Work returns nothing: the roofs are the processor's.
func (onMLX) Work() cpu.Work { return cpu.Work{} }

// worker starts what computes.
func (f *benchModel) worker() (worker, error) {
	if f.Backend != "mlx" {
		return cpu.New(f.backend()), nil
	}
	b, err := mlx.New(&mlx.Options{Library: f.MLXLib, Half: f.Rounded})
	if err != nil {
		return nil, err
	}
	return onMLX{b}, nil
}

// computes starts what computes for a measurement through the engine.
func (f *benchModel) computes() (tensor.Backend, error) {
	w, err := f.worker()
	if m, ok := w.(onMLX); ok {
		return m.Backend, nil // with all that it can do
	}
	return w, err
}

// split is where the time of a measurement began to be told apart.
type split struct {
	backend *mlx.Backend // nil for one that computes at once
	before  mlx.Work
}

func splitOf(w worker) split {
	m, ok := w.(onMLX)
	if !ok {
		return split{}
	}
	return split{m.Backend, m.Backend.Work()}
}

// fill gives the row the means of its repetitions, of which each took so many
// milliseconds.
func (s split) fill(row *benchRow, ms []float64) {
	if s.backend == nil || len(ms) == 0 {
		return
	}
	after, n, all := s.backend.Work(), float64(len(ms)), 0.0
	for _, v := range ms {
		all += v
	}
	row.BuildMs = (after.Building - s.before.Building).Seconds() * 1e3 / n
	row.WaitMs = (after.Waiting - s.before.Waiting).Seconds() * 1e3 / n
	row.RestMs = all/n - row.BuildMs - row.WaitMs
	row.Operations = float64(after.Operations-s.before.Operations) / n
	row.OperationNs = 1e6 * row.BuildMs / row.Operations
	row.Evaluations = float64(after.Evaluations-s.before.Evaluations) / n
}
