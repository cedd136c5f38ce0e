package session

import (
	"context"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/session/conversation"
	"hark/session/realtime"
)

// step is a message of a response's goroutine: a token, an error, or the end.
type step struct {
	r     *response
	token engine.Token
	err   error
	last  bool // the goroutine has let go of the sequence
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
	r := st.r
	if r.guess != nil {
		s.foresee(r.guess, st) // nobody has asked for it yet
		return
	}
	if st.last {
		if r.seq == nil {
			s.busy = false
		}
		if !r.closed {
			s.fail(r, engine.ErrClosed)
		}
		s.release(r)
		return
	}
	if r.closed {
		return // cancelled: what it still wrote is not said
	}
	if st.err != nil {
		s.fail(r, st.err)
		return
	}
	if r.wire.Usage.OutputText == 0 {
		r.first = time.Since(r.began)
		r.wire.Usage = CountTokens(r.prompt, st.token.Cached)
	}
	r.wire.Usage.OutputText++
	s.say(r, st.token)
	switch st.token.Stop {
	case engine.StopNone:
		return
	case engine.StopLength:
		s.sayPieces(r, r.parser.Flush())
		s.finish(r, realtime.Incomplete, realtime.MaxOutputTokens)
	case engine.StopEOS, engine.StopString:
		s.sayPieces(r, r.parser.Flush())
		s.finish(r, realtime.Completed, "")
	}
}

// say sends what a token adds. The id is recorded before its text is sent, so
// that the record is never behind what the client saw.
func (s *session) say(r *response, t engine.Token) {
	if t.Stop != engine.StopEOS {
		r.ids = append(r.ids, t.ID)
	}
	s.sayPieces(r, r.parser.Push(t.ID, t.Text))
	if len(r.ends) < len(r.ids) {
		said := 0
		if r.message != nil {
			said = len(r.message.Said())
		}
		r.ends = append(r.ends, said)
	}
}

func (s *session) sayPieces(r *response, pieces []chat.Piece) {
	for _, p := range pieces {
		switch p.Kind {
		case chat.PieceText:
			s.sayText(r, p.Text)
		case chat.PieceThought:
			r.mixed = true
		case chat.PieceToolCall:
			s.call(r, p.Call)
		case chat.PieceBroken:
			r.mixed = true
			s.log.Warn("the model wrote a call that cannot be read", "response", r.wire.ID)
		}
	}
}

// sayText sends a piece of the answer.
func (s *session) sayText(r *response, text string) {
	if text == "" {
		return
	}
	if r.message == nil {
		s.openMessage(r)
	}
	r.message.Content[0].Text += text
	s.send(realtime.TextDelta{Place: r.place(), Delta: text})
}

// place is that of the message being written.
func (r *response) place() realtime.Place {
	return realtime.Place{ResponseID: r.wire.ID, ItemID: r.message.ID, OutputIndex: r.index}
}

// openMessage begins a message of the assistant.
func (s *session) openMessage(r *response) {
	it := &conversation.Item{Item: realtime.Item{
		ID:     s.id.next("item"),
		Type:   realtime.Message,
		Role:   realtime.RoleAssistant,
		Status: realtime.InProgress,
	}}
	s.openItem(r, it)
	r.message = it
	s.send(realtime.PartAdded{Place: r.place(), Part: realtime.Part{Type: realtime.ModalityText}})
	it.Content = []realtime.Content{{Type: realtime.OutputText}}
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

// closeMessage ends the message being written, if there is one.
func (s *session) closeMessage(r *response, status realtime.Status) {
	it := r.message
	if it == nil {
		return
	}
	text := it.Content[0].Text
	s.send(realtime.TextDone{Place: r.place(), Text: text})
	s.send(realtime.PartDone{Place: r.place(), Part: realtime.Part{Type: realtime.ModalityText, Text: text}})
	it.Status = status
	if !r.mixed { // the ids are this message's alone
		it.IDs, it.Ends = r.ids, r.ends
	}
	if status == realtime.Incomplete { // what was not sent was not heard
		it.Truncate(len(text))
	}
	r.ids, r.ends, r.mixed = nil, nil, false
	r.message = nil
	s.closeItem(r, it)
}

// call sends a whole function call. A message before it ends with it.
func (s *session) call(r *response, c chat.ToolCall) {
	r.mixed = true // the ids so far end in those of the call
	s.closeMessage(r, realtime.Completed)
	r.ids, r.ends, r.mixed = nil, nil, false
	arguments := string(c.Arguments)
	if arguments == "" {
		arguments = "{}"
	}
	it := &conversation.Item{Item: realtime.Item{
		ID:     s.id.next("item"),
		Type:   realtime.FunctionCall,
		Status: realtime.InProgress,
		Name:   c.Name,
		CallID: s.id.next("call"),
	}}
	s.openItem(r, it)
	s.send(realtime.ArgumentsDelta{ResponseID: r.wire.ID, ItemID: it.ID, OutputIndex: r.index, CallID: it.CallID, Delta: arguments})
	it.Arguments, it.Status = arguments, realtime.Completed
	s.send(realtime.ArgumentsDone{ResponseID: r.wire.ID, ItemID: it.ID, OutputIndex: r.index, CallID: it.CallID,
		Name: it.Name, Arguments: arguments})
	s.closeItem(r, it)
}
