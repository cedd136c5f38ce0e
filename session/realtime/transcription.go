package realtime

// The types of sessions.
const (
	RealtimeSession      = "realtime"      // answers
	TranscriptionSession = "transcription" // writes down what the user says, and does not answer
)

// TranscriptionDelta is a piece of what a user said.
type TranscriptionDelta struct {
	ItemID       string // the user's message
	ContentIndex int    // number of the part with the sound
	Delta        string // what is added
}

// TranscriptionCompleted closes what a user said.
type TranscriptionCompleted struct {
	ItemID       string  // the user's message
	ContentIndex int     // number of the part with the sound
	Transcript   string  // whole
	Seconds      float64 // length of the sound
}

// TranscriptionFailed says that what a user said will not be written down.
type TranscriptionFailed struct {
	ItemID       string // the user's message
	ContentIndex int    // number of the part with the sound
	Err          *Error // why
}

// Type returns "conversation.item.input_audio_transcription.delta".
func (TranscriptionDelta) Type() string { return "conversation.item.input_audio_transcription.delta" }

// Type returns "conversation.item.input_audio_transcription.completed".
func (TranscriptionCompleted) Type() string {
	return "conversation.item.input_audio_transcription.completed"
}

// Type returns "conversation.item.input_audio_transcription.failed".
func (TranscriptionFailed) Type() string { return "conversation.item.input_audio_transcription.failed" }

func (e TranscriptionDelta) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "content_index", int64(e.ContentIndex))
	return fieldString(b, "delta", e.Delta)
}

// The usage is counted in seconds: of the two forms it is the one that every
// client reads.
func (e TranscriptionCompleted) appendFields(b []byte) []byte {
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "content_index", int64(e.ContentIndex))
	b = fieldString(b, "transcript", e.Transcript)
	b = append(key(b, "usage"), '{')
	b = fieldString(b, "type", "duration")
	b = fieldNumber(b, "seconds", e.Seconds)
	return append(b, '}')
}

// All four fields of the error are strings: some clients refuse null.
func (e TranscriptionFailed) appendFields(b []byte) []byte {
	kind := e.Err.Kind
	if kind == "" {
		kind = TypeInvalidRequest
	}
	b = fieldString(b, "item_id", e.ItemID)
	b = fieldInt(b, "content_index", int64(e.ContentIndex))
	b = append(key(b, "error"), '{')
	b = fieldString(b, "type", kind)
	b = fieldString(b, "code", e.Err.Code)
	b = fieldString(b, "message", e.Err.Message)
	b = fieldString(b, "param", e.Err.Param)
	return append(b, '}')
}

// appendTranscription writes a session that answers nothing: it has an input
// only.
func (s *Session) appendTranscription(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "type", TranscriptionSession)
	b = fieldString(b, "object", "realtime.transcription_session")
	b = fieldString(b, "id", s.ID)
	b = fieldRaw(b, "include", s.Include)
	b = append(key(b, "audio"), '{')
	return append(s.appendInput(b), "}}"...)
}
