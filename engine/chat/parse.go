package chat

import (
	"strings"

	"hark/engine/token"
)

// maxCall bounds the text of one call in bytes; a model that is in a loop
// fills no memory.
const maxCall = 1 << 20

// maxName bounds the name of a channel in bytes.
const maxName = 64

// place is where in a completion the parser stands.
type place uint8

const (
	inAnswer  place = iota
	inChannel       // behind <|channel>, in the name up to the line's end
	inThought
	inCall
	inResponse // of a tool, which a model should not write
)

// gemma4Parser takes completions of the Gemma 4 family apart.
//
// Source: gemma4.md 6.6.
type gemma4Parser struct {
	g      *gemma4
	at     place
	held   string          // a channel's name, or line ends that may end a thought
	raw    strings.Builder // the call as the model writes it
	call   []lexeme        // the same with its quotes told from text
	quoted bool            // inside a string of the call
	sent   int             // bytes of the call's arguments that were handed out
	ahead  int             // bytes of raw at which they are looked at again
	out    []Piece
}

func (g *gemma4) NewParser(o Options) Parser {
	p := &gemma4Parser{g: g}
	if o.InThought {
		p.at = inThought
	}
	return p
}

func (p *gemma4Parser) Push(id token.ID, text string) []Piece {
	p.out = p.out[:0]
	p.text(text)
	if p.g.t.IsSpecial(id) {
		p.mark(id)
	}
	return p.out
}

func (p *gemma4Parser) Flush() []Piece {
	p.out = p.out[:0]
	p.leave()
	return p.out
}

// emit adds text, to the last piece if that is of the same kind.
func (p *gemma4Parser) emit(k PieceKind, text string) {
	if text == "" {
		return
	}
	if n := len(p.out); n > 0 && p.out[n-1].Kind == k && (k == PieceText || k == PieceThought) {
		p.out[n-1].Text += text
		return
	}
	p.out = append(p.out, Piece{Kind: k, Text: text})
}

// text takes what is no marker.
func (p *gemma4Parser) text(text string) {
	if text == "" {
		return
	}
	switch p.at {
	case inAnswer:
		p.emit(PieceText, text)
	case inChannel:
		p.held += text
		if name, rest, ok := strings.Cut(p.held, "\n"); ok {
			p.at, p.held = inThought, ""
			if name != "thought" {
				rest = name + "\n" + rest
			}
			p.text(rest)
		} else if len(p.held) > maxName {
			held := p.held
			p.at, p.held = inThought, ""
			p.text(held)
		}
	case inThought:
		text = p.held + text
		body := strings.TrimSuffix(text, "\n")
		p.held = text[len(body):]
		p.emit(PieceThought, body)
	case inCall:
		if p.raw.Len()+len(text) > maxCall {
			p.leave()
			return
		}
		p.raw.WriteString(text)
		if n := len(p.call); n > 0 && p.call[n-1].quoted == p.quoted && !p.call[n-1].shut {
			p.call[n-1].text += text
		} else {
			p.call = append(p.call, lexeme{text: text, quoted: p.quoted})
		}
		p.argue()
	case inResponse:
	}
}

// mark takes a special token.
func (p *gemma4Parser) mark(id token.ID) {
	marks := p.g.marks
	if p.at == inCall && id == marks[`<|"|>`] {
		p.raw.WriteString(`<|"|>`)
		if !p.quoted {
			p.call = append(p.call, lexeme{quoted: true})
		} else {
			p.call[len(p.call)-1].shut = true
		}
		p.quoted = !p.quoted
		p.argue()
		return
	}
	switch id {
	case marks["<|channel>"]:
		p.leave()
		p.at = inChannel
	case marks["<|tool_call>"]:
		p.leave()
		p.at = inCall
	case marks["<tool_call|>"]:
		if p.at == inCall {
			p.finish()
		}
	case marks["<|tool_response>"]:
		p.leave()
		p.at = inResponse
	case marks["<channel|>"], marks["<tool_response|>"], marks["<turn|>"], marks["<|turn>"], marks["<eos>"]:
		p.leave()
	}
}

// leave ends what the parser is in and goes on in the answer.
func (p *gemma4Parser) leave() {
	switch p.at {
	case inChannel:
		if p.held != "thought" {
			p.emit(PieceThought, p.held)
		}
	case inCall:
		p.broken()
	}
	p.held, p.at = "", inAnswer
}

// argue hands out what is certain of a call's arguments. The call is read from
// its beginning each time, but not before it has grown by a 64th: the work stays
// in proportion to its length.
func (p *gemma4Parser) argue() {
	if p.raw.Len() < p.ahead {
		return
	}
	p.ahead = p.raw.Len() + p.raw.Len()/64
	name, arguments := beginningOfCall(p.call)
	if len(arguments) <= p.sent {
		return
	}
	p.out = append(p.out, Piece{Kind: PieceArguments, Text: string(arguments[p.sent:]), Call: ToolCall{Name: name}})
	p.sent = len(arguments)
}

// finish ends a call.
func (p *gemma4Parser) finish() {
	call, ok := parseCall(p.call, p.quoted)
	if !ok {
		p.broken()
	} else {
		p.out = append(p.out, Piece{Kind: PieceToolCall, Call: call})
		p.reset()
	}
	p.at = inAnswer
}

// broken gives up on a call.
func (p *gemma4Parser) broken() {
	p.out = append(p.out, Piece{Kind: PieceBroken, Text: p.raw.String()})
	p.reset()
}

// reset forgets a call.
func (p *gemma4Parser) reset() {
	p.raw.Reset()
	p.call, p.quoted = p.call[:0], false
	p.sent, p.ahead = 0, 0
}
