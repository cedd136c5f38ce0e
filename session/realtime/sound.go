package realtime

import "encoding/base64"

// AudioDelta is a piece of an answer in sound.
type AudioDelta struct {
	Place
	Audio []byte // in the session's output format
}

// AudioDone closes an answer in sound.
type AudioDone struct{ Place }

// TranscriptDelta is a piece of the words of an answer in sound.
type TranscriptDelta struct {
	Place
	Delta string // what is added
	// Start is where the first of its words begins, in seconds of the item's
	// sound. It is not in the protocol, but one client makes captions of it.
	Start float64
}

// TranscriptDone closes the words of an answer in sound.
type TranscriptDone struct {
	Place
	Transcript string // whole
}

// OutputStarted says that sound of a response begins to play, where the server
// plays it (WebRTC).
type OutputStarted struct{ ResponseID string }

// OutputStopped says that all sound of a response has been played.
type OutputStopped struct{ ResponseID string }

// OutputCleared says that what was not played of a response never will be.
type OutputCleared struct{ ResponseID string }

// Type returns "response.output_audio.delta".
func (AudioDelta) Type() string { return "response.output_audio.delta" }

// Type returns "response.output_audio.done".
func (AudioDone) Type() string { return "response.output_audio.done" }

// Type returns "response.output_audio_transcript.delta".
func (TranscriptDelta) Type() string { return "response.output_audio_transcript.delta" }

// Type returns "response.output_audio_transcript.done".
func (TranscriptDone) Type() string { return "response.output_audio_transcript.done" }

// Type returns "output_audio_buffer.started".
func (OutputStarted) Type() string { return "output_audio_buffer.started" }

// Type returns "output_audio_buffer.stopped".
func (OutputStopped) Type() string { return "output_audio_buffer.stopped" }

// Type returns "output_audio_buffer.cleared".
func (OutputCleared) Type() string { return "output_audio_buffer.cleared" }

func (e AudioDelta) appendFields(b []byte) []byte {
	b = append(key(e.Place.append(b), "delta"), '"')
	b = base64.StdEncoding.AppendEncode(b, e.Audio)
	return append(b, '"')
}

func (e AudioDone) appendFields(b []byte) []byte { return e.Place.append(b) }

func (e TranscriptDelta) appendFields(b []byte) []byte {
	b = fieldString(e.Place.append(b), "delta", e.Delta)
	return fieldNumber(b, "start_time", e.Start)
}

func (e TranscriptDone) appendFields(b []byte) []byte {
	return fieldString(e.Place.append(b), "transcript", e.Transcript)
}

func (e OutputStarted) appendFields(b []byte) []byte {
	return fieldString(b, "response_id", e.ResponseID)
}

func (e OutputStopped) appendFields(b []byte) []byte {
	return fieldString(b, "response_id", e.ResponseID)
}

func (e OutputCleared) appendFields(b []byte) []byte {
	return fieldString(b, "response_id", e.ResponseID)
}
