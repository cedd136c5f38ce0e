package chat

import (
	"fmt"
	"slices"
	"strings"

	"hark/engine/token"
)

// gemma4 is the format of the Gemma 4 family, July 2026 revision.
//
// Source: gemma4.md 6.
type gemma4 struct {
	t     *token.Tokenizer
	marks map[string]token.ID
	large bool
	stops []token.ID
}

// gemma4Marks are the special tokens of the format.
var gemma4Marks = []string{
	"<bos>", "<eos>", "<|turn>", "<turn|>", "<|think|>", "<|channel>", "<channel|>",
	"<|tool>", "<tool|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", `<|"|>`,
	"<|image>", "<image|>", "<|audio>", "<audio|>",
}

// NewGemma4 returns the format of the Gemma 4 family. In the large models (12B
// and up) the model is made to answer by an empty thought where it is not to
// think. The error names the special tokens that the vocabulary lacks.
func NewGemma4(t *token.Tokenizer, large bool) (Format, error) {
	g := &gemma4{t: t, marks: map[string]token.ID{}, large: large}
	var lacking []string
	for _, name := range gemma4Marks {
		id, ok := t.Special(name)
		if !ok {
			lacking = append(lacking, name)
		}
		g.marks[name] = id
	}
	if lacking != nil {
		return nil, fmt.Errorf("chat: the vocabulary lacks the special tokens %s", strings.Join(lacking, " "))
	}
	g.stops = []token.ID{g.marks["<eos>"], g.marks["<turn|>"], g.marks["<|tool_response>"]}
	return g, nil
}

func (g *gemma4) Stops() []token.ID { return slices.Clone(g.stops) }

func (g *gemma4) Render(msgs []Message, o Options) ([]Run, error) {
	e := &encoder{t: g.t, marks: g.marks}
	if err := g.write(e, msgs, o); err != nil {
		return nil, err
	}
	e.cut()
	return e.runs, nil
}

func (g *gemma4) Text(msgs []Message, o Options) (string, error) {
	p := &printer{t: g.t}
	err := g.write(p, msgs, o)
	return p.String(), err
}

func (g *gemma4) InThought(prompt []Run) bool {
	inside := false
	for _, r := range prompt {
		for _, id := range r.IDs {
			switch id {
			case g.marks["<|channel>"]:
				inside = true
			case g.marks["<channel|>"], g.marks["<|turn>"], g.marks["<turn|>"]:
				inside = false
			}
		}
	}
	return inside
}

// script is one rendering: a conversation and where it goes.
type script struct {
	sink
	g       *gemma4
	o       Options
	msgs    []Message // without the system prompt
	offset  int       // of msgs in what the caller gave, for errors
	results [][]int   // for each message, the messages that answer its calls
	next    []int     // for each message, the next that is not a tool's, or -1
}

// tail says what a message ends with.
type tail uint8

const (
	tailPlain    tail = iota // text, or nothing
	tailCalls                // calls that nothing answers yet
	tailAnswered             // results
)

// write renders a conversation into w.
func (g *gemma4) write(w sink, msgs []Message, o Options) error {
	s := &script{sink: w, g: g, o: o, msgs: msgs}
	if err := s.check(); err != nil {
		return err
	}
	s.mark("<bos>")
	if err := s.system(); err != nil {
		return err
	}
	if err := s.link(); err != nil {
		return err
	}
	lastUser := -1
	for i, m := range s.msgs {
		if m.Role == User {
			lastUser = i
		}
	}
	last, previous := tailPlain, Role("")
	for i, m := range s.msgs {
		if m.Role == ToolRole {
			continue
		}
		if m.Role != Assistant || previous != Assistant {
			s.turn(m.Role)
		}
		if m.Reasoning != "" && (i > lastUser || o.PreserveThinking && len(m.ToolCalls) > 0) {
			s.mark("<|channel>")
			s.text("thought\n" + m.Reasoning + "\n")
			s.mark("<channel|>")
		}
		var err error
		if last, err = s.calls(i); err != nil {
			return err
		}
		open := o.Open && i == len(s.msgs)-1
		empty := s.body(m, open)
		if open {
			return nil
		}
		s.end(i, last, empty)
		previous = m.Role
	}
	if o.Generate {
		s.generate(last)
	}
	return nil
}

