package session

import (
	"context"
	"fmt"
	"iter"

	"hark/audio/vad"
	"hark/engine"
	"hark/engine/chat"
	"hark/engine/grammar"
	"hark/engine/model"
	"hark/engine/token"
	"hark/session/conversation"
	"hark/session/realtime"
	"hark/session/turn"
	"hark/vision"
)

// Engine is what a session asks of the model. NewEngine makes one of an
// *engine.Engine; tests have their own. It is used by many sessions at once.
type Engine interface {
	// Model returns the facts about the model.
	Model() model.Info
	// NewClip begins a clip of sound.
	NewClip() (Clip, error)
	// NewPicture takes a picture; tokens bounds its soft tokens, 0 is the
	// model's own budget.
	NewPicture(img *vision.Image, tokens int) (conversation.Medium, error)
	// Prompt renders messages; their media are indices into media.
	Prompt(messages []chat.Message, media []conversation.Medium, o chat.Options) (Prompt, error)
	// Calls returns the grammar that keeps calls of tools within their
	// schemas; see chat.Format.
	Calls(tools []chat.Tool, must bool) (*grammar.Grammar, token.ID, error)
	// Parser takes apart what the model answers to a prompt.
	Parser(p Prompt, o chat.Options) chat.Parser
	// Open makes an empty sequence.
	Open() (Sequence, error)
	// OpenWait makes an empty sequence of a class, and waits for a place if
	// there is none: engine.ErrOverload if that takes too long.
	OpenWait(ctx context.Context, c engine.Class) (Sequence, error)
	// Loaded reports whether there is enough to do without guesses at what
	// may be asked for.
	Loaded() bool
}

// Clip is sound that becomes soft tokens while it comes in.
type Clip interface {
	conversation.Medium
	// Push adds 16 kHz samples.
	Push(samples []float32) error
	// End says that the clip is complete.
	End()
	// Fork returns a clip that has heard the same, and may end while this one
	// goes on.
	Fork() Clip
}

// Sequence holds one prompt and its answer. Its methods are called from one
// goroutine at a time.
type Sequence interface {
	// Set makes the sequence hold exactly a prompt, and returns how many of
	// its positions it is known to have held already. It does not wait; the
	// answer's first token says what was found in any cache.
	Set(p Prompt) (reused int, err error)
	// Slide is Set for a prompt that leaves out a stretch of what the
	// sequence holds: what follows the stretch is moved to its new place
	// instead of being read in again.
	Slide(p Prompt) (reused int, err error)
	// Generate answers the prompt.
	Generate(ctx context.Context, o engine.Generate) iter.Seq2[engine.Token, error]
	// Fork returns a sequence that holds the same.
	Fork() (Sequence, error)
	// SetClass says who comes first when there is more to do than can be
	// done. It may be called while an answer is read.
	SetClass(c engine.Class)
	// Close frees the sequence.
	Close() error
}

// Prompt is a rendered conversation.
type Prompt []Part

// Part is a piece of a prompt: ids, or a medium in their place.
type Part struct {
	IDs    engine.Tokens
	Medium conversation.Medium // nil for ids
}

// Tokens returns the positions of the part.
func (p Part) Tokens() int {
	if p.Medium == nil {
		return len(p.IDs)
	}
	return p.Medium.Tokens()
}

// Tokens returns the positions of the prompt.
func (p Prompt) Tokens() (n int) {
	for _, part := range p {
		n += part.Tokens()
	}
	return n
}

// NewEngine returns what sessions ask of e.
func NewEngine(e *engine.Engine) Engine { return adapter{e} }

type adapter struct{ e *engine.Engine }

func (a adapter) Model() model.Info { return a.e.Model() }

func (a adapter) NewClip() (Clip, error) {
	c, err := a.e.NewClip()
	if err != nil {
		return nil, err
	}
	return clip{c}, nil
}

// clip is a clip of the engine.
type clip struct{ *engine.Clip }

// Fork returns a clip that has heard the same.
func (c clip) Fork() Clip { return clip{c.Clip.Fork()} }

