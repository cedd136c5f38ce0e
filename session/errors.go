package session

import (
	"errors"
	"fmt"

	"hark/engine"
	"hark/session/realtime"
	"hark/vision"
)

// Errors that end a session. Run returns them; the client sees the reason in
// the close frame.
var (
	// ErrShutdown: the server is going away.
	ErrShutdown = errors.New("session: the server is shutting down")
	// ErrResumed: the client has a new connection for the conversation.
	ErrResumed = errors.New("session: the conversation goes on on another connection")
	// ErrUnknownConversation: the conversation that is to go on is not kept.
	ErrUnknownConversation = errors.New("session: there is no such conversation")
)

// Explain turns any error into one that a client is told about: the client's
// own faults as they are, known troubles of the engine by their code, and
// everything else as a fault of the server. The second result says that the
// last is the case, so that it gets logged.
func Explain(err error) (e *realtime.Error, ours bool) {
	if errors.As(err, &e) {
		copied := *e
		return &copied, false
	}
	switch {
	case errors.Is(err, vision.ErrTooLarge), errors.Is(err, vision.ErrInvalid):
		return realtime.Invalid(realtime.CodeInvalidValue, "", "%v", err), false
	case errors.Is(err, engine.ErrDeaf), errors.Is(err, engine.ErrBlind):
		return realtime.Invalid(realtime.CodeUnsupported, "", "%v", err), false
	case errors.Is(err, engine.ErrTooLong):
		return realtime.Invalid(realtime.CodeContextLength, "", "%v", err), false
	case errors.Is(err, engine.ErrBusy), errors.Is(err, engine.ErrOverload), errors.Is(err, engine.ErrMemory):
		return &realtime.Error{Kind: realtime.TypeServer, Code: realtime.CodeOverloaded,
			Message: "the server is busy, try again later"}, false
	}
	return &realtime.Error{Kind: realtime.TypeServer, Code: realtime.CodeServerError,
		Message: "the server failed"}, true
}

// fault tells the client of an error that an event of its brought about.
func (s *session) fault(eventID string, err error) {
	e, ours := s.explain(err)
	e.EventID = eventID
	s.errors++
	if !ours {
		s.log.Debug("client fault", "event", e.Code)
	}
	s.send(realtime.ErrorEvent{Err: e})
}

// explain is Explain with the server's own faults logged, and an id in the
// message to find them by.
func (s *session) explain(err error) (*realtime.Error, bool) {
	e, ours := Explain(err)
	if ours {
		e.Message = fmt.Sprintf("%s, look for session %s in its log", e.Message, s.config.ID)
		s.log.Error("session fault", "err", err)
	}
	return e, ours
}
