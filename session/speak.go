package session

import (
	"context"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/token"
	"hark/session/conversation"
	"hark/session/realtime"
)

// step is a message of a goroutine of a response: a token, an error, or the end;
// or something that its voice says.
type step struct {
	r     *response
	token engine.Token
	err   error
	last  bool      // the goroutine has let go of the sequence
	at    time.Time // when the session got it

	voice *voice // instead of r: a chunk of its sound
	chunk chunk

	words *scribble // instead of r: the words of a user
}

// runResponse reads the tokens of one answer until it ends or ctx does.
func runResponse(ctx context.Context, r *response, seq Sequence, g engine.Generate, out chan<- step) {
	for t, err := range seq.Generate(ctx, g) {
		if err != nil {
			if ctx.Err() == nil {
				out <- step{r: r, err: err}
			}
			break
		}
		out <- step{r: r, token: t}
		if ctx.Err() != nil {
			break
		}
	}
	out <- step{r: r, last: true} // the session takes steps until this one came
}

// step takes one message of a response's goroutine.
func (s *session) step(st step) {
	if st.voice != nil {
		s.sounded(st.voice, st.chunk)
		return
	}
	if st.words != nil {
		s.write(st.words)
		return
	}
	r := st.r
	if st.at.IsZero() {
		st.at = time.Now()
	}
	if r.guess != nil {
		s.foresee(r.guess, st) // nobody has asked for it yet
		return
	}
	if st.last {
		if r.seq == nil {
			s.busy = false
		}
		if r.again && !r.ending {
			r.again = false
			s.start(r)
			return
		}
		if !r.ending {
			s.fail(r, engine.ErrClosed)
		}
		s.release(r)
		return
	}
	if r.ending {
		return // cancelled: what it still wrote is not said
	}
	if st.err != nil {
		if r.again = s.goOn(r, st.err); !r.again {
			s.fail(r, st.err)
		}
		return
	}
	if r.tokens == 0 {
		r.first, r.firstAt = r.elapsed(), st.at
		r.wire.Usage = CountTokens(r.prompt, st.token.Cached)
	}
	r.tokens++
	r.newestAt = st.at
	s.say(r, st.token)
	switch st.token.Stop {
	case engine.StopNone:
		return
	case engine.StopLength:
		s.sayPieces(r, r.parser.Flush())
		s.complete(r, realtime.Incomplete, realtime.MaxOutputTokens)
	case engine.StopEOS, engine.StopString:
		s.sayPieces(r, r.parser.Flush())
		s.complete(r, realtime.Completed, "")
	}
}

// say sends what a token adds. The id is recorded before its text is sent, so
// that the record is never behind what the client saw.
func (s *session) say(r *response, t engine.Token) {
	if t.Stop != engine.StopEOS {
		r.ids = append(r.ids, t.ID)
	}
	before := r.writing
	said := before.written()
	s.sayPieces(r, r.parser.Push(t.ID, t.Text))
	if len(r.ends) < len(r.ids) {
		r.ends = append(r.ends, r.writing.written())
	}
	if r.voice != nil && r.writing != nil && (r.writing != before || r.writing.written() > said) {
		r.wire.Usage.OutputAudio++
	} else {
		r.wire.Usage.OutputText++
	}
}

func (s *session) sayPieces(r *response, pieces []chat.Piece) {
	for _, p := range pieces {
		switch p.Kind {
		case chat.PieceText:
			s.sayText(r, p.Text)
		case chat.PieceThought:
			r.mixed = true
		case chat.PieceArguments:
			s.callOn(r, p.Call.Name, p.Text)
		case chat.PieceToolCall:
			s.call(r, p.Call)
		case chat.PieceBroken:
			r.mixed, r.calling = true, false
			s.add(r, cue{then: func() { s.breakCall(r) }})
			s.log.Warn("the model wrote a call that cannot be read", "response", r.wire.ID)
		}
	}
}

// message is a message of the assistant: what the model writes, and what of it
// the client has been given. In text that is the same; a voice is slower.
type message struct {
	text string // written so far

	// What wrote it, once the model is done with it: see conversation.Item.
	ids    []token.ID
	idEnds []int
	mixed  bool

	item   *conversation.Item
	closed bool // the client has seen its end

	// Where a voice says it.
	ends   []wordEnd      // of the words said so far
	length time.Duration  // of the sound so far
	limit  *time.Duration // of the sound that was heard, if the client said so before the end
}

