// Package engine runs a model for many callers at once. It is the only API
// above the model: a caller describes a prompt as parts (token ids, clips of
// sound that may still be growing, pictures), and reads the tokens that the
// model answers with. Tensors never leave it.
//
//	seq, err := e.Open()
//	seq.Set(prompt)                  // keeps what the cache already holds
//	for tok, err := range seq.Generate(ctx, engine.Generate{}) { … }
//
// One goroutine, locked to its thread, steps the backend. Each step encodes
// what came in, takes one token further whoever is answering, and reads in a
// bounded piece of what others still have to prefill, so that nobody's answer
// stutters while somebody else speaks.
//
// Start reading at Load, then Sequence.Set.
package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hark/engine/chat"
	"hark/engine/grammar"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
	"hark/engine/weights"
)

// Errors that callers tell apart.
var (
	ErrClosed   = errors.New("engine: closed")
	ErrDeaf     = errors.New("engine: this model cannot hear; Gemma 4 E2B, E4B and 12B can")
	ErrBlind    = errors.New("engine: this model cannot see pictures")
	ErrTooLong  = errors.New("engine: the prompt does not fit the context")
	ErrClipFull = errors.New("engine: the clip is longer than the model can hear in one piece")
	ErrBusy     = errors.New("engine: all sequences are in use")
	ErrOverload = errors.New("engine: no sequence came free in time")
	ErrMemory   = errors.New("engine: the caches have no memory left")
)

// Options are the choices of an engine. The zero value works.
type Options struct {
	// Log receives load and failure messages; nil discards them.
	Log *slog.Logger
	// MaxSequences bounds the sequences open at once; 0 means 64.
	MaxSequences int
	// Piece is the number of prompt positions that one step reads in beside
	// the sequences that are answering; 0 means 128.
	Piece int
	// PrefixBytes bounds the memory of the caches that are kept of closed
	// sequences, so that a prompt that begins as they did need not be read in
	// again; 0 means 256 MiB, less than 0 keeps none.
	PrefixBytes int64
	// Context bounds the positions of one sequence below what the model was
	// made for; 0 means the model's own, at most 32768.
	Context int
	// CacheDir is a folder in which the caches of closed sequences are saved,
	// to be read again by the next engine with the same model; "" saves none.
	// It is made for its owner alone. The files hold what users said and
	// wrote, as the model sees it, in at most PrefixBytes.
	CacheDir string
	// CacheModel tells models apart in CacheDir. Open makes one of the
	// model's files if it is empty; Load needs one.
	CacheModel string
	// MaxWaiting bounds the callers of OpenWait that wait for a place; 0
	// means 64, less than 0 none.
	MaxWaiting int
	// KVBits says how keys and values are held: 0 as the backend computes
	// with them, 8 as codes of 8 bits.
	KVBits int
	// MaxBytes bounds the memory of all caches, counted as if they shared
	// nothing; 0 sets no bound.
	MaxBytes int64
	// StepTime is how long a step should take at most while somebody waits
	// for its end; 0 means 50 ms. What others have to read in is cut so that
	// it fits, unless a step that only answers takes longer already.
	StepTime time.Duration
	// Lookup bounds the tokens of answers that a step guesses by what stands
	// in their sequences already; 0 means 8, less than 0 none. Answers stay
	// what they are, see lookup.go.
	Lookup int
	// NoAhead has each step wait for the tokens of the one before, on devices
	// too that could go on without. Answers are the same, see ahead.go.
	NoAhead bool
}

const (
	defaultSequences = 64
	defaultPiece     = 128
	defaultContext   = 32768
	defaultPrefixes  = 256 << 20
	defaultWaiting   = 64
	defaultStepTime  = 50 * time.Millisecond
)

// Engine runs one model on one backend. Its methods may be called from any
// goroutine.
type Engine struct {
	log     *slog.Logger
	opts    Options
	info    model.Info
	model   model.Model
	backend tensor.Backend
	ahead   tensor.Ahead // backend, if it can pick tokens; nil

	// The vocabulary is read when the first grammar asks for it.
	vocabulary func() *grammar.Vocabulary

	layers       []tensor.KVLayer // of a cache
	rowsPerToken int              // rows of the front end that make a soft token

	mu       sync.Mutex
	queue    []func() // commands for the step goroutine, in order
	wake     chan struct{}
	open     int
	waiting  []*waiter // for a place, who comes first at the front
	reserved int64     // bytes of Options.MaxBytes that are paid for
	closed   bool
	done     sync.WaitGroup

	load    load
	statsMu sync.Mutex
	stats   Stats

	// Owned by the step goroutine.
	seqs     []*stepSeq
	prefixes prefixes
	hearing  []*Clip    // with rows that wait for the tower
	pictures []*Picture // that wait for theirs, or are in it
	turn     int        // who comes first in its class
	hearTurn int        // who is heard first
	logits   []float32
	picked   []int32 // ids that were read
	flight   *flight // a step that was begun ahead of its tokens; nil: none
	pace     pace
	saver    *saver    // nil: nothing is saved
	idle     time.Time // since when there was nothing to do; zero: there was
}

