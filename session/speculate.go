package session

// guess is an answer that is made before the turn has ended.
type guess struct{}

// likelyEnd is called when the user has probably said all: what the live
// utterance has heard is all that it will be if so.
func (s *session) likelyEnd() {}

// resumed is called when the user goes on after likelyEnd.
func (s *session) resumed() {}

// foresee takes what a guess has written.
func (s *session) foresee(*guess, step) {}
