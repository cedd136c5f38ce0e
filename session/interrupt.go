package session

import "hark/session/realtime"

// interrupt stops the answer because the user speaks.
func (s *session) interrupt() {
	s.queued = false
	r := s.active
	if r != nil {
		s.cancelActive(r, realtime.TurnDetected)
	}
	s.hush(r)
}

// cancelResponse stops an answer because the client says so.
func (s *session) cancelResponse(ev realtime.ResponseCancel) {
	r := s.find(ev.ResponseID)
	if r == nil {
		s.fault(ev.ID(), realtime.Invalid(realtime.CodeCancelNotActive, "response_id",
			"Cancellation failed: no active response found"))
		return
	}
	s.queued = s.queued && r != s.active
	s.cancelActive(r, realtime.ClientCancelled)
}

// find returns a response in progress: the conversation's for "".
func (s *session) find(id string) *response {
	if s.active != nil && (id == "" || id == s.active.wire.ID) {
		return s.active
	}
	for r := range s.beside {
		if r.wire.ID == id && !r.closed {
			return r
		}
	}
	return nil
}

// cancelActive closes a response at once. Its goroutine lets go of the
// sequence a little later; what comes next waits for that.
func (s *session) cancelActive(r *response, reason realtime.Reason) {
	s.finish(r, realtime.Cancelled, reason)
	if !r.started {
		s.release(r)
	}
}
