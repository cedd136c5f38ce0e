package gemma4

import (
	"encoding/binary"
	"fmt"
	"math"

	"hark/engine/tensor"
)

// linear loads a projection of a tower and its clipping bounds.
func (t *table) linear(name string, clipped bool, out, in int) linear {
	l := linear{W: t.Weight(name+".linear", out, in)}
	if clipped {
		bound := func(b string) float32 { return t.Floats(name + "." + b)[0] }
		l.Clip = &clip{InMin: bound("input_min"), InMax: bound("input_max"), OutMin: bound("output_min"), OutMax: bound("output_max")}
	}
	return l
}

// planes loads a table of positions [2, n, width], columns first, as two
// matrices that share its memory.
func (t *table) planes(name string, n, width int) (x, y tensor.Weight) {
	all := t.Matrix(name, 2, n, width)
	if all.Data == nil {
		return nil, nil // noted by the loader
	}
	columns, rows, half := all, all, len(all.Data)/2
	columns.Shape, columns.Data = []int{n, width}, all.Data[:half:half]
	rows.Shape, rows.Data = []int{n, width}, all.Data[half:]
	return t.Take(columns), t.Take(rows)
}

// pairs loads a table of positions [n, 2, width], the column's values before
// the row's, as two matrices.
func (t *table) pairs(name string, n, width int) (x, y tensor.Weight) {
	all := t.Floats(name, n, 2, width)
	if t.Failed() {
		return nil, nil
	}
	plane := func(p int) tensor.Weight {
		data := make([]byte, 4*n*width)
		for i := range n {
			for k, v := range all[(2*i+p)*width : (2*i+p+1)*width] {
				binary.LittleEndian.PutUint32(data[4*(i*width+k):], math.Float32bits(v))
			}
		}
		return t.Take(tensor.Stored{Name: name, Shape: []int{n, width}, Format: tensor.F32, Data: data})
	}
	return plane(0), plane(1)
}

func (m *Model) visionTable(t *table, c *VisionConfig) {
	const base = "vision_tower."
	w := &visionWeights{Rotary: c.rotary()}
	m.vision = w
	w.Input = t.Weight(base+"patch_embedder.input_proj", c.Hidden, 3*c.Patch*c.Patch)
	w.PosX, w.PosY = t.planes(base+"patch_embedder.position_embedding_table", c.Positions, c.Hidden)
	w.Layers = make([]visionLayer, c.Layers)
	for i := range w.Layers {
		l, n := &w.Layers[i], fmt.Sprintf("%sencoder.layers.%d.", base, i)
		l.InputNorm = t.Vector(n+"input_layernorm", c.Hidden)
		l.PostAttnNorm = t.Vector(n+"post_attention_layernorm", c.Hidden)
		l.PreFFNorm = t.Vector(n+"pre_feedforward_layernorm", c.Hidden)
		l.PostFFNorm = t.Vector(n+"post_feedforward_layernorm", c.Hidden)
		l.Q = t.linear(n+"self_attn.q_proj", c.Clipped, c.Heads*c.Dim, c.Hidden)
		l.K = t.linear(n+"self_attn.k_proj", c.Clipped, c.Heads*c.Dim, c.Hidden)
		l.V = t.linear(n+"self_attn.v_proj", c.Clipped, c.Heads*c.Dim, c.Hidden)
		l.O = t.linear(n+"self_attn.o_proj", c.Clipped, c.Hidden, c.Heads*c.Dim)
		l.QNorm = t.Vector(n+"self_attn.q_norm", c.Dim)
		l.KNorm = t.Vector(n+"self_attn.k_norm", c.Dim)
		l.Gate = t.linear(n+"mlp.gate_proj", c.Clipped, c.F, c.Hidden)
		l.Up = t.linear(n+"mlp.up_proj", c.Clipped, c.F, c.Hidden)
		l.Down = t.linear(n+"mlp.down_proj", c.Clipped, c.Hidden, c.F)
	}
	if c.Standardize {
		bias := t.Floats(base+"std_bias", c.Hidden)
		for i := range bias {
			bias[i] = -bias[i]
		}
		w.StdBias = t.Constant(bias, c.Hidden)
		w.StdScale = t.Vector(base+"std_scale", c.Hidden)
	}
	w.Project = t.Weight("embed_vision.embedding_projection", m.cfg.Text.Hidden, c.Hidden)
}

func (m *Model) patchTable(t *table, c *PatchConfig) {
	const base = "vision_embedder."
	in := 3 * c.Side * c.Side
	w := &patchWeights{
		LN1: t.Vector(base+"patch_ln1.weight", in), LN1Bias: t.Vector(base+"patch_ln1.bias", in),
		Dense: t.Weight(base+"patch_dense", c.Width, in), DenseBias: t.Vector(base+"patch_dense.bias", c.Width),
		LN2: t.Vector(base+"patch_ln2.weight", c.Width), LN2Bias: t.Vector(base+"patch_ln2.bias", c.Width),
		LN3: t.Vector(base+"pos_norm.weight", c.Width), LN3Bias: t.Vector(base+"pos_norm.bias", c.Width),
		Project: t.Weight("embed_vision.embedding_projection", m.cfg.Text.Hidden, c.Width),
	}
	w.PosX, w.PosY = t.pairs(base+"pos_embedding", c.Positions, c.Width)
	m.patch = w
}

