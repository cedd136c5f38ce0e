package realtime

// TimeoutTriggered says that the user has been silent for idle_timeout_ms: the
// silence becomes an item, and the model says something.
type TimeoutTriggered struct {
	ItemID       string // of the item that follows in AudioCommitted
	AudioStartMS int    // where the silence began, since the first sample of the session
	AudioEndMS   int    // where it ends
}

// Type returns "input_audio_buffer.timeout_triggered".
func (TimeoutTriggered) Type() string { return "input_audio_buffer.timeout_triggered" }

func (e TimeoutTriggered) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "audio_start_ms", int64(e.AudioStartMS))
	return fieldInt(b, "audio_end_ms", int64(e.AudioEndMS))
}
