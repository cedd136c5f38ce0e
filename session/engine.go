package session

import (
	"context"
	"errors"
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
}

// Clip is sound that becomes soft tokens while it comes in.
type Clip interface {
	conversation.Medium
	// Push adds 16 kHz samples.
	Push(samples []float32) error
	// End says that the clip is complete.
	End()
}

// Sequence holds one prompt and its answer. Its methods are called from one
// goroutine at a time.
type Sequence interface {
	// Set makes the sequence hold exactly a prompt, and returns how many of
	// its positions it is known to have held already. It does not wait; the
	// answer's first token says what was found in any cache.
	Set(p Prompt) (reused int, err error)
	// Generate answers the prompt.
	Generate(ctx context.Context, o engine.Generate) iter.Seq2[engine.Token, error]
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
	return c, nil
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
		part, ok := m.(engine.Part)
		if !ok {
			return nil, fmt.Errorf("session: medium %d is a %T, not the engine's", i, m)
		}
		in[i] = part
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
			out[i].Medium = part
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

func (a adapter) Open() (Sequence, error) {
	s, err := a.e.Open()
	if err != nil {
		return nil, err
	}
	return sequence{s}, nil
}

type sequence struct{ *engine.Sequence }

// Set hands the prompt on as the engine's parts.
func (s sequence) Set(p Prompt) (int, error) {
	parts := make([]engine.Part, len(p))
	for i, part := range p {
		switch m := part.Medium.(type) {
		case nil:
			parts[i] = part.IDs
		case engine.Part:
			parts[i] = m
		default:
			return 0, errors.New("session: a medium that is not the engine's")
		}
	}
	return s.Sequence.Set(parts)
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
		s.frames = append(s.frames, turn.Frame(f))
	}
	return s.frames
}

// NewDetector returns a detector of speech at the beginning of a stream.
func NewDetector() Detector { return &silero{Detector: vad.New()} }
