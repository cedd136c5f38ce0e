package chat

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"hark/engine/token"
)

// gemma3 is the format of the Gemma 3 family: turns of a user and of the
// model, nothing else.
//
// Source: the chat template of google/gemma-3-1b-it.
type gemma3 struct {
	t     *token.Tokenizer
	marks map[string]token.ID
	stops []token.ID
}

// gemma3Marks are the special tokens of the format.
var gemma3Marks = []string{"<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"}

// NewGemma3 returns the format of the Gemma 3 family. It has no system turn:
// what the system says stands before what the user says next. It has no tools,
// which Render refuses, and no thoughts, which it leaves out. Unlike the
// template it lets one side speak twice in a row. The error names the special
// tokens that the vocabulary lacks.
func NewGemma3(t *token.Tokenizer) (Format, error) {
	g := &gemma3{t: t, marks: map[string]token.ID{}}
	var lacking []string
	for _, name := range gemma3Marks {
		id, ok := t.Special(name)
		if !ok {
			lacking = append(lacking, name)
		}
		g.marks[name] = id
	}
	if lacking != nil {
		return nil, fmt.Errorf("chat: the vocabulary lacks the special tokens %s", strings.Join(lacking, " "))
	}
	g.stops = []token.ID{g.marks["<eos>"], g.marks["<end_of_turn>"]}
	return g, nil
}

func (g *gemma3) Stops() []token.ID { return slices.Clone(g.stops) }

func (g *gemma3) InThought([]Run) bool { return false }

func (g *gemma3) Render(msgs []Message, o Options) ([]Run, error) {
	e := &encoder{t: g.t, marks: g.marks}
	if err := g.write(e, msgs, o); err != nil {
		return nil, err
	}
	e.cut()
	return e.runs, nil
}

func (g *gemma3) Text(msgs []Message, o Options) (string, error) {
	p := &printer{t: g.t}
	err := g.write(p, msgs, o)
	return p.String(), err
}

// write renders a conversation into w.
func (g *gemma3) write(w sink, msgs []Message, o Options) error {
	if err := g.check(msgs, o); err != nil {
		return err
	}
	w.mark("<bos>")
	system := "" // what the system said since the user spoke
	for i, m := range msgs {
		if m.Role == System || m.Role == Developer {
			for _, c := range m.Content {
				system += c.Text
			}
			system += "\n\n"
			if i < len(msgs)-1 && msgs[i+1].Role != Assistant {
				continue
			}
			m = Message{Role: User} // nobody speaks after it
		}
		role := "user"
		if m.Role == Assistant {
			role = "model"
		}
		w.mark("<start_of_turn>")
		w.text(role + "\n")
		if m.Role == User {
			w.text(system)
			system = ""
		}
		for _, c := range m.Content {
			g.part(w, c)
		}
		if o.Open && i == len(msgs)-1 {
			return nil
		}
		w.mark("<end_of_turn>")
		w.text("\n")
	}
	if o.Generate {
		w.mark("<start_of_turn>")
		w.text("model\n")
	}
	return nil
}

// part writes one piece of content.
func (g *gemma3) part(w sink, c Content) {
	if len(c.IDs) == 0 {
		w.text(trim(c.Text))
		return
	}
	ids := c.IDs
	for len(ids) > 0 && slices.Contains(g.stops, ids[len(ids)-1]) {
		ids = ids[:len(ids)-1]
	}
	w.ids(ids)
}

// check refuses what the format cannot say, and options that contradict each
// other.
func (g *gemma3) check(msgs []Message, o Options) error {
	if len(o.Tools) > 0 {
		return errors.New("chat: this model knows no tools")
	}
	for i, m := range msgs {
		switch m.Role {
		case System, Developer, User, Assistant:
		default:
			return fmt.Errorf("chat: message %d: role %q, want system, developer, user or assistant", i, m.Role)
		}
		if len(m.ToolCalls) > 0 {
			return fmt.Errorf("chat: message %d: this model knows no tools", i)
		}
		for _, c := range m.Content {
			if c.Kind != Text {
				return fmt.Errorf("chat: message %d: this model takes text only", i)
			}
		}
	}
	switch {
	case !o.Open:
	case o.Generate:
		return errors.New("chat: Open and Generate exclude each other")
	case len(msgs) == 0:
		return errors.New("chat: Open without a message")
	case msgs[len(msgs)-1].Role != User && msgs[len(msgs)-1].Role != Assistant:
		return fmt.Errorf("chat: message %d: Open wants words of the user or the assistant", len(msgs)-1)
	}
	return nil
}

// gemma3Parser passes text on: nothing but text comes out of the model.
type gemma3Parser struct{ out []Piece }

func (g *gemma3) NewParser(Options) Parser { return &gemma3Parser{} }

func (p *gemma3Parser) Push(_ token.ID, text string) []Piece {
	if text == "" {
		return nil
	}
	p.out = append(p.out[:0], Piece{Kind: PieceText, Text: text})
	return p.out
}

func (p *gemma3Parser) Flush() []Piece { return nil }
