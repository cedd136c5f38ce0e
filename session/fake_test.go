package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/grammar"
	"hark/engine/model"
	"hark/engine/token"
	"hark/session/conversation"
	"hark/session/turn"
	"hark/vision"
)

// fakeEngine answers what a test says. Its prompts are words: one token a word.
type fakeEngine struct {
	info model.Info

	mu       sync.Mutex
	answers  []answer
	answerTo func(prompt string) answer // where answers are used up; nil: "ok"
	prompts  []string                   // of every Generate
	sets     []string                   // of every Set
	words    []string                   // by id
	open     atomic.Int64
	maxOpen  int64
	opened   []*fakeSequence // all that ever were
	loaded   atomic.Bool
	drafts   atomic.Int64 // tokens of sequences that were closed as speculations
	spoil    int          // clips and pictures that the tower will fail at
	spoilt   map[conversation.Medium]bool
}

// encode has the tower fail at m, if it is to.
func (f *fakeEngine) encode(m conversation.Medium) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spoil > 0 {
		f.spoil--
		if f.spoilt == nil {
			f.spoilt = map[conversation.Medium]bool{}
		}
		f.spoilt[m] = true
	}
}

// lost returns an error if the tower failed at a medium of a prompt.
func (f *fakeEngine) lost(p Prompt) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, part := range p {
		if part.Medium != nil && f.spoilt[part.Medium] {
			return &MediumError{Medium: part.Medium, Err: errors.New("fake: the tower failed")}
		}
	}
	return nil
}

// answer is what Generate yields.
type answer struct {
	first, pause time.Duration // before the first token, and before each other
	pieces       []string
	stop         engine.Stop
	err          error // instead of the stop
}

func newFake() *fakeEngine {
	return &fakeEngine{maxOpen: 100, info: model.Info{
		Family: "fake", Context: 4096, Hears: true, Sees: true, ClipSamples: 30 * 16000, TokenSamples: 640,
		Geometry: vision.Geometry{Patch: 16, Pool: 3, Tokens: 280},
	}}
}

func (f *fakeEngine) Model() model.Info { return f.info }

// left is the number of clips, pictures and sequences that were not closed.
func (f *fakeEngine) left() int64 { return f.open.Load() }

// fakeClip counts a token for each 640 samples.
type fakeClip struct {
	f       *fakeEngine
	root    *fakeClip // what it is a fork of, itself for none
	shared  int       // tokens that it has in common with root
	mu      sync.Mutex
	samples []float32
	ended   bool
	closed  bool
}

func (f *fakeEngine) NewClip() (Clip, error) {
	if !f.info.Hears {
		return nil, engine.ErrDeaf
	}
	f.open.Add(1)
	c := &fakeClip{f: f}
	c.root = c
	f.encode(c)
	return c, nil
}

func (c *fakeClip) Fork() Clip {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.f.open.Add(1)
	return &fakeClip{f: c.f, root: c.root, shared: len(c.samples) / 640, samples: slices.Clone(c.samples), ended: c.ended}
}

func (c *fakeClip) Push(samples []float32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.closed {
		return errors.New("fake: push to a clip that has ended")
	}
	if len(c.samples)+len(samples) > c.f.info.ClipSamples {
		return engine.ErrClipFull
	}
	c.samples = append(c.samples, samples...)
	return nil
}

func (c *fakeClip) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}

func (c *fakeClip) Tokens() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.samples) / 640
}

func (c *fakeClip) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.f.open.Add(-1)
	}
}

type fakePicture struct {
	f      *fakeEngine
	tokens int
	closed bool
}

func (f *fakeEngine) NewPicture(img *vision.Image, tokens int) (conversation.Medium, error) {
	if !f.info.Sees {
		return nil, engine.ErrBlind
	}
	if tokens == 0 {
		tokens = f.info.Geometry.Tokens
	}
	f.open.Add(1)
	p := &fakePicture{f: f, tokens: tokens}
	f.encode(p)
	return p, nil
}

func (p *fakePicture) Tokens() int { return p.tokens }

func (p *fakePicture) Close() {
	if !p.closed {
		p.closed = true
		p.f.open.Add(-1)
	}
}

// Prompt writes "<role" word… "role>" for each message.
func (f *fakeEngine) Prompt(messages []chat.Message, media []conversation.Medium, o chat.Options) (Prompt, error) {
	var p Prompt
	say := func(words ...string) {
		for _, w := range words {
			if n := len(p); n == 0 || p[n-1].Medium != nil {
				p = append(p, Part{})
			}
			p[len(p)-1].IDs = append(p[len(p)-1].IDs, f.id(w))
		}
	}
	for _, t := range o.Tools {
		say("tool:" + t.Name)
	}
	for i, m := range messages {
		say("<" + string(m.Role))
		for _, c := range m.Content {
			switch {
			case c.Kind != chat.Text:
				p = append(p, Part{Medium: media[c.Media]})
			case c.IDs != nil:
				p = append(p, Part{IDs: c.IDs})
			default:
				say(strings.Fields(c.Text)...)
			}
		}
		for _, c := range m.ToolCalls {
			say(fmt.Sprintf("call:%s%s", c.Name, c.Arguments))
		}
		if i < len(messages)-1 || !o.Open {
			say(string(m.Role) + ">")
		}
	}
	if o.Generate {
		say("<assistant")
	}
	return p, nil
}

