// Package realtime is the OpenAI Realtime protocol as types: JSON bytes on one
// side, events on the other. It does no I/O, starts no goroutine and knows
// nothing of models.
//
// Decoding is tolerant where clients differ: unknown fields are ignored, null
// and absent are told apart only where the protocol does, names of the older
// protocol are taken for the new ones. What cannot be understood is an *Error
// with the code, the path of the field and the client's event id.
//
// Encoding is strict: every event carries exactly the keys that the validators
// of the known clients demand, in a fixed order, and nothing else.
//
// Start reading at Decode and Append.
package realtime

// ClientEvent is what a client may say. The set is sealed: a switch over it
// needs no default.
type ClientEvent interface {
	// ID returns the event_id that the client chose, or "".
	ID() string
}

// ServerEvent is what the server says. The set is sealed.
type ServerEvent interface {
	// Type returns the event's name in the protocol.
	Type() string
	// appendFields appends the event's own fields, each after a comma.
	appendFields(b []byte) []byte
}

// Append appends one event as a JSON object to b and returns the extended
// slice. Every event has a unique id within its connection.
func Append(b []byte, id string, ev ServerEvent) []byte {
	b = append(b, `{"type":`...)
	b = appendString(b, ev.Type())
	b = append(b, `,"event_id":`...)
	b = appendString(b, id)
	b = ev.appendFields(b)
	return append(b, '}')
}

// Modality is a way in which a response is given.
type Modality string

// The modalities of responses. A session has one of them at a time.
const (
	ModalityAudio Modality = "audio"
	ModalityText  Modality = "text"
)

// Opt is a field that may be left out of an update. Where the protocol allows
// null, null is the zero Value with Set true.
type Opt[T any] struct {
	Set   bool
	Value T
}

// some returns a present field.
func some[T any](v T) Opt[T] { return Opt[T]{Set: true, Value: v} }

// Or returns the field's value, or other if it was left out.
func (o Opt[T]) Or(other T) T {
	if o.Set {
		return o.Value
	}
	return other
}
