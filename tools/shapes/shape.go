package main

import "fmt"

// shape is the sizes of one model. Source: the table of the family and the
// configurations in the specification of Gemma 4; Gemma 3 from its
// config.json.
type shape struct {
	name   string
	gemma3 bool
	text   text
	audio  *tower // nil: deaf
	vision *tower // nil: blind
}

// text is the decoder.
type text struct {
	vocab, hidden, f, layers, heads int
	period                          int // every period-th layer sees everything
	kvHeads, fullKVHeads            int
	dim, fullDim                    int
	window, context                 int
	shared                          int // last layers that read the keys of others
	doubleWide                      bool
	ple                             int // width of per-layer embeddings
	keyIsValue                      bool
	experts, topExperts, expertF    int
	softCap                         float64
}

// tower is an encoder; some sizes belong to one of the two.
type tower struct {
	hidden, f, layers, heads int
	dim                      int    // of a head of the vision tower
	out                      int    // width of the audio tower's result
	channels                 [2]int // of the audio tower's convolutions
	positions                int    // rows of the vision tower's table
	clipped, standardize     bool
}

var (
	conformer = tower{hidden: 1024, f: 4096, layers: 12, heads: 8, out: 1536, channels: [2]int{128, 32}, clipped: true}
	smallEyes = tower{hidden: 768, f: 3072, layers: 16, heads: 12, dim: 64, positions: 10240, clipped: true}
	largeEyes = tower{hidden: 1152, f: 4304, layers: 27, heads: 16, dim: 72, positions: 10240, standardize: true}
)

const vocab = 262144

var shapes = []shape{
	{name: "e2b", audio: &conformer, vision: &smallEyes, text: text{
		vocab: vocab, hidden: 1536, f: 6144, layers: 35, heads: 8, period: 5, kvHeads: 1, fullKVHeads: 1, dim: 256, fullDim: 512,
		window: 512, context: 131072, shared: 20, doubleWide: true, ple: 256, softCap: 30}},
	{name: "e4b", audio: &conformer, vision: &smallEyes, text: text{
		vocab: vocab, hidden: 2560, f: 10240, layers: 42, heads: 8, period: 6, kvHeads: 2, fullKVHeads: 2, dim: 256, fullDim: 512,
		window: 512, context: 131072, shared: 18, ple: 256, softCap: 30}},
	{name: "26b-a4b", vision: &largeEyes, text: text{
		vocab: vocab, hidden: 2816, f: 2112, layers: 30, heads: 16, period: 6, kvHeads: 8, fullKVHeads: 2, dim: 256, fullDim: 512,
		window: 1024, context: 262144, keyIsValue: true, experts: 128, topExperts: 8, expertF: 704, softCap: 30}},
	{name: "31b", vision: &largeEyes, text: text{
		vocab: vocab, hidden: 5376, f: 21504, layers: 60, heads: 32, period: 6, kvHeads: 16, fullKVHeads: 4, dim: 256, fullDim: 512,
		window: 1024, context: 262144, keyIsValue: true, softCap: 30}},
	{name: "gemma3-270m", gemma3: true, text: text{
		vocab: vocab, hidden: 640, f: 2048, layers: 18, heads: 4, period: 6, kvHeads: 1, fullKVHeads: 1, dim: 256, fullDim: 256,
		window: 512, context: 32768}},
}

// cut makes the shape that of fewer layers; 0 keeps all, -1 drops a tower. The
// share of layers that read the keys of others stays, as far as a whole period
// of layers that own some is left.
func (s *shape) cut(text, audio, vision int) error {
	t := &s.text
	if text < 0 || text > t.layers || text > 0 && text < t.period {
		return fmt.Errorf("%d layers of the decoder, %s has %d in periods of %d", text, s.name, t.layers, t.period)
	}
	if text > 0 {
		t.shared = min((t.shared*text+t.layers/2)/t.layers, text-t.period)
		t.layers = text
	}
	var err error
	if s.audio, err = s.audio.cut("audio", audio); err == nil {
		s.vision, err = s.vision.cut("vision", vision)
	}
	return err
}

// cut returns the tower with n layers.
func (t *tower) cut(name string, n int) (*tower, error) {
	switch {
	case n == 0:
		return t, nil
	case n == -1:
		return nil, nil
	case t == nil:
		return nil, fmt.Errorf("%d layers of an %s tower that the model does not have", n, name)
	case n < -1 || n > t.layers:
		return nil, fmt.Errorf("%d layers of the %s tower, it has %d", n, name, t.layers)
	}
	fewer := *t
	fewer.layers = n
	return &fewer, nil
}

// full reports whether layer i sees everything.
func (t *text) full(i int) bool { return (i+1)%t.period == 0 }

// owns reports whether layer i has keys of its own.
func (t *text) owns(i int) bool { return i < t.layers-t.shared }

// head returns the sizes of the heads of layer i.
func (t *text) head(i int) (kvHeads, dim int) {
	if t.full(i) {
		return t.fullKVHeads, t.fullDim
	}
	return t.kvHeads, t.dim
}

// width returns the width of the MLP of layer i.
func (t *text) width(i int) int {
	if t.doubleWide && !t.owns(i) {
		return 2 * t.f
	}
	return t.f
}
