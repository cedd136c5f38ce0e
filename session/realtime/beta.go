package realtime

// The protocol had other names before August 2025. AppendBeta speaks them to
// connections that ask for them; what is said is the same. Decode takes the
// names of both.

// ConversationCreated follows SessionCreated in the older protocol.
type ConversationCreated struct {
	ConversationID string // conv_…
}

// Type returns "conversation.created".
func (ConversationCreated) Type() string { return "conversation.created" }

func (e ConversationCreated) appendFields(b []byte) []byte {
	b = append(key(b, "conversation"), '{')
	b = fieldString(b, "id", e.ConversationID)
	b = fieldString(b, "object", "realtime.conversation")
	return append(b, '}')
}

// betaNames are the events that had another name.
var betaNames = map[string]string{
	"response.output_audio.delta":            "response.audio.delta",
	"response.output_audio.done":             "response.audio.done",
	"response.output_audio_transcript.delta": "response.audio_transcript.delta",
	"response.output_audio_transcript.done":  "response.audio_transcript.done",
	"response.output_text.delta":             "response.text.delta",
	"response.output_text.done":              "response.text.done",
	"conversation.item.added":                "conversation.item.created",
}

// AppendBeta appends an event as Append does, in the words of the older
// protocol. An event that it does not have appends nothing.
func AppendBeta(b []byte, id string, ev ServerEvent) []byte {
	name := ev.Type()
	if beta, ok := betaNames[name]; ok {
		name = beta
	}
	fields := ev.appendFields
	switch e := ev.(type) {
	case ItemDone: // there was one event for an item
		return b
	case SessionCreated:
		fields = e.Session.appendBetaField
	case SessionUpdated:
		if e.Session.Type == TranscriptionSession {
			name = "transcription_session.updated"
		}
		fields = e.Session.appendBetaField
	case ItemAdded:
		fields = ItemAdded{e.Previous, e.Item.beta()}.appendFields
	case ItemRetrieved:
		fields = ItemRetrieved{e.Item.beta()}.appendFields
	case OutputItemAdded:
		fields = OutputItemAdded{e.ResponseID, e.OutputIndex, e.Item.beta()}.appendFields
	case OutputItemDone:
		fields = OutputItemDone{e.ResponseID, e.OutputIndex, e.Item.beta()}.appendFields
	case ResponseCreated:
		fields = e.Response.appendBetaField
	case ResponseDone:
		fields = e.Response.appendBetaField
	}
	b = fieldString(append(b, '{'), "type", name)
	b = fieldString(b, "event_id", id)
	return append(fields(b), '}')
}

// The content types that the older protocol had for what the assistant says.
const (
	betaText  ContentType = "text"
	betaAudio ContentType = "audio"
)

// beta returns the item with the older content types.
func (it *Item) beta() *Item {
	old := *it
	old.Content = make([]Content, len(it.Content))
	for i, c := range it.Content {
		switch c.Type {
		case OutputText:
			c.Type = betaText
		case OutputAudio:
			c.Type = betaAudio
		case InputText, InputAudio, InputImage, betaText, betaAudio:
		}
		old.Content[i] = c
	}
	return &old
}

// codecName returns the older name of a format.
func (f Format) codecName() string {
	switch f.Codec {
	case CodecULaw:
		return "g711_ulaw"
	case CodecALaw:
		return "g711_alaw"
	case CodecPCM:
	}
	return "pcm16"
}

// fieldBetaModalities writes audio as both: the older protocol gave the words
// of what is spoken as text.
func fieldBetaModalities(b []byte, m Modality) []byte {
	if m == ModalityAudio {
		return append(key(b, "modalities"), `["audio","text"]`...)
	}
	return append(key(b, "modalities"), `["text"]`...)
}

// appendBetaField writes the session with all fields on one level.
func (s *Session) appendBetaField(b []byte) []byte {
	object := "realtime.session"
	if s.Type == TranscriptionSession {
		object = "realtime.transcription_session"
	}
	b = append(key(b, "session"), '{')
	b = fieldString(b, "id", s.ID)
	b = fieldString(b, "object", object)
	b = fieldString(b, "model", s.Model)
	b = fieldBetaModalities(b, s.Output)
	b = fieldString(b, "instructions", s.Instructions)
	b = fieldString(b, "voice", s.Voice)
	b = fieldNumber(b, "speed", s.Speed)
	b = fieldString(b, "input_audio_format", s.InputFormat.codecName())
	b = fieldString(b, "output_audio_format", s.OutputFormat.codecName())
	b = s.appendListening(b, "input_audio_")
	b = s.appendTools(b)
	temperature := s.Temperature.Or(betaTemperature)
	b = fieldNumber(b, "temperature", temperature)
	b = fieldLimit(b, "max_response_output_tokens", s.MaxOutputTokens)
	b = fieldRaw(b, "tracing", s.Tracing)
	return append(b, '}')
}

// betaTemperature is what the older protocol says where nobody set one.
const betaTemperature = 0.8

// appendBetaField writes the response with all fields on one level.
func (r *Response) appendBetaField(b []byte) []byte {
	b = append(key(b, "response"), '{')
	b = fieldString(b, "object", "realtime.response")
	b = fieldString(b, "id", r.ID)
	b = fieldString(b, "status", string(r.Status))
	b = r.appendDetails(key(b, "status_details"))
	b = append(key(b, "output"), '[')
	for i, it := range r.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = it.beta().append(b)
	}
	b = append(b, ']')
	b = fieldNullable(b, "conversation_id", r.ConversationID)
	b = fieldBetaModalities(b, r.Output)
	b = fieldString(b, "voice", r.Voice)
	b = fieldString(b, "output_audio_format", r.Format.codecName())
	b = fieldLimit(b, "max_output_tokens", r.MaxOutputTokens)
	b = r.appendEnd(b)
	return append(b, '}')
}
