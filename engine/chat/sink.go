package chat

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hark/engine/token"
)

// sink takes a conversation in the order in which it is rendered.
type sink interface {
	// mark takes a special token by its content.
	mark(name string)
	// text takes plain text.
	text(s string)
	// ids takes the model's own ids.
	ids(ids []token.ID)
	// media takes a picture or clip. If open is true, the marker of its end
	// does not follow.
	media(c *Content, open bool)
}

// printer makes the text of the reference template.
type printer struct {
	strings.Builder
	t *token.Tokenizer
}

func (p *printer) mark(name string)   { p.WriteString(name) }
func (p *printer) text(s string)      { p.WriteString(s) }
func (p *printer) ids(ids []token.ID) { p.WriteString(p.t.Decode(ids)) }

func (p *printer) media(c *Content, _ bool) {
	p.WriteString([]string{Image: "<|image|>", Audio: "<|audio|>", Video: "<|video|>"}[c.Kind])
}

// encoder makes runs of ids. Text is gathered until something else comes.
type encoder struct {
	t       *token.Tokenizer
	marks   map[string]token.ID
	pending strings.Builder
	run     []token.ID
	runs    []Run
}

// flush tokenizes the text gathered so far.
func (e *encoder) flush() {
	e.run = e.t.EncodeText(e.run, e.pending.String())
	e.pending.Reset()
}

func (e *encoder) text(s string) { e.pending.WriteString(s) }

func (e *encoder) mark(name string) {
	e.flush()
	e.run = append(e.run, e.marks[name])
}

func (e *encoder) ids(ids []token.ID) {
	e.flush()
	e.run = append(e.run, ids...)
}

func (e *encoder) media(c *Content, open bool) {
	switch c.Kind {
	case Audio:
		e.soft("<|audio>", "<audio|>", c.Kind, c.Media, open)
	case Video:
		frames := c.Frames
		if len(frames) == 0 {
			frames = []Frame{{Media: c.Media}}
		}
		for i, f := range frames {
			if i > 0 {
				e.text(" ")
			}
			e.text(stamp(f.At) + " ")
			e.soft("<|image>", "<image|>", c.Kind, f.Media, open && i == len(frames)-1)
		}
	default:
		e.soft("<|image>", "<image|>", c.Kind, c.Media, open)
	}
}

// soft puts the place of soft tokens between two markers.
func (e *encoder) soft(begin, end string, k Kind, media int, open bool) {
	e.mark(begin)
	e.cut()
	e.runs = append(e.runs, Run{Media: media, Kind: k})
	if !open {
		e.mark(end)
	}
}

// cut ends the run of ids, if there are any.
func (e *encoder) cut() {
	e.flush()
	if len(e.run) > 0 {
		e.runs = append(e.runs, Run{IDs: slices.Clip(e.run), Media: -1})
		e.run = nil
	}
}

// stamp writes a time as mm:ss.
//
// Source: gemma4.md 10.
func stamp(at time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(at/time.Minute), int(at/time.Second)%60)
}
