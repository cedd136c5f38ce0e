package gemma4

import (
	"hark/audio"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/vision"
)

// The 12B has no towers: squares of 48 pixels and frames of 640 samples are
// projected straight into the decoder. Source: spec section 12.

// patchWeights are the picture embedder's, C wide.
type patchWeights struct {
	LN1, LN1Bias tensor.Tensor // [side*side*3]
	Dense        tensor.Weight // [C, side*side*3]
	DenseBias    tensor.Tensor // [C]
	LN2, LN2Bias tensor.Tensor // [C]
	PosX, PosY   tensor.Weight // [positions, C]
	LN3, LN3Bias tensor.Tensor // [C]
	Project      tensor.Weight // [H, C]
}

// layerNormEps is torch's default, not the model's rms_norm_eps.
const layerNormEps = 1e-5

func (m *Model) embedBlocks(p vision.Patches) tensor.Tensor {
	w, ops := m.patch, m.ops
	count := p.Rows * p.Cols
	px, py := make([]int32, count), make([]int32, count)
	for i := range count {
		px[i], py[i] = int32(i%p.Cols), int32(i/p.Cols)
	}
	x := ops.LayerNorm(ops.Input(p.Data, count, p.Width), w.LN1, w.LN1Bias, layerNormEps) // [n, side*side*3]
	x = ops.Linear(x, w.Dense, w.DenseBias)                                               // [n, C]
	x = ops.LayerNorm(x, w.LN2, w.LN2Bias, layerNormEps)
	x = ops.Add(ops.Add(x, ops.Embed(w.PosX, px, 1)), ops.Embed(w.PosY, py, 1))
	x = ops.Name(ops.LayerNorm(x, w.LN3, w.LN3Bias, layerNormEps), "vision.tower")
	return ops.Name(ops.Linear(ops.RMSNorm(x, nil, m.cfg.Patch.Eps), w.Project, nil), "vision.embeds") // [n, H]
}

// frames is the 12B's hearing: every frame stands for itself.
type frames struct{ m *Model }

// Push projects the frames of f.
func (s frames) Push(f audio.Features) tensor.Tensor {
	return s.m.hearFrames([]model.Piece{{Rows: f}})[0]
}

// hearFrames projects the frames of several clips together.
func (m *Model) hearFrames(pieces []model.Piece) []tensor.Tensor {
	var values []float32
	width := m.cfg.Frame.Width
	for _, s := range pieces {
		values = append(values, s.Rows.Data...)
	}
	out := make([]tensor.Tensor, len(pieces))
	if len(values) == 0 {
		return out
	}
	x := m.ops.RMSNorm(m.ops.Input(values, len(values)/width, width), nil, m.cfg.Frame.Eps) // [n, 640]
	x = m.ops.Name(m.ops.Linear(x, m.frame, nil), "audio.embeds")                           // [n, H]
	at := 0
	for i, s := range pieces {
		if n := s.Rows.Rows(); n > 0 {
			out[i] = m.ops.Rows(x, at, at+n)
			at += n
		}
	}
	return out
}

// Flush projects the last frames.
func (s frames) Flush(f audio.Features) tensor.Tensor { return s.Push(f) }

// Fork returns the same: there is no state.
func (s frames) Fork() model.AudioEncoder { return s }

// Close does nothing: there is no state.
func (frames) Close() {}