// written returns the length of the text, 0 for no message.
func (m *message) written() int {
	if m == nil {
		return 0
	}
	return len(m.text)
}

// sayText adds a piece to the message being written.
func (s *session) sayText(r *response, text string) {
	if text == "" {
		return
	}
	if r.writing == nil {
		m := &message{}
		r.writing = m
		s.add(r, cue{then: func() { s.openMessage(r, m) }})
	}
	r.writing.text += text
	if r.voice != nil {
		s.speak(r, r.voice.splitter.Push(text))
		return
	}
	r.message.item.Content[0].Text += text
	s.send(realtime.TextDelta{Place: r.place(), Delta: text})
}

// place is that of the message that the client is given.
func (r *response) place() realtime.Place {
	return realtime.Place{ResponseID: r.wire.ID, ItemID: r.message.item.ID, OutputIndex: r.index}
}

// openMessage begins a message of the assistant on the wire.
func (s *session) openMessage(r *response, m *message) {
	it := &conversation.Item{Item: realtime.Item{
		ID:     s.id.next("item"),
		Type:   realtime.Message,
		Role:   realtime.RoleAssistant,
		Status: realtime.InProgress,
	}}
	m.item, r.message = it, m
	s.openItem(r, it)
	s.send(realtime.PartAdded{Place: r.place(), Part: realtime.Part{Type: r.wire.Output}})
	if r.voice == nil {
		it.Content = []realtime.Content{{Type: realtime.OutputText}}
		return
	}
	it.Content = []realtime.Content{{Type: realtime.OutputAudio}}
	r.voice.messages = append(r.voice.messages, m)
	if !r.params.OutOfBand {
		s.said[it.ID] = m
	}
}

// openItem sends the events that begin an item, and puts it into the
// conversation.
func (s *session) openItem(r *response, it *conversation.Item) {
	s.send(realtime.OutputItemAdded{ResponseID: r.wire.ID, OutputIndex: r.index, Item: &it.Item})
	if r.params.OutOfBand {
		return
	}
	previous := s.items.Last()
	s.items.Add(it)
	s.send(realtime.ItemAdded{Previous: previous, Item: &it.Item})
}

// closeItem sends the events that end an item.
func (s *session) closeItem(r *response, it *conversation.Item) {
	if !r.params.OutOfBand {
		s.send(realtime.ItemDone{Previous: s.items.Before(it), Item: &it.Item})
	}
	s.send(realtime.OutputItemDone{ResponseID: r.wire.ID, OutputIndex: r.index, Item: &it.Item})
	r.wire.Items = append(r.wire.Items, &it.Item)
	r.index++
}

// endMessage is called when the model is done with a message. It ends on the
// wire when all of it is said.
func (s *session) endMessage(r *response, status realtime.Status) {
	m := r.writing
	if m != nil {
		m.ids, m.idEnds, m.mixed = r.ids, r.ends, r.mixed
		if r.voice != nil {
			s.speak(r, r.voice.splitter.Flush())
			s.add(r, cue{order: order{end: true}})
		}
		s.add(r, cue{then: func() { s.closeMessage(r, status) }})
	}
	r.writing = nil
	r.ids, r.ends, r.mixed = nil, nil, false
}

// closeMessage ends the message on the wire, if there is one. What of it was
// not sent was not heard.
func (s *session) closeMessage(r *response, status realtime.Status) {
	m := r.message
	if m == nil {
		return
	}
	if m == r.writing { // the model is not done with it
		m.ids, m.idEnds, m.mixed = r.ids, r.ends, r.mixed
	}
	it := m.item
	text := it.Said()
	if r.voice == nil {
		s.send(realtime.TextDone{Place: r.place(), Text: text})
	} else {
		s.send(realtime.AudioDone{Place: r.place()})
		s.send(realtime.TranscriptDone{Place: r.place(), Transcript: text})
	}
	s.send(realtime.PartDone{Place: r.place(), Part: realtime.Part{Type: r.wire.Output, Text: text}})
	it.Status = status
	if !m.mixed { // the ids are this message's alone
		it.IDs, it.Ends = m.ids, m.idEnds
	}
	if status == realtime.Incomplete {
		it.Truncate(len(text))
	}
	r.message, m.closed = nil, true
	s.closeItem(r, it)
	if m.limit != nil {
		s.cut(m, *m.limit)
	}
}