// Load makes an engine of a model. It takes the backend over: Close closes it.
func Load(m model.Model, b tensor.Backend, o *Options) (*Engine, error) {
	e := &Engine{model: m, backend: b, info: m.Info(), wake: make(chan struct{}, 1)}
	e.ahead, _ = b.(tensor.Ahead)
	e.vocabulary = sync.OnceValue(func() *grammar.Vocabulary { return grammar.NewVocabulary(m.Tokenizer()) })
	if o != nil {
		e.opts = *o
	}
	if e.opts.MaxSequences < 0 || e.opts.Piece < 0 || e.opts.Context < 0 || e.opts.MaxBytes < 0 || e.opts.StepTime < 0 {
		return nil, fmt.Errorf("engine: options %+v: sizes must not be negative", e.opts)
	}
	if e.opts.KVBits != 0 && e.opts.KVBits != 8 {
		return nil, fmt.Errorf("engine: keys and values of %d bits, want 0 or 8", e.opts.KVBits)
	}
	e.opts.MaxSequences = orDefault(e.opts.MaxSequences, defaultSequences)
	if e.opts.PrefixBytes == 0 {
		e.opts.PrefixBytes = defaultPrefixes
	}
	e.opts.Piece = orDefault(e.opts.Piece, defaultPiece)
	if e.opts.Lookup = orDefault(e.opts.Lookup, defaultLookup); e.opts.Lookup < 0 {
		e.opts.Lookup = 0
	}
	e.opts.MaxWaiting = orDefault(e.opts.MaxWaiting, defaultWaiting)
	e.pace = pace{most: e.opts.Piece, now: e.opts.Piece, target: e.opts.StepTime}
	if e.pace.target == 0 {
		e.pace.target = defaultStepTime
	}
	e.layers = m.KVLayers()
	for i := range e.layers {
		e.layers[i].Bits = e.opts.KVBits
	}
	e.rowsPerToken = 1
	if front := m.NewFrontEnd(); front != nil {
		e.rowsPerToken = max(1, e.info.TokenSamples/max(1, front.Flush().Hop))
	}
	e.info.Context = min(e.info.Context, orDefault(e.opts.Context, defaultContext))
	e.log = e.opts.Log
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.opts.CacheDir != "" && e.opts.PrefixBytes > 0 {
		if e.opts.CacheModel == "" {
			return nil, errors.New("engine: a folder for caches needs a name for the model")
		}
		key, err := e.saveKey(e.opts.CacheModel)
		if err != nil {
			return nil, err
		}
		if e.saver, err = newSaver(e.opts.CacheDir, key, e.opts.PrefixBytes); err != nil {
			return nil, err
		}
		e.saver.done.Add(1)
		go e.saver.run(e)
	}
	e.done.Add(1)
	go e.run()
	return e, nil
}

// Open loads the checkpoint in src on b: it finds the family by the
// model_type of config.json. src must stay open as long as the engine.
func Open(src weights.Source, b tensor.Backend, o *Options) (*Engine, error) {
	m, err := model.Open(src, b)
	if err != nil {
		return nil, err
	}
	if o != nil && o.CacheDir != "" && o.CacheModel == "" {
		named := *o
		if named.CacheModel, err = fingerprint(src); err != nil {
			return nil, err
		}
		o = &named
	}
	return Load(m, b, o)
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Model returns the facts about the model; Context is the engine's limit.
func (e *Engine) Model() model.Info { return e.info }

// Device says what computes.
func (e *Engine) Device() string { return e.backend.Device() }

// Format returns the chat format.
func (e *Engine) Format() chat.Format { return e.model.Chat() }

// Tokenizer returns the tokenizer.
func (e *Engine) Tokenizer() *token.Tokenizer { return e.model.Tokenizer() }

// Prompt renders a conversation as parts. Content.Media of the messages are
// indices into media.
func (e *Engine) Prompt(messages []chat.Message, media []Part, o chat.Options) ([]Part, error) {
	runs, err := e.model.Chat().Render(messages, o)
	if err != nil {
		return nil, err
	}
	parts := make([]Part, 0, len(runs))
	for _, r := range runs {
		switch {
		case r.Media < 0:
			parts = append(parts, Tokens(r.IDs))
		case r.Media >= len(media):
			return nil, fmt.Errorf("engine: message names medium %d of %d", r.Media, len(media))
		default:
			parts = append(parts, media[r.Media])
		}
	}
	return parts, nil
}

// Close stops after the current step, ends every answer with ErrClosed and
// frees the backend. It returns when all of that is done.
func (e *Engine) Close() error {
	e.mu.Lock()
	was := e.closed
	e.closed = true
	e.dismiss()
	e.mu.Unlock()
	e.poke()
	e.done.Wait()
	if was {
		return nil
	}
	return e.backend.Close()
}

// newKV makes an empty cache.
func (e *Engine) newKV() tensor.KV { return e.backend.NewKV(e.layers) }

// do queues a command for the step goroutine. It reports whether the engine
// still takes some.
func (e *Engine) do(command func()) bool {
	e.mu.Lock()
	ok := !e.closed
	if ok {
		e.queue = append(e.queue, command)
	}
	e.mu.Unlock()
	e.poke()
	return ok
}

func (e *Engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