// id returns the token of a word.
func (f *fakeEngine) id(word string) token.ID {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.words {
		if w == word {
			return token.ID(i)
		}
	}
	f.words = append(f.words, word)
	return token.ID(len(f.words) - 1)
}

func (c *fakeClip) show() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return fmt.Sprintf("[sound %d]", len(c.samples)/640)
	}
	return fmt.Sprintf("[sound %d…]", len(c.samples)/640)
}

// asked returns the prompts of all answers, and read those that were set.
func (f *fakeEngine) asked() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.prompts)
}

func (f *fakeEngine) read() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sets)
}

// show prints a prompt: words, [sound TOKENS], [picture TOKENS]. f.mu is held.
func (f *fakeEngine) show(p Prompt) string {
	var words []string
	for _, part := range p {
		switch m := part.Medium.(type) {
		case nil:
			for _, id := range part.IDs {
				words = append(words, f.words[id])
			}
		case *fakeClip:
			words = append(words, m.show())
		case *fakePicture:
			words = append(words, fmt.Sprintf("[picture %d]", m.tokens))
		}
	}
	return strings.Join(words, " ")
}

type fakeSequence struct {
	f      *fakeEngine
	prompt Prompt
	cached int // positions held since the last answer
	class  atomic.Int64
	drafts atomic.Int64 // tokens written as a speculation
	busy   atomic.Bool
	closed bool
}

func (f *fakeEngine) Open() (Sequence, error) {
	if f.open.Load() >= f.maxOpen {
		return nil, engine.ErrBusy
	}
	f.open.Add(1)
	s := &fakeSequence{f: f, cached: math.MaxInt}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, s)
	return s, nil
}

func (f *fakeEngine) OpenWait(_ context.Context, c engine.Class) (Sequence, error) {
	s, err := f.Open()
	if err != nil {
		return nil, engine.ErrOverload
	}
	s.SetClass(c)
	return s, nil
}

func (f *fakeEngine) Loaded() bool { return f.loaded.Load() }

func (s *fakeSequence) Fork() (Sequence, error) {
	if s.busy.Load() {
		return nil, errors.New("fake: Fork while an answer is read")
	}
	f, err := s.f.Open()
	if err != nil {
		return nil, err
	}
	f.(*fakeSequence).prompt, f.(*fakeSequence).cached = slices.Clone(s.prompt), s.cached
	f.SetClass(engine.Class(s.class.Load()))
	return f, nil
}

func (s *fakeSequence) SetClass(c engine.Class) { s.class.Store(int64(c)) }

// Slide is Set, and shows that it was called.
func (s *fakeSequence) Slide(p Prompt) (int, error) {
	n, err := s.Set(p)
	if err == nil {
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		last := len(s.f.sets) - 1
		s.f.sets[last] = "slide: " + s.f.sets[last]
	}
	return n, err
}

// flat lists what a prompt holds, an element each.
func flat(p Prompt) (all []any) {
	for _, part := range p {
		for _, id := range part.IDs {
			all = append(all, id)
		}
		if part.Medium != nil {
			all = append(all, part.Medium)
		}
	}
	return all
}

func (s *fakeSequence) Set(p Prompt) (reused int, err error) {
	if s.busy.Load() {
		return 0, errors.New("fake: Set while an answer is read")
	}
	for _, part := range p {
		if c, ok := part.Medium.(*fakeClip); ok && c.closed {
			return 0, errors.New("fake: a closed clip in a prompt")
		}
	}
	if p.Tokens() >= s.f.info.Context {
		return 0, engine.ErrTooLong
	}
	before, now := flat(s.prompt), flat(p)
	for i := 0; i < len(before) && i < len(now); i++ {
		if before[i] != now[i] {
			a, ok := before[i].(*fakeClip)
			b, also := now[i].(*fakeClip)
			if ok && also && a.root == b.root {
				reused += max(a.shared, b.shared)
			}
			break
		}
		if m, ok := now[i].(conversation.Medium); ok {
			reused += m.Tokens()
		} else {
			reused++
		}
	}
	s.prompt, s.cached = p, min(s.cached, reused)
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.f.sets = append(s.f.sets, s.f.show(p))
	return reused, nil
}

