package realtime

import (
	"encoding/json"
	"time"
)

// Session is the effective configuration of a session, as it is echoed.
type Session struct {
	Type            string          // RealtimeSession or TranscriptionSession
	ID              string          // sess_…
	Model           string          // the name that the client asked for
	Output          Modality        // how responses are given
	Instructions    string          // the system prompt
	InputFormat     Format          // what appended sound is
	Transcription   *Transcription  // nil: the user's words are not written down
	NoiseReduction  *NoiseReduction // nil: none
	TurnDetection   *TurnDetection  // nil: the client says when a turn ends
	OutputFormat    Format          // what the answer's sound would be
	Voice           string          // the voice of the answer
	Speed           float64         // 0.25 to 1.5, 1 is normal
	Tools           []Tool          // functions that the model may call
	ToolChoice      ToolChoice      // whether it may, must or must not
	ParallelTools   *bool           // as sent; nil is left out of the echo
	MaxOutputTokens int             // 0 is "inf"
	Reasoning       *Reasoning      // nil: no thinking
	Truncation      json.RawMessage // "auto", "disabled" or an object, as sent
	Tracing         json.RawMessage // as sent; nil is null
	Prompt          json.RawMessage // as sent; nil is null
	Include         json.RawMessage // as sent; nil is null
	Temperature     Opt[float64]    // not in the current protocol, but sent; not echoed
}

// DefaultSession returns the configuration that a session starts with.
func DefaultSession() Session {
	return Session{
		Type:          RealtimeSession,
		Output:        ModalityAudio,
		InputFormat:   Format{Codec: CodecPCM, Rate: 24000},
		TurnDetection: DefaultServerVAD(),
		OutputFormat:  Format{Codec: CodecPCM, Rate: 24000},
		Voice:         "marin",
		Speed:         1,
		ToolChoice:    ToolChoice{Mode: "auto"},
		Truncation:    json.RawMessage(`"auto"`),
	}
}

// Codec says how samples are written.
type Codec string

// The codecs of the protocol.
const (
	CodecPCM  Codec = "audio/pcm"  // 16-bit little-endian, mono
	CodecULaw Codec = "audio/pcmu" // G.711 µ-law, 8 kHz
	CodecALaw Codec = "audio/pcma" // G.711 A-law, 8 kHz
)

// Format is an encoding of sound.
type Format struct {
	Codec Codec // how samples are written
	Rate  int   // samples a second: 24000 or 16000 for PCM, 8000 for G.711
}

// Transcription asks for the user's words.
type Transcription struct {
	Model    string // as sent: any name means yes
	Language string // "" if not given
	Prompt   string // "" if not given
}

// NoiseReduction asks for a cleaner microphone signal.
type NoiseReduction struct {
	Type string // near_field or far_field
}

// The ways to find the end of a turn.
const (
	ServerVAD   = "server_vad"   // a fixed silence
	SemanticVAD = "semantic_vad" // by what was said, see Eagerness
)

// TurnDetection says how the server finds the turns of the user.
type TurnDetection struct {
	Type              string        // ServerVAD or SemanticVAD
	Threshold         float64       // ServerVAD: speech above it, 0 to 1
	PrefixPadding     time.Duration // ServerVAD: heard before the first speech
	SilenceDuration   time.Duration // ServerVAD: silence that ends a turn
	IdleTimeout       time.Duration // ServerVAD: 0 is none
	Eagerness         string        // SemanticVAD: low, medium, high or auto
	CreateResponse    bool          // answer at the end of a turn
	InterruptResponse bool          // stop the answer when the user speaks
}

// DefaultServerVAD returns the turn detection of a session that asked for none
// in particular.
func DefaultServerVAD() *TurnDetection {
	return &TurnDetection{
		Type:              ServerVAD,
		Threshold:         0.5,
		PrefixPadding:     300 * time.Millisecond,
		SilenceDuration:   500 * time.Millisecond,
		CreateResponse:    true,
		InterruptResponse: true,
	}
}

// Reasoning says how much the model may think before it answers.
type Reasoning struct {
	Effort string // none, minimal, low, medium, high or xhigh
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string          // what the model calls
	Description string          // when to call it
	Parameters  json.RawMessage // a JSON Schema, nil for no parameters
}

// ToolChoice says whether the model may call tools.
type ToolChoice struct {
	Mode string // auto, none or required
	Name string // with required: the only function to call, "" for any
}

// SessionPatch is a session.update: what is not set stays as it is. The fields
// are those of Session.
type SessionPatch struct {
	Beta            bool // it is written as in the older protocol, see AppendBeta
	Type            Opt[string]
	Output          Opt[Modality]
	Instructions    Opt[string]
	InputFormat     Opt[Format]
	Transcription   Opt[*Transcription]
	NoiseReduction  Opt[*NoiseReduction]
	TurnDetection   Opt[*TurnDetection]
	OutputFormat    Opt[Format]
	Voice           Opt[string]
	Speed           Opt[float64]
	Tools           Opt[[]Tool]
	ToolChoice      Opt[ToolChoice]
	ParallelTools   Opt[bool]
	MaxOutputTokens Opt[int]
	Reasoning       Opt[*Reasoning]
	Truncation      Opt[json.RawMessage]
	Tracing         Opt[json.RawMessage]
	Prompt          Opt[json.RawMessage]
	Include         Opt[json.RawMessage]
	Temperature     Opt[float64]
}

// Apply returns s with the patch applied. s itself is not changed.
func (p *SessionPatch) Apply(s Session) Session {
	apply(&s.Type, p.Type)
	apply(&s.Output, p.Output)
	apply(&s.Instructions, p.Instructions)
	apply(&s.InputFormat, p.InputFormat)
	apply(&s.Transcription, p.Transcription)
	apply(&s.NoiseReduction, p.NoiseReduction)
	apply(&s.TurnDetection, p.TurnDetection)
	apply(&s.OutputFormat, p.OutputFormat)
	apply(&s.Voice, p.Voice)
	apply(&s.Speed, p.Speed)
	apply(&s.Tools, p.Tools)
	apply(&s.ToolChoice, p.ToolChoice)
	apply(&s.MaxOutputTokens, p.MaxOutputTokens)
	apply(&s.Reasoning, p.Reasoning)
	apply(&s.Truncation, p.Truncation)
	apply(&s.Tracing, p.Tracing)
	apply(&s.Prompt, p.Prompt)
	apply(&s.Include, p.Include)
	if p.ParallelTools.Set {
		v := p.ParallelTools.Value
		s.ParallelTools = &v
	}
	if p.Temperature.Set {
		s.Temperature = p.Temperature
	}
	return s
}

func apply[T any](dst *T, field Opt[T]) {
	if field.Set {
		*dst = field.Value
	}
}
