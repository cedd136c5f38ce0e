package session

// likelyEnd is called when the user has probably said all: what the live
// utterance has heard is all that it will be if so.
func (s *session) likelyEnd() {}

// resumed is called when the user goes on after likelyEnd.
func (s *session) resumed() {}