// Generate makes tokens in a goroutine of its own, Ahead tokens ahead of the
// reader, as the engine does.
func (s *fakeSequence) Generate(ctx context.Context, g engine.Generate) iter.Seq2[engine.Token, error] {
	return func(yield func(engine.Token, error) bool) {
		s.busy.Store(true)
		defer s.busy.Store(false)
		if err := s.f.lost(s.prompt); err != nil {
			yield(engine.Token{}, err)
			return
		}
		defer func() { s.cached = math.MaxInt }() // of what comes, all is new that is not in it now
		ctx, cancel := context.WithCancel(ctx)
		ahead := g.Ahead
		if ahead == 0 {
			ahead = 64
		}
		made := make(chan made, ahead)
		var maker sync.WaitGroup
		defer maker.Wait()
		defer cancel()
		s.f.mu.Lock()
		shown := s.f.show(s.prompt)
		s.f.mu.Unlock()
		maker.Go(func() {
			defer close(made)
			s.make(ctx, g, shown, made)
		})
		for {
			select {
			case <-ctx.Done():
				yield(engine.Token{}, ctx.Err())
				return
			case m, ok := <-made:
				if !ok {
					return
				}
				if m.err == nil && m.token.Stop != engine.StopEOS {
					s.prompt = append(s.prompt, Part{IDs: engine.Tokens{m.token.ID}})
				}
				if !yield(m.token, m.err) || m.err != nil {
					return
				}
			}
		}
	}
}

// made is what Generate yields.
type made struct {
	token engine.Token
	err   error
}

// make makes the tokens of one answer.
func (s *fakeSequence) make(ctx context.Context, g engine.Generate, prompt string, out chan<- made) {
	s.f.mu.Lock()
	s.f.prompts = append(s.f.prompts, prompt)
	a := answer{pieces: []string{"ok"}}
	if len(s.f.answers) > 0 {
		a, s.f.answers = s.f.answers[0], s.f.answers[1:]
	} else if s.f.answerTo != nil {
		a = s.f.answerTo(prompt)
	}
	s.f.mu.Unlock()
	cached := s.cached
	put := func(m made) bool {
		select {
		case out <- m:
			return true
		case <-ctx.Done():
			return false
		}
	}
	pause := a.first
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = a.pause
		if i == len(a.pieces) {
			break
		}
		t := engine.Token{ID: s.f.id(a.pieces[i]), Text: a.pieces[i], Cached: cached}
		if engine.Class(s.class.Load()) == engine.Speculative {
			s.drafts.Add(1)
		}
		if g.Max > 0 && i == g.Max-1 {
			t.Stop = engine.StopLength
		}
		if !put(made{token: t}) || t.Stop != "" {
			return
		}
	}
	if a.err != nil {
		put(made{err: a.err})
		return
	}
	put(made{token: engine.Token{Stop: engine.StopEOS}})
}

func (s *fakeSequence) Close() error {
	if !s.closed {
		s.closed = true
		s.f.open.Add(-1)
		if engine.Class(s.class.Load()) == engine.Speculative {
			s.f.drafts.Add(s.drafts.Load())
		}
	}
	return nil
}

// Parser takes "CALL name {…}" for a call, "ARGS name …" for a piece of the
// arguments of one, "BROKEN" for one that cannot be read, and "THINK …" for a
// thought.
func (f *fakeEngine) Calls([]chat.Tool, bool) (*grammar.Grammar, token.ID, error) {
	return nil, 0, nil
}

func (f *fakeEngine) Parser(Prompt, chat.Options) chat.Parser { return fakeParser{} }

type fakeParser struct{}

func (fakeParser) Push(_ token.ID, text string) []chat.Piece {
	switch {
	case text == "":
		return nil
	case strings.HasPrefix(text, "THINK "):
		return []chat.Piece{{Kind: chat.PieceThought, Text: text}}
	case text == "BROKEN":
		return []chat.Piece{{Kind: chat.PieceBroken, Text: text}}
	case strings.HasPrefix(text, "ARGS "):
		name, arguments, _ := strings.Cut(text[len("ARGS "):], " ")
		return []chat.Piece{{Kind: chat.PieceArguments, Text: arguments, Call: chat.ToolCall{Name: name}}}
	case strings.HasPrefix(text, "CALL "):
		name, arguments, _ := strings.Cut(text[len("CALL "):], " ")
		return []chat.Piece{{Kind: chat.PieceToolCall, Call: chat.ToolCall{Name: name, Arguments: []byte(arguments)}}}
	}
	return []chat.Piece{{Kind: chat.PieceText, Text: text}}
}

func (fakeParser) Flush() []chat.Piece { return nil }

// loudness takes what is loud for speech.
type loudness struct {
	held  []float32
	start int64
}

func (l *loudness) Push(samples []float32) (frames []turn.Frame) {
	l.held = append(l.held, samples...)
	for len(l.held) >= turn.FrameSamples {
		var peak float32
		for _, x := range l.held[:turn.FrameSamples] {
			peak = max(peak, x)
		}
		f := turn.Frame{Start: l.start}
		if peak > 0.1 {
			f.Probability = 0.9
		}
		frames = append(frames, f)
		l.held = l.held[turn.FrameSamples:]
		l.start += turn.FrameSamples
	}
	return frames
}