// check refuses options and messages that contradict each other.
func (s *script) check() error {
	for i, m := range s.msgs {
		switch m.Role {
		case System, Developer, User, Assistant, ToolRole:
		default:
			return fmt.Errorf("chat: message %d: role %q, want system, developer, user, assistant or tool", i, m.Role)
		}
		for _, c := range m.Content {
			if c.Kind > Video {
				return fmt.Errorf("chat: message %d: content of kind %d", i, c.Kind)
			}
			if c.Kind != Text && i == 0 && (m.Role == System || m.Role == Developer) {
				return fmt.Errorf("chat: message %d: the system prompt holds a picture or clip", i)
			}
		}
	}
	if !s.o.Open {
		return nil
	}
	if s.o.Generate {
		return fmt.Errorf("chat: Open and Generate exclude each other")
	}
	if len(s.msgs) == 0 {
		return fmt.Errorf("chat: Open without a message")
	}
	m := s.msgs[len(s.msgs)-1]
	if m.Role != User && m.Role != Assistant || len(m.ToolCalls) > 0 {
		return fmt.Errorf("chat: message %d: Open wants words of the user or the assistant", len(s.msgs)-1)
	}
	return nil
}

// system writes the first block: the instructions and the tools. It takes a
// system prompt off the messages.
func (s *script) system() error {
	first := len(s.msgs) > 0 && (s.msgs[0].Role == System || s.msgs[0].Role == Developer)
	if !first && !s.o.Think && len(s.o.Tools) == 0 {
		return nil
	}
	s.turn(System)
	if s.o.Think {
		s.mark("<|think|>")
		s.text("\n")
	}
	if first {
		m := s.msgs[0]
		for i := range m.Content {
			s.part(&m.Content[i], m.Role, false)
			if len(m.Content) > 1 {
				s.text(" ")
			}
		}
		s.msgs, s.offset = s.msgs[1:], 1
	}
	for i := range s.o.Tools {
		s.mark("<|tool>")
		if err := s.declare(&s.o.Tools[i]); err != nil {
			return fmt.Errorf("chat: tool %q: %w", s.o.Tools[i].Name, err)
		}
		s.mark("<tool|>")
	}
	s.mark("<turn|>")
	s.text("\n")
	return nil
}

// link finds the results of each message's calls: those that follow it
// directly, and later ones that name a call of it, which a conversation has if
// somebody spoke while a tool was at work.
func (s *script) link() error {
	s.results, s.next = make([][]int, len(s.msgs)), make([]int, len(s.msgs))
	direct := -1 // the message before the results
	byID := map[string]int{}
	for i, m := range s.msgs {
		if m.Role != ToolRole {
			direct = i
			for _, c := range m.ToolCalls {
				byID[c.ID] = i
			}
			continue
		}
		owner := direct
		if owner < 0 || len(s.msgs[owner].ToolCalls) == 0 {
			var ok bool
			if owner, ok = byID[m.ToolCallID]; !ok {
				return fmt.Errorf("chat: message %d: result of call %q, which nobody made before it", i+s.offset, m.ToolCallID)
			}
		}
		s.results[owner] = append(s.results[owner], i)
	}
	after := -1
	for i := len(s.msgs) - 1; i >= 0; i-- {
		s.next[i] = after
		if s.msgs[i].Role != ToolRole {
			after = i
		}
	}
	return nil
}

// turn begins a turn.
func (s *script) turn(r Role) {
	if r == Assistant {
		r = "model"
	}
	s.mark("<|turn>")
	s.text(string(r) + "\n")
}

// body writes what a message says and reports whether that was nothing.
func (s *script) body(m Message, open bool) (empty bool) {
	empty = true
	for i := range m.Content {
		if s.part(&m.Content[i], m.Role, open && i == len(m.Content)-1) {
			empty = false
		}
	}
	return empty
}

// part writes one piece of content and reports whether there was any.
func (s *script) part(c *Content, r Role, open bool) bool {
	switch {
	case c.Kind != Text:
		s.media(c, open)
		return true
	case len(c.IDs) > 0:
		ids := c.IDs
		for len(ids) > 0 && slices.Contains(s.g.stops, ids[len(ids)-1]) {
			ids = ids[:len(ids)-1]
		}
		s.ids(ids)
		return len(ids) > 0
	}
	text := trim(c.Text)
	if r == Assistant {
		text = withoutThoughts(c.Text)
	}
	s.text(text)
	return text != ""
}

// end ends the turn of message i if the rules say so.
//
// Source: gemma4.md 6.1, rule 4f.
func (s *script) end(i int, t tail, empty bool) {
	last := s.next[i] < 0
	switch {
	case t == tailCalls:
		s.mark("<|tool_response>")
	case s.msgs[i].Role == Assistant && !last && s.msgs[s.next[i]].Role == Assistant:
	case t == tailAnswered && empty && last:
	default:
		s.mark("<turn|>")
		s.text("\n")
	}
}

// generate writes what makes the model answer.
//
// Source: gemma4.md 6.1, rule 5.
func (s *script) generate(last tail) {
	switch {
	case last == tailPlain:
		s.turn(Assistant)
		if s.g.large && !s.o.Think {
			s.mark("<|channel>")
			s.text("thought\n")
			s.mark("<channel|>")
		}
	case last == tailAnswered && s.o.Think:
		s.mark("<|channel>")
		s.text("thought\n")
	}
}
