package realtime

import (
	"encoding/json"
	"fmt"
	"time"
)

// index returns the path of an element of an array field.
func (o object) index(name string, i int) string {
	return fmt.Sprintf("%s[%d]", o.param(name), i)
}

// decodeSession reads a session object: the nested form of the current
// protocol, and the flat names of the older one.
func decodeSession(o object) SessionPatch {
	var p SessionPatch
	if t, ok := o.text("type"); ok && o.oneOf("type", t, RealtimeSession, TranscriptionSession) {
		p.Type = some(t)
	} else {
		p.Beta = isFlat(o)
	}
	p.Output = decodeModalities(o)
	if s, ok := o.text("instructions"); ok {
		p.Instructions = some(s)
	}
	p.Tools = decodeTools(o)
	p.ToolChoice = decodeToolChoice(o)
	if v, ok := o.flag("parallel_tool_calls"); ok {
		p.ParallelTools = some(v)
	}
	p.MaxOutputTokens = decodeMaxTokens(o)
	p.Temperature = decodeTemperature(o)
	p.Reasoning = decodeReasoning(o)
	p.Truncation = decodeTruncation(o)
	p.Tracing = o.asSent("tracing")
	p.Prompt = o.asSent("prompt")
	p.Include = o.asSent("include")
	decodeFlat(o, &p)
	if audio, ok := o.object("audio"); ok {
		if in, ok := audio.object("input"); ok {
			decodeInput(in, &p)
		}
		if out, ok := audio.object("output"); ok {
			decodeOutput(out, &p)
		}
	}
	return p
}

func decodeInput(o object, p *SessionPatch) {
	if format, ok := o.object("format"); ok {
		p.InputFormat = decodeFormat(format)
	}
	if o.present("transcription") {
		p.Transcription = some(decodeTranscription(o, "transcription"))
	}
	if o.present("noise_reduction") {
		p.NoiseReduction = some(decodeNoiseReduction(o, "noise_reduction"))
	}
	if o.present("turn_detection") {
		p.TurnDetection = some(decodeTurnDetection(o))
	}
}

func decodeOutput(o object, p *SessionPatch) {
	if format, ok := o.object("format"); ok {
		p.OutputFormat = decodeFormat(format)
	}
	p.Voice = decodeVoice(o)
	if v, ok := o.within("speed", 0.25, 1.5); ok {
		p.Speed = some(v)
	}
}

// isFlat reports whether a session has fields that only the older protocol has
// there.
func isFlat(o object) bool {
	for _, name := range []string{"modalities", "voice", "input_audio_format", "output_audio_format", "input_audio_transcription",
		"input_audio_noise_reduction", "turn_detection", "max_response_output_tokens"} {
		if o.present(name) {
			return true
		}
	}
	return false
}

// decodeFlat reads the fields that the older protocol has at the top.
func decodeFlat(o object, p *SessionPatch) {
	p.InputFormat = decodeFlatFormat(o, "input_audio_format")
	p.OutputFormat = decodeFlatFormat(o, "output_audio_format")
	p.Voice = decodeVoice(o)
	if v, ok := o.within("speed", 0.25, 1.5); ok {
		p.Speed = some(v)
	}
	if o.present("input_audio_transcription") {
		p.Transcription = some(decodeTranscription(o, "input_audio_transcription"))
	}
	if o.present("input_audio_noise_reduction") {
		p.NoiseReduction = some(decodeNoiseReduction(o, "input_audio_noise_reduction"))
	}
	if o.present("turn_detection") {
		p.TurnDetection = some(decodeTurnDetection(o))
	}
}

func decodeFlatFormat(o object, name string) (f Opt[Format]) {
	s, ok := o.text(name)
	if !ok || !o.oneOf(name, s, "pcm16", "g711_ulaw", "g711_alaw") {
		return f
	}
	switch s {
	case "g711_ulaw":
		return some(Format{CodecULaw, 8000})
	case "g711_alaw":
		return some(Format{CodecALaw, 8000})
	}
	return some(Format{CodecPCM, 24000})
}

func decodeFormat(o object) (f Opt[Format]) {
	if !o.need("type") {
		return f
	}
	name, _ := o.text("type")
	if !o.oneOf("type", name, string(CodecPCM), string(CodecULaw), string(CodecALaw)) {
		return f
	}
	format := Format{Codec: Codec(name), Rate: 8000}
	if format.Codec == CodecPCM {
		format.Rate = 24000
	}
	if rate, ok := o.integer("rate"); ok && rate != format.Rate {
		// 16 kHz is what the models hear. Validators of some clients refuse
		// to read it back, but those do not ask for it.
		if format.Codec != CodecPCM || rate != 16000 {
			o.r.fail(CodeInvalidValue, o.param("rate"), "%s is %d, want %s", o.param("rate"), rate, rates(format.Codec))
		}
		format.Rate = rate
	}
	return some(format)
}

