package session

import (
	"strings"

	"hark/engine/chat"
	"hark/session/conversation"
	"hark/session/realtime"
)

// call is a function call that the client is being given.
type call struct {
	item *conversation.Item
	sent strings.Builder // of its arguments
}

// callOn sends a piece of the arguments of a call that the model is writing. A
// message before the call ends with it.
func (s *session) callOn(r *response, name, arguments string) {
	r.mixed = true // the ids so far end in those of the call
	if !r.calling {
		r.calling = true
		s.endMessage(r, realtime.Completed)
		s.add(r, cue{then: func() { s.openCall(r, name) }})
	}
	s.add(r, cue{then: func() { s.sendArguments(r, arguments) }})
}

// call ends a call that the model has written.
func (s *session) call(r *response, c chat.ToolCall) {
	arguments := string(c.Arguments)
	if arguments == "" {
		arguments = "{}"
	}
	if !r.calling { // nothing of it was sent
		s.callOn(r, c.Name, "")
	}
	r.mixed, r.calling = true, false
	s.endMessage(r, realtime.Completed) // the ids are those of the call
	s.add(r, cue{then: func() { s.closeCall(r, arguments) }})
	if !r.params.ParallelTools.Or(s.config.ParallelTools == nil || *s.config.ParallelTools) {
		s.complete(r, realtime.Completed, "") // one call is all
	}
}

// openCall begins a call on the wire.
func (s *session) openCall(r *response, name string) {
	r.called = &call{item: &conversation.Item{Item: realtime.Item{
		ID:     s.id.next("item"),
		Type:   realtime.FunctionCall,
		Status: realtime.InProgress,
		Name:   name,
		CallID: s.id.next("call"),
	}}}
	s.openItem(r, r.called.item)
}

// sendArguments sends the next piece of a call's arguments.
func (s *session) sendArguments(r *response, delta string) {
	if delta == "" {
		return
	}
	c := r.called
	c.sent.WriteString(delta)
	s.send(realtime.ArgumentsDelta{ResponseID: r.wire.ID, ItemID: c.item.ID, OutputIndex: r.index, CallID: c.item.CallID, Delta: delta})
}

// closeCall sends what is left of a call's arguments, and its end.
func (s *session) closeCall(r *response, arguments string) {
	c := r.called
	rest, _ := strings.CutPrefix(arguments, c.sent.String()) // parsers hand out nothing else
	s.sendArguments(r, rest)
	it := c.item
	it.Arguments, it.Status = arguments, realtime.Completed
	s.send(realtime.ArgumentsDone{ResponseID: r.wire.ID, ItemID: it.ID, OutputIndex: r.index, CallID: it.CallID,
		Name: it.Name, Arguments: arguments})
	r.called = nil
	s.closeItem(r, it)
}

// breakCall ends a call, if there is one, whose arguments have no end: nobody is
// to make it, so they are not said to be done, and the model never sees it.
func (s *session) breakCall(r *response) {
	c := r.called
	if c == nil {
		return
	}
	r.called = nil
	c.item.Arguments, c.item.Status = c.sent.String(), realtime.Incomplete
	s.closeItem(r, c.item)
}
