package session

import "hark/session/realtime"

// ScribePrompt returns what asks a model for the words of the speech behind it,
// as sessions do: in its own language unless t names one.
func ScribePrompt(t *realtime.Transcription) string { return scribePrompt(t) }