func rates(c Codec) string {
	if c == CodecPCM {
		return "24000 or 16000"
	}
	return "8000"
}

func decodeTranscription(o object, name string) *Transcription {
	sub, ok := o.object(name)
	if !ok {
		return nil
	}
	var t Transcription
	t.Model, _ = sub.text("model")
	t.Language, _ = sub.text("language")
	t.Prompt, _ = sub.text("prompt")
	return &t
}

func decodeNoiseReduction(o object, name string) *NoiseReduction {
	sub, ok := o.object(name)
	if !ok {
		return nil
	}
	sub.need("type")
	var n NoiseReduction
	n.Type, _ = sub.text("type")
	sub.oneOf("type", n.Type, "near_field", "far_field")
	return &n
}

// longestDelay bounds the durations of turn detection.
const longestDelay = 60_000 // milliseconds

func decodeTurnDetection(o object) *TurnDetection {
	sub, ok := o.object("turn_detection")
	if !ok {
		return nil
	}
	t := DefaultServerVAD()
	if name, ok := sub.text("type"); ok && sub.oneOf("type", name, ServerVAD, SemanticVAD) {
		t.Type = name
	}
	if v, ok := sub.flag("create_response"); ok {
		t.CreateResponse = v
	}
	if v, ok := sub.flag("interrupt_response"); ok {
		t.InterruptResponse = v
	}
	if v, ok := sub.within("threshold", 0, 1); ok {
		t.Threshold = v
	}
	if ms, ok := sub.between("prefix_padding_ms", 0, longestDelay); ok {
		t.PrefixPadding = time.Duration(ms) * time.Millisecond
	}
	if ms, ok := sub.between("silence_duration_ms", 0, longestDelay); ok {
		t.SilenceDuration = time.Duration(ms) * time.Millisecond
	}
	if ms, ok := sub.between("idle_timeout_ms", 0, 10*longestDelay); ok {
		t.IdleTimeout = time.Duration(ms) * time.Millisecond
	}
	if t.Type == SemanticVAD {
		t.Eagerness = "auto"
		if e, ok := sub.text("eagerness"); ok && sub.oneOf("eagerness", e, "low", "medium", "high", "auto") {
			t.Eagerness = e
		}
	}
	return t
}

// decodeModalities takes a list that contains audio for audio, as the older
// protocol has both.
func decodeModalities(o object) (m Opt[Modality]) {
	name := "output_modalities"
	if !o.has(name) {
		name = "modalities"
	}
	raws, ok := o.list(name)
	if !ok {
		return m
	}
	for i, raw := range raws {
		var word string
		if json.Unmarshal(raw, &word) != nil || word != string(ModalityAudio) && word != string(ModalityText) {
			o.r.fail(CodeInvalidValue, o.index(name, i), "invalid value for %s: supported are \"audio\", \"text\"", o.index(name, i))
			return m
		}
		if m.Value != ModalityAudio {
			m = some(Modality(word))
		}
	}
	if !m.Set {
		o.r.fail(CodeInvalidValue, o.param(name), "%s is empty, want \"audio\" or \"text\"", o.param(name))
	}
	return m
}

// decodeVoice takes a name, or the object form {"id": …}.
func decodeVoice(o object) (v Opt[string]) {
	if raw := o.raw("voice"); len(raw) > 0 && raw[0] == '{' {
		if sub, ok := o.object("voice"); ok {
			id, ok := sub.text("id")
			return Opt[string]{ok, id}
		}
		return v
	}
	name, ok := o.text("voice")
	return Opt[string]{ok, name}
}

func decodeMaxTokens(o object) (n Opt[int]) {
	for _, name := range []string{"max_output_tokens", "max_response_output_tokens"} {
		raw := o.raw(name)
		if raw == nil {
			continue
		}
		if raw[0] == '"' {
			if s, ok := o.text(name); ok && o.oneOf(name, s, "inf") {
				return some(0)
			}
			return n
		}
		v, ok := o.between(name, 1, 1<<30)
		return Opt[int]{ok, v}
	}
	return n
}

func decodeTemperature(o object) (t Opt[float64]) {
	v, ok := o.within("temperature", 0, 2)
	return Opt[float64]{ok, v}
}

func decodeReasoning(o object) (r Opt[*Reasoning]) {
	if !o.present("reasoning") {
		return r
	}
	sub, ok := o.object("reasoning")
	if !ok {
		return some[*Reasoning](nil)
	}
	effort, _ := sub.text("effort")
	if effort != "" {
		sub.oneOf("effort", effort, "none", "minimal", "low", "medium", "high", "xhigh")
	}
	return some(&Reasoning{effort})
}

// asSent keeps a field that is stored and echoed but has no effect.
func (o object) asSent(name string) Opt[json.RawMessage] {
	return Opt[json.RawMessage]{o.present(name), o.raw(name)}
}
