package session

import (
	"errors"
	"slices"

	"hark/engine"
	"hark/engine/chat"
	"hark/session/conversation"
	"hark/session/realtime"
)

// chatOptions returns how a prompt of the session is rendered, with what a
// response changes.
func (s *session) chatOptions(p *realtime.ResponseParams) chat.Options {
	tools, choice := s.config.Tools, s.config.ToolChoice
	reasoning := s.config.Reasoning
	if p != nil {
		tools, choice = p.Tools.Or(tools), p.ToolChoice.Or(choice)
		reasoning = p.Reasoning.Or(reasoning)
	}
	o := chat.Options{Think: thinks(reasoning)}
	if choice.Mode == "none" {
		return o
	}
	for _, t := range tools {
		if choice.Name == "" || choice.Name == t.Name {
			o.Tools = append(o.Tools, chat.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
		}
	}
	return o
}

// mustCall reports whether a response has to call a tool.
func (s *session) mustCall(p *realtime.ResponseParams) bool {
	return p.ToolChoice.Or(s.config.ToolChoice).Mode == "required"
}

// thinks reports whether the effort asks for thoughts before the answer. Low
// efforts do not: a voice that waits for thoughts is no voice.
func thinks(r *realtime.Reasoning) bool {
	return r != nil && (r.Effort == "medium" || r.Effort == "high" || r.Effort == "xhigh")
}

// render makes a prompt of items. Chat formats refuse only what the client
// wrote: a schema or arguments that cannot be read.
func (s *session) render(instructions string, items []*conversation.Item, o chat.Options) (Prompt, error) {
	messages, media := conversation.Render(instructions, items)
	prompt, err := s.engine.Prompt(messages, media, o)
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "", "%v", err)
	}
	return prompt, nil
}

// set makes the conversation's sequence hold the conversation and, with Open,
// what is being said, as far as they fit the context.
func (s *session) set(instructions string, o chat.Options) (Prompt, error) {
	if s.seq == nil {
		seq, err := s.engine.Open()
		if err != nil {
			return nil, err
		}
		s.seq = seq
	}
	items := s.items.Items()
	if o.Open {
		items = append(slices.Clip(items), s.live.item)
	}
	prompt, gone, err := s.fit(instructions, items, o)
	for err == nil && s.shorten(items, prompt, o) {
		prompt, err = s.render(instructions, without(items, gone), o)
	}
	if err != nil {
		return nil, err
	}
	put := s.seq.Set
	if len(gone) > 0 {
		s.forget(gone)
	}
	if len(gone) > 0 || s.gap {
		put = s.seq.Slide
	}
	s.gap = false
	if _, err = put(prompt); err != nil {
		return nil, err
	}
	s.sweep()
	return prompt, nil
}

// discard frees the media of items that left the conversation, as soon as no
// prompt that is being read in can hold them.
func (s *session) discard(items ...*conversation.Item) {
	s.trash = append(s.trash, items...)
	s.stale = true
}

// sweep frees what was discarded. The conversation's sequence has just been
// set to a prompt without it.
func (s *session) sweep() {
	if len(s.beside) > 0 || s.active != nil && s.active.seq != nil {
		return
	}
	written := s.beingWritten()
	s.trash = slices.DeleteFunc(s.trash, func(it *conversation.Item) bool {
		for _, part := range it.Media {
			if slices.ContainsFunc(part, func(m conversation.Medium) bool { return written[m] }) {
				return false
			}
		}
		it.Close()
		return true
	})
}

// idle reports whether nothing uses the conversation's sequence.
func (s *session) idle() bool { return !s.busy && s.active == nil }

// prefill brings the sequence up to date while nobody waits for an answer: the
// instructions, items as they come, and speech while it is spoken.
func (s *session) prefill() {
	s.stale = false
	if s.config.Type == realtime.TranscriptionSession {
		s.listenAlong()
		return
	}
	o := s.chatOptions(nil)
	o.Open = s.live != nil && s.live.clip != nil
	if s.seq == nil && s.items.Len() == 0 && s.config.Instructions == "" && !o.Open {
		return
	}
	_, err := s.set(s.config.Instructions, o)
	switch {
	case err == nil:
	case errors.Is(err, engine.ErrTooLong), errors.Is(err, engine.ErrBusy):
		// The response that comes to need it says so.
	default:
		s.log.Debug("prefill", "err", err)
	}
}