func (m *Model) audioTable(t *table, c *AudioConfig) {
	const base = "audio_tower."
	const sub = base + "subsample_conv_projection."
	a := c.Hidden
	w := &audioWeights{
		Conv0:  t.convolution(sub+"layer0.conv.weight", c.Channels[0], 1),
		Conv1:  t.convolution(sub+"layer1.conv.weight", c.Channels[1], c.Channels[0]),
		Norm0:  t.Vector(sub+"layer0.norm", c.Channels[0]),
		Norm1:  t.Vector(sub+"layer1.norm", c.Channels[1]),
		Input:  t.Weight(sub+"input_proj_linear", a, melWidth/rowsPerToken*c.Channels[1]),
		Output: t.Weight(base+"output_proj", c.Out, a), OutputBias: t.Vector(base+"output_proj.bias", c.Out),
		Project: t.Weight("embed_audio.embedding_projection", m.cfg.Text.Hidden, c.Out),
	}
	m.audio = w
	var sinusoids []float32
	if !t.Failed() {
		sinusoids = distances(c.Span, a)
	}
	w.Layers = make([]audioLayer, c.Layers)
	for i := range w.Layers {
		m.conformerTable(t, fmt.Sprintf("%slayers.%d.", base, i), &w.Layers[i], c, sinusoids)
	}
}

func (m *Model) conformerTable(t *table, n string, l *audioLayer, c *AudioConfig, sinusoids []float32) {
	a, d := c.Hidden, c.Hidden/c.Heads
	for i, f := range []*feedForward{&l.FF1, &l.FF2} { // in this order: ranks load alike
		name := fmt.Sprintf("feed_forward%d.", i+1)
		f.Pre = t.Vector(n+name+"pre_layer_norm", a)
		f.Post = t.Vector(n+name+"post_layer_norm", a)
		f.W1 = t.linear(n+name+"ffw_layer_1", c.Clipped, 4*a, a)
		f.W2 = t.linear(n+name+"ffw_layer_2", c.Clipped, a, 4*a)
	}
	l.PreAttn = t.Vector(n+"norm_pre_attn", a)
	l.PostAttn = t.Vector(n+"norm_post_attn", a)
	l.Out = t.Vector(n+"norm_out", a)
	l.Q = t.linear(n+"self_attn.q_proj", c.Clipped, a, a)
	l.K = t.linear(n+"self_attn.k_proj", c.Clipped, a, a)
	l.V = t.linear(n+"self_attn.v_proj", c.Clipped, a, a)
	l.Post = t.linear(n+"self_attn.post", c.Clipped, a, a)
	scale := t.Floats(n+"self_attn.per_dim_scale", d)
	for i, v := range scale {
		scale[i] = float32(math.Log1p(math.Exp(float64(v))) / math.Ln2 / math.Sqrt(float64(d)))
	}
	l.QScale = t.Constant(scale, d)
	if rel := t.Weight(n+"self_attn.relative_k_proj", a, a); rel != nil && !t.Broken() {
		x := t.Backend.Linear(t.Backend.Input(sinusoids, c.Span+1, a), rel, nil)
		l.Rel = t.Backend.Constant(t.Backend.Read(nil, x), c.Span+1, c.Heads, d)
		t.Backend.EndStep()
	}
	l.ConvPre = t.Vector(n+"lconv1d.pre_layer_norm", a)
	l.ConvNorm = t.Vector(n+"lconv1d.conv_norm", a)
	l.ConvStart = t.linear(n+"lconv1d.linear_start", c.Clipped, 2*a, a)
	l.ConvEnd = t.linear(n+"lconv1d.linear_end", c.Clipped, a, a)
	kernel := []int{a, 1, c.Kernel}
	if s, ok := t.Shape(n + "lconv1d.depthwise_conv1d.weight"); ok && s[len(s)-1] == 1 {
		kernel = []int{a, c.Kernel, 1} // mlx: channels last
	}
	l.Depthwise = t.Constant(t.Floats(n+"lconv1d.depthwise_conv1d.weight", kernel...), a, c.Kernel)
}

// convolution loads a 3x3 kernel set, [out, in, time, freq] in transformers'
// layout and [out, time, freq, in] in mlx's, told apart by the last axis.
func (t *table) convolution(name string, out, in int) *tensor.Convolution {
	shape, ok := t.Shape(name)
	if ok && len(shape) == 4 && shape[3] == in && shape[1] == 3 {
		return &tensor.Convolution{Out: out, In: in, Data: t.Floats(name, out, 3, 3, in)}
	}
	src := t.Floats(name, out, in, 3, 3)
	if t.Failed() {
		return nil
	}
	dst := make([]float32, len(src))
	for o := range out {
		for i := range in {
			for k := range 9 {
				dst[(o*9+k)*in+i] = src[(o*in+i)*9+k]
			}
		}
	}
	return &tensor.Convolution{Out: out, In: in, Data: dst}
}
