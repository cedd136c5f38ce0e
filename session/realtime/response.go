package realtime

import (
	"encoding/json"
	"math"
	"time"
)

// Response is a response as its first and last event show it.
type Response struct {
	ID              string          // resp_…
	Status          Status          // any but Incomplete items' in-progress
	Reason          Reason          // why it is cancelled or incomplete
	Err             *Error          // why it failed
	Items           []*Item         // what was said, empty at first
	ConversationID  string          // "" for a response out of band
	Output          Modality        // how it is given
	MaxOutputTokens int             // 0 is "inf"
	Format          Format          // of its sound
	Voice           string          // of its sound
	Metadata        json.RawMessage // as sent; nil is null
	Usage           *Usage          // nil until it is done
	Timings         *Timings        // nil leaves it out
}

// Reason says why a response is cancelled or incomplete. Clients know these
// and no others.
type Reason string

// The reasons.
const (
	TurnDetected    Reason = "turn_detected"     // the user spoke
	ClientCancelled Reason = "client_cancelled"  // the client asked
	MaxOutputTokens Reason = "max_output_tokens" // a limit was reached
)

// Usage counts tokens. Text, audio and image add up to input.
type Usage struct {
	InputText, InputAudio, InputImage    int // tokens of the prompt
	CachedText, CachedAudio, CachedImage int // of these, found in the KV cache
	OutputText, OutputAudio              int // tokens written: as text or calls, and to be spoken
}

// Output returns the tokens written.
func (u *Usage) Output() int { return u.OutputText + u.OutputAudio }

// Timings say how fast a response was. They are not in the protocol: an extra
// key of response.done that no client minds.
type Timings struct {
	AfterSpeech bool          // counted from the end of a turn that the server found, else from response.create
	FirstToken  time.Duration // until the first token, 0 if there was none
	FirstAudio  time.Duration // until the first sound, 0 if there was none
	Total       time.Duration // until the end
	Rate        float64       // tokens a second from the first to the last, 0 if there are not two
}

func (t *Timings) append(b []byte) []byte {
	b = append(b, '{')
	since := "response_create"
	if t.AfterSpeech {
		since = "speech_stopped"
	}
	b = fieldString(b, "since", since)
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"first_token_ms", t.FirstToken}, {"first_audio_ms", t.FirstAudio}, {"total_ms", t.Total}} {
		if f.d > 0 {
			b = fieldNumber(b, f.name, float64(f.d.Round(100*time.Microsecond))/float64(time.Millisecond))
		} else {
			b = fieldNull(b, f.name)
		}
	}
	b = fieldNumber(b, "tokens_per_second", math.Round(t.Rate*10)/10)
	return append(b, '}')
}

func (r *Response) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "object", "realtime.response")
	b = fieldString(b, "id", r.ID)
	b = fieldString(b, "status", string(r.Status))
	b = r.appendDetails(key(b, "status_details"))
	b = append(key(b, "output"), '[')
	for i, it := range r.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = it.append(b)
	}
	b = append(b, ']')
	b = fieldNullable(b, "conversation_id", r.ConversationID)
	b = fieldModality(b, r.Output)
	b = fieldLimit(b, "max_output_tokens", r.MaxOutputTokens)
	b = append(key(b, "audio"), `{"output":{`...)
	b = r.Format.append(key(b, "format"))
	b = fieldString(b, "voice", r.Voice)
	b = append(b, "}}"...)
	return append(r.appendEnd(b), '}')
}

// appendEnd writes what both versions of the protocol end with.
func (r *Response) appendEnd(b []byte) []byte {
	b = fieldRaw(b, "metadata", r.Metadata)
	b = key(b, "usage")
	if r.Usage == nil {
		return append(b, "null"...)
	}
	b = r.Usage.append(b)
	if r.Timings != nil {
		b = r.Timings.append(key(b, "timings"))
	}
	return b
}

func (r *Response) appendDetails(b []byte) []byte {
	if r.Status == InProgress {
		return append(b, "null"...)
	}
	b = append(b, '{')
	b = fieldString(b, "type", string(r.Status))
	if r.Reason != "" {
		b = fieldString(b, "reason", string(r.Reason))
	}
	if r.Err != nil {
		b = append(key(b, "error"), '{')
		b = fieldString(b, "type", r.Err.Kind)
		b = fieldNullable(b, "code", r.Err.Code)
		b = fieldString(b, "message", r.Err.Message)
		b = append(b, '}')
	}
	return append(b, '}')
}

func (u *Usage) append(b []byte) []byte {
	input := u.InputText + u.InputAudio + u.InputImage
	b = append(b, '{')
	b = fieldInt(b, "total_tokens", int64(input+u.Output()))
	b = fieldInt(b, "input_tokens", int64(input))
	b = fieldInt(b, "output_tokens", int64(u.Output()))
	b = append(key(b, "input_token_details"), '{')
	b = fieldKinds(b, u.InputText, u.InputAudio, u.InputImage)
	b = fieldInt(b, "cached_tokens", int64(u.CachedText+u.CachedAudio+u.CachedImage))
	b = append(key(b, "cached_tokens_details"), '{')
	b = fieldKinds(b, u.CachedText, u.CachedAudio, u.CachedImage)
	b = append(b, "}}"...)
	b = append(key(b, "output_token_details"), '{')
	b = fieldInt(b, "text_tokens", int64(u.OutputText))
	b = fieldInt(b, "audio_tokens", int64(u.OutputAudio))
	return append(b, "}}"...)
}

func fieldKinds(b []byte, text, audio, image int) []byte {
	b = fieldInt(b, "text_tokens", int64(text))
	b = fieldInt(b, "audio_tokens", int64(audio))
	return fieldInt(b, "image_tokens", int64(image))
}
