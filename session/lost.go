package session

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"hark/engine"
	"hark/session/conversation"
	"hark/session/realtime"
)

// A clip or a picture that the model's tower failed at fails every prompt that
// holds it. Its item is forgotten, so that the conversation goes on, and the
// client is told.

// MediumError ends an answer whose prompt holds a medium that will never be
// encoded.
type MediumError struct {
	Medium conversation.Medium
	Err    error
}

// Error returns the error for logs.
func (e *MediumError) Error() string { return fmt.Sprintf("session: a medium is lost: %v", e.Err) }

// Unwrap returns why.
func (e *MediumError) Unwrap() error { return e.Err }

// Generate answers the prompt; a medium of the engine that is lost is named as
// the session knows it.
func (s sequence) Generate(ctx context.Context, o engine.Generate) iter.Seq2[engine.Token, error] {
	return func(yield func(engine.Token, error) bool) {
		for t, err := range s.Sequence.Generate(ctx, o) {
			if !yield(t, lostMedium(err)) {
				return
			}
		}
	}
}

// lostMedium turns the engine's error into the session's, and returns others as
// they are.
func lostMedium(err error) error {
	var lost *engine.MediumError
	if !errors.As(err, &lost) {
		return err
	}
	switch m := lost.Part.(type) {
	case *engine.Clip:
		return &MediumError{Medium: clip{m}, Err: err}
	case *engine.Picture:
		return &MediumError{Medium: m, Err: err}
	}
	return err
}

// goOn takes the item with a lost medium out of the prompts and tells the client.
// It reports whether the answer is to be asked for again: not where nothing is
// left of what it was to answer.
func (s *session) goOn(r *response, err error) bool {
	var lost *MediumError
	if !errors.As(err, &lost) {
		return false
	}
	items := s.items.Items()
	if r.seq != nil {
		items = r.input
	}
	i := slices.IndexFunc(items, func(it *conversation.Item) bool { return it.Holds(lost.Medium) })
	if i < 0 || items[i].Forgotten {
		return false
	}
	it := items[i]
	if slices.Contains(r.owned, it) {
		it.Forgotten = true // the response frees it
	} else {
		s.forget([]*conversation.Item{it})
	}
	s.errors++
	what := "an item of the input"
	if s.items.Get(it.ID) == it {
		what = "item " + it.ID
	}
	s.send(realtime.ErrorEvent{Err: &realtime.Error{Kind: realtime.TypeServer, Code: realtime.CodeServerError,
		Message: fmt.Sprintf("the server failed to hear or see %s; the model goes on without it, send it again if it matters", what)}})
	if r.tokens > 0 || !asks(items) {
		return false
	}
	s.log.Error("an answer is asked for again", "err", err)
	return true
}

// asks reports whether there is something to answer behind the last answer.
func asks(items []*conversation.Item) bool {
	for _, it := range slices.Backward(items) {
		switch {
		case it.Forgotten, it.Role == realtime.RoleSystem:
		case it.Role == realtime.RoleAssistant, it.Type == realtime.FunctionCall:
			return false
		default:
			return true
		}
	}
	return false
}
