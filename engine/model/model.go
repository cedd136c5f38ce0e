// Package model is the contract of a model family: what the engine asks of it,
// and the registry that finds a family by the name in config.json.
//
// A family is written once against tensor.Ops and never names a backend.
//
// Start reading at Model.
package model

import (
	"encoding/json"
	"fmt"
	"slices"

	"hark/audio"
	"hark/engine/chat"
	"hark/engine/sample"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

// Info is what is known of a loaded model without running it.
type Info struct {
	Family  string // the family's registered name, "gemma4"
	Variant string // the form of it: "E2B", "12B", "tiny", …
	Layers  int    // decoder layers
	Hidden  int    // H
	Vocab   int    // V
	Context int    // positions the model was made for
	Hears   bool   // takes audio
	Sees    bool   // takes pictures
	// ClipSamples is the longest clip the model was trained on, in samples
	// at 16 kHz. Longer speech is cut into several clips.
	ClipSamples int
	// TokenSamples is the number of samples that one audio soft token stands
	// for, 640 (40 ms).
	TokenSamples int
	// Geometry is how pictures are cut when the caller has no wish.
	Geometry vision.Geometry
	// Stops are the ids that end an answer.
	Stops []token.ID
	// Suppress are ids that are never sampled.
	Suppress []token.ID
	// Sampling is how the checkpoint wants its tokens picked; the zero value,
	// greedy, where it does not say.
	Sampling sample.Options
	// Whole says that a picture must be prefilled in one piece, since its
	// soft tokens see each other.
	Whole bool
	// Decoder is the shape of the decoder; the zero value where a family
	// does not say.
	Decoder Decoder
}

// Decoder is the shape of a decoder, for people and for estimates.
type Decoder struct {
	Heads      int     // N
	PLE        int     // R, 0 without per-layer embeddings
	Experts    int     // E, 0 without a mixture of experts
	TopExperts int     // experts that a token takes
	ExpertF    int     // F of an expert
	SoftCap    float32 // of the logits, 0 for none
	Layers     []DecoderLayer
}

// DecoderLayer is the shape of one layer.
type DecoderLayer struct {
	Window  int  // positions a query sees; 0: all
	KVHeads int  // K
	Dim     int  // D
	F       int  // of the dense MLP
	KV      int  // number of the cache layer that it reads
	OwnsKV  bool // fills that cache layer itself
}

// Row is one sequence's share of a forward: ids, some of them replaced by soft
// tokens, at positions Pos, Pos+1, … of the sequence whose cache is KV.
type Row struct {
	KV     tensor.KV
	Pos    int
	IDs    []token.ID    // [t]; at soft positions the placeholder's id
	Soft   tensor.Tensor // [n, H] soft tokens, nil for none
	SoftAt []int         // [n] their indices in IDs, rising
	// Until[i] is one past the last position that row i may see in layers
	// that look ahead inside a picture; nil where all rows are causal.
	Until []int
	// Logits is the number of last rows whose logits are wanted: 0 while a
	// prompt is still coming in, 1 to sample.
	Logits int
	// Picked are ids that the device picked and the host has not read, of a
	// backend that is tensor.Ahead: number PickedAt of them stands in the place
	// of the row's only id, whatever IDs says. All rows of a forward have the
	// same ones, or none has any: nil.
	Picked   tensor.Tensor
	PickedAt int
}

// Lookup is the embedding of a forward's ids.
type Lookup func(w tensor.Weight, scale float32) tensor.Tensor

// NewLookup embeds ids [T], those of rows, or the ones that were picked where
// rows have such.
func NewLookup(b tensor.Backend, rows []Row, ids []int32) Lookup {
	if len(rows) == 0 || rows[0].Picked == nil {
		return func(w tensor.Weight, scale float32) tensor.Tensor { return b.Embed(w, ids, scale) }
	}
	index := make([]int, len(rows))
	for i, r := range rows {
		index[i] = r.PickedAt
	}
	return func(w tensor.Weight, scale float32) tensor.Tensor {
		return b.(tensor.Ahead).EmbedPicked(w, rows[0].Picked, index, scale)
	}
}

// Dims is a shape on its way to an operation. A list of arguments to a method of
// an interface is made on the heap: several for each layer of each token.
type Dims [3]int

// Of returns a shape, valid until the next call.
func (d *Dims) Of(a, b, c int) []int {
	*d = Dims{a, b, c}
	return d[:]
}

// Until lists for n rows at pos one past the last position that each sees: its
// own, and for the rows of a picture the picture's end. ahead has from and to, counted in
// rows, of the pictures; nil: all rows are causal.
func Until(pos, n int, ahead [][2]int) []int {
	if len(ahead) == 0 {
		return nil
	}
	list := make([]int, n)
	for i := range list {
		list[i] = pos + i + 1
	}
	for _, r := range ahead {
		for i := r[0]; i < r[1]; i++ {
			list[i] = pos + r[1]
		}
	}
	return list
}

// Medium is what soft tokens were made of.
type Medium uint8

// The media.
const (
	Sound Medium = iota
	Sight
	Film
)

// AudioEncoder is the tower's state of one clip. Pushing a clip in pieces
// gives the soft tokens of the whole.
type AudioEncoder interface {
	// Push returns the soft tokens [n, H] that f completes, or nil. They
	// live until the step ends.
	Push(f audio.Features) tensor.Tensor
	// Flush ends the clip and returns what only the end could decide, or nil.
	Flush(f audio.Features) tensor.Tensor
	// Fork returns an encoder that has taken in what this one has; either
	// goes on without the other noticing.
	Fork() AudioEncoder
	// Close frees the state.
	Close()
}

// PictureEncoder makes the soft tokens of a picture in several pieces of work,
// so that others need not wait for all of it.
type PictureEncoder interface {
	// Step does the next piece. The last one returns the soft tokens [n, H],
	// which live until the step ends, the others nil.
	Step() tensor.Tensor
	// Close frees the state, if Step was not called to the end.
	Close()
}

// Piece is one clip's share of Model.Hear: what Push, or with Last what Flush,
// of its encoder is given.
type Piece struct {
	Encoder AudioEncoder // one of the model's, in one share only
	Rows    audio.Features
	Last    bool
}

// Model is a loaded model. Forward, NewAudio, Hear, NewPicture, EncodePicture and Close
// are called from the step goroutine only; the others from any.
type Model interface {
	// Info returns the facts.
	Info() Info
	// Chat returns the family's chat format over its tokenizer.
	Chat() chat.Format
	// Tokenizer returns the tokenizer.
	Tokenizer() *token.Tokenizer
	// NewFrontEnd returns the front end of a new clip, nil if the model
	// cannot hear.
	NewFrontEnd() audio.FrontEnd
	// ClipTokens returns the soft tokens of a finished clip of n samples.
	ClipTokens(n int64) int
	// Cut makes a picture ready for EncodePicture, with at most tokens soft
	// tokens (0: the model's own budget).
	Cut(img *vision.Image, tokens int) (vision.Patches, error)
	// PictureTokens returns the number of soft tokens of p.
	PictureTokens(p vision.Patches) int

	// Placeholder returns the id that stands for a soft token of a medium.
	Placeholder(m Medium) token.ID

	// Forward runs the rows, fills their caches and returns the logits of
	// the rows that want some, [sum of Logits, V], in order; nil for none.
	Forward(rows []Row) tensor.Tensor
	// KVLayers describes the cache that Forward fills, with Bits 0.
	KVLayers() []tensor.KVLayer
	// NewAudio makes the tower's state for a new clip.
	NewAudio() AudioEncoder
	// Hear lets several encoders take pieces in together, which reads the
	// tower's weights once, and returns for each what Push or Flush would.
	Hear(pieces []Piece) []tensor.Tensor
	// NewPicture begins the soft tokens of a picture.
	NewPicture(p vision.Patches) PictureEncoder
	// EncodePicture returns the soft tokens of a picture, [n, H]. They live
	// until the step ends.
	EncodePicture(p vision.Patches) tensor.Tensor
}

// Load makes a model of a checkpoint on a backend. It succeeds wholly or
// fails with everything that is wrong.
type Load func(src weights.Source, b tensor.Backend) (Model, error)

var families = map[string]Load{}

// Register makes a family known under the model_type of its config.json. It
// panics if the name is taken; families call it from init.
func Register(modelType string, load Load) {
	if _, taken := families[modelType]; taken {
		panic("model: " + modelType + " registered twice")
	}
	families[modelType] = load
}

// Open loads the checkpoint in src on b, by the family that its config.json
// names.
func Open(src weights.Source, b tensor.Backend) (Model, error) {
	config, err := src.File("config.json")
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", src.Name(), err)
	}
	var head struct {
		ModelType string `json:"model_type"`
	}
	if err := json.Unmarshal(config, &head); err != nil {
		return nil, fmt.Errorf("model: %s: config.json: %w", src.Name(), err)
	}
	load, err := find(head.ModelType)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, src.Name())
	}
	return load(src, b)
}

// find returns the loader of a model_type.
func find(modelType string) (Load, error) {
	if load, ok := families[modelType]; ok {
		return load, nil
	}
	names := make([]string, 0, len(families))
	for name := range families {
		names = append(names, name)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("model: model_type %q is not known, hark runs %v", modelType, names)
}
