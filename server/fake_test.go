package server

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/chat"
	"hark/engine/demo"
	"hark/engine/grammar"
	"hark/engine/model"
	_ "hark/engine/model/all"
	"hark/engine/token"
	"hark/internal/leak"
	"hark/session"
	"hark/session/conversation"
	"hark/vision"
)

const samples = "../testdata/samples/"

// theEngine is the embedded model, loaded once for all tests.
var theEngine = sync.OnceValues(func() (*engine.Engine, error) {
	return engine.Open(demo.Source(), cpu.New(nil), nil)
})

var used atomic.Bool // theEngine was loaded

func TestMain(m *testing.M) {
	leak.Main(closer{m})
}

// closer closes the engine before goroutines are counted.
type closer struct{ m *testing.M }

// Run runs the tests.
func (c closer) Run() int {
	code := c.m.Run()
	if used.Load() {
		if e, err := theEngine(); err == nil {
			e.Close()
		}
	}
	return code
}

// real returns the embedded model.
func real(t *testing.T) session.Engine {
	t.Helper()
	used.Store(true)
	e, err := theEngine()
	if err != nil {
		t.Fatal(err)
	}
	return session.NewEngine(e)
}

// serve serves an engine on loopback until the test ends.
func serve(t *testing.T, o Options) (s *Server, url string) {
	t.Helper()
	o.Addr = "127.0.0.1:0"
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Serve(ln); err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		wg.Wait()
	})
	return s, "http://" + ln.Addr().String()
}

// puppet is an engine that a test leads token by token.
type puppet struct {
	info   model.Info
	tokens chan engine.Token // what Generate yields
	open   atomic.Int64
}

func newPuppet() *puppet {
	return &puppet{info: model.Info{Family: "puppet", Context: 1000}, tokens: make(chan engine.Token, 100)}
}

// silent is an engine for tests in which nobody asks it anything.
func silent(*testing.T) session.Engine { return newPuppet() }

func (p *puppet) Model() model.Info              { return p.info }
func (p *puppet) NewClip() (session.Clip, error) { return nil, engine.ErrDeaf }
func (p *puppet) NewPicture(*vision.Image, int) (conversation.Medium, error) {
	return nil, engine.ErrBlind
}

func (p *puppet) Prompt(messages []chat.Message, _ []conversation.Medium, _ chat.Options) (session.Prompt, error) {
	if len(messages) > 0 && messages[0].Content != nil && messages[0].Content[0].Text == "unreadable" {
		return nil, errors.New("chat: unreadable")
	}
	return session.Prompt{{IDs: make(engine.Tokens, 10)}}, nil
}

func (p *puppet) Calls([]chat.Tool, bool) (*grammar.Grammar, token.ID, error) { return nil, 0, nil }

func (p *puppet) Parser(session.Prompt, chat.Options) chat.Parser { return p }

func (p *puppet) Push(_ token.ID, text string) []chat.Piece {
	switch text {
	case "CALL":
		return []chat.Piece{{Kind: chat.PieceToolCall, Call: chat.ToolCall{Name: "f", Arguments: []byte(`{"x":1}`)}}}
	case "THOUGHT":
		return []chat.Piece{{Kind: chat.PieceThought, Text: text}}
	case "":
		return nil
	}
	return []chat.Piece{{Text: text}}
}

func (p *puppet) Flush() []chat.Piece { return nil }

func (p *puppet) Open() (session.Sequence, error) {
	p.open.Add(1)
	return &pull{p}, nil
}

func (p *puppet) OpenWait(context.Context, engine.Class) (session.Sequence, error) { return p.Open() }

func (p *puppet) Loaded() bool { return true }

// pull is the puppet's one sequence.
type pull struct{ p *puppet }

func (s *pull) Set(session.Prompt) (int, error)   { return 0, nil }
func (s *pull) Slide(session.Prompt) (int, error) { return 0, nil }
func (s *pull) Fork() (session.Sequence, error)   { return s.p.Open() }
func (s *pull) SetClass(engine.Class)             {}

func (s *pull) Close() error {
	s.p.open.Add(-1)
	return nil
}

func (s *pull) Generate(ctx context.Context, _ engine.Generate) iter.Seq2[engine.Token, error] {
	return func(yield func(engine.Token, error) bool) {
		for {
			select {
			case <-ctx.Done():
				yield(engine.Token{}, ctx.Err())
				return
			case t, ok := <-s.p.tokens:
				if !ok {
					yield(engine.Token{}, io.ErrUnexpectedEOF)
					return
				}
				if !yield(t, nil) || t.Stop != "" {
					return
				}
			}
		}
	}
}

// say queues an answer.
func (p *puppet) say(pieces ...string) {
	for _, text := range pieces {
		p.tokens <- engine.Token{Text: text, Cached: 4}
	}
	p.tokens <- engine.Token{Stop: engine.StopEOS}
}

func sampleFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(samples + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