// part returns the engine's part that a medium is.
func part(m conversation.Medium) (engine.Part, error) {
	switch m := m.(type) {
	case clip:
		return m.Clip, nil
	case *engine.Picture:
		return m, nil
	}
	return nil, fmt.Errorf("session: a medium is a %T, not the engine's", m)
}

func (a adapter) NewPicture(img *vision.Image, tokens int) (conversation.Medium, error) {
	p, err := a.e.NewPicture(img, tokens)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (a adapter) Prompt(messages []chat.Message, media []conversation.Medium, o chat.Options) (Prompt, error) {
	in := make([]engine.Part, len(media))
	for i, m := range media {
		var err error
		if in[i], err = part(m); err != nil {
			return nil, err
		}
	}
	parts, err := a.e.Prompt(messages, in, o)
	if err != nil {
		return nil, err
	}
	out := make(Prompt, len(parts))
	for i, part := range parts {
		switch part := part.(type) {
		case engine.Tokens:
			out[i].IDs = part
		case *engine.Clip:
			out[i].Medium = clip{part}
		case *engine.Picture:
			out[i].Medium = part
		}
	}
	return out, nil
}

func (a adapter) Parser(p Prompt, o chat.Options) chat.Parser {
	format := a.e.Format()
	runs := make([]chat.Run, len(p))
	for i, part := range p {
		runs[i] = chat.Run{IDs: part.IDs, Media: -1}
	}
	o.InThought = format.InThought(runs)
	return format.NewParser(o)
}

func (a adapter) Calls(tools []chat.Tool, must bool) (*grammar.Grammar, token.ID, error) {
	return a.e.Format().Calls(tools, must)
}

// Constrain keeps the calls of tools within their schemas, and makes the
// answer consist of calls if it must. A schema that cannot be followed is an
// error only then.
func Constrain(e Engine, g *engine.Generate, tools []chat.Tool, must bool) error {
	if len(tools) == 0 {
		return nil
	}
	rules, trigger, err := e.Calls(tools, must)
	if err != nil {
		if must {
			return realtime.Invalid(realtime.CodeInvalidValue, "tools", "%v", err)
		}
		return nil
	}
	g.Grammar, g.Trigger = rules, trigger
	return nil
}

func (a adapter) Open() (Sequence, error) { return opened(a.e.Open()) }

func (a adapter) OpenWait(ctx context.Context, c engine.Class) (Sequence, error) {
	return opened(a.e.OpenWait(ctx, c))
}

func (a adapter) Loaded() bool { return a.e.Loaded() }

func opened(s *engine.Sequence, err error) (Sequence, error) {
	if err != nil {
		return nil, err
	}
	return sequence{s}, nil
}

// sequence is a sequence of the engine.
type sequence struct{ *engine.Sequence }

// Set makes the sequence hold a prompt.
func (s sequence) Set(p Prompt) (int, error) {
	parts, err := p.parts()
	if err != nil {
		return 0, err
	}
	return s.Sequence.Set(parts)
}

// Slide makes the sequence hold a prompt that leaves something out.
func (s sequence) Slide(p Prompt) (int, error) {
	parts, err := p.parts()
	if err != nil {
		return 0, err
	}
	return s.Sequence.Slide(parts)
}

// Fork returns a sequence that holds the same.
func (s sequence) Fork() (Sequence, error) { return opened(s.Sequence.Fork()) }

// parts returns the engine's parts of a prompt.
func (p Prompt) parts() ([]engine.Part, error) {
	parts := make([]engine.Part, len(p))
	for i := range p {
		if p[i].Medium == nil {
			parts[i] = p[i].IDs
			continue
		}
		var err error
		if parts[i], err = part(p[i].Medium); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// silero is the detector of sessions that were given none.
type silero struct {
	*vad.Detector
	frames []turn.Frame
}

// Push returns the frames that samples complete.
func (s *silero) Push(samples []float32) []turn.Frame {
	s.frames = s.frames[:0]
	for _, f := range s.Detector.Push(samples) {
		s.frames = append(s.frames, turn.Frame{Start: f.Start, Probability: f.Probability})
	}
	return s.frames
}

// NewDetector returns a detector of speech at the beginning of a stream.
func NewDetector() Detector { return &silero{Detector: vad.New()} }
