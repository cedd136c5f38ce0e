package session

import (
	"time"

	"hark/session/realtime"
	"hark/session/turn"
)

// lull is the time in which a user says nothing. Where the client asked for it
// (idle_timeout_ms), the model speaks up when it has been too long. It counts
// from the end of the last answer, when all of it has been played.
type lull struct {
	since time.Time // the end of the last answer, zero for none
	from  int64     // the sample that came next then
	timer *time.Timer
	event *realtime.TimeoutTriggered // what the commit in progress is to say first
}

// beginLull is called when an answer has ended.
func (s *session) beginLull() {
	s.lull.since, s.lull.from = time.Now(), s.ear.next
	if s.soundUntil.After(s.lull.since) {
		s.lull.since = s.soundUntil
	}
}

// endLull is called when the user speaks.
func (s *session) endLull() { s.lull.since = time.Time{} }

// lullOver returns what tells that the user has been silent for too long; nil
// for never.
func (s *session) lullOver() <-chan time.Time {
	d := s.config.TurnDetection
	if d == nil || d.Type != realtime.ServerVAD || d.IdleTimeout == 0 || s.lull.since.IsZero() || s.active != nil || s.live != nil {
		return nil
	}
	wait := time.Until(s.lull.since.Add(d.IdleTimeout))
	if s.lull.timer == nil {
		s.lull.timer = time.NewTimer(wait)
	} else {
		s.lull.timer.Reset(wait)
	}
	return s.lull.timer.C
}

// speakUp makes the silence an item, and answers it. A client that has not sent
// the sound of the silence, less than half of it, keeps its microphone off and
// hears nothing.
func (s *session) speakUp() {
	s.endLull()
	timeout := turn.Samples(s.config.TurnDetection.IdleTimeout)
	if s.ear.open || s.ear.next-s.lull.from < timeout/2 {
		return
	}
	begin := max(s.lull.from, s.ear.next-timeout)
	s.ear.forget(begin)
	s.lull.event = &realtime.TimeoutTriggered{AudioStartMS: turn.Milliseconds(begin), AudioEndMS: turn.Milliseconds(s.ear.next)}
	s.committing = true
	s.ear.commit(s.heard)
	s.committing, s.lull.event = false, nil
	s.answerTurn()
}
