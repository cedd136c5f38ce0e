package realtime

// SessionCreated is the first event of a connection.
type SessionCreated struct{ Session *Session }

// SessionUpdated answers every good SessionUpdate with the whole session.
type SessionUpdated struct{ Session *Session }

// ItemAdded says that an item entered the conversation.
type ItemAdded struct {
	Previous string // id of the item before it, "" at the front
	Item     *Item  // as it is now
}

// ItemDone says that an item is final.
type ItemDone struct {
	Previous string // id of the item before it, "" at the front
	Item     *Item  // as it will stay
}

// ItemRetrieved answers ItemRetrieve.
type ItemRetrieved struct{ Item *Item }

// ItemDeleted says that an item left the conversation.
type ItemDeleted struct{ ItemID string }

// ItemTruncated answers ItemTruncate.
type ItemTruncated struct {
	ItemID       string // as asked
	ContentIndex int    // as asked
	AudioEndMS   int    // where the answer now ends
}

// AudioCommitted says that the input buffer became an item.
type AudioCommitted struct {
	ItemID   string // of the item that follows in ItemAdded
	Previous string // id of the item before it, "" at the front
}

// AudioCleared answers AudioClear.
type AudioCleared struct{}

// SpeechStarted says that the user began to speak.
type SpeechStarted struct {
	ItemID       string // of the item that the speech will be
	AudioStartMS int    // since the first sample of the session, padding included
}

// SpeechStopped says that the user's turn ended.
type SpeechStopped struct {
	ItemID     string // as in SpeechStarted
	AudioEndMS int    // since the first sample of the session
}

// ResponseCreated is the first event of a response.
type ResponseCreated struct{ Response *Response }

// ResponseDone is the last event of a response.
type ResponseDone struct{ Response *Response }

// OutputItemAdded opens an item of a response.
type OutputItemAdded struct {
	ResponseID  string // the response
	OutputIndex int    // number of the item in it
	Item        *Item  // in progress, without content
}

// OutputItemDone closes an item of a response.
type OutputItemDone struct {
	ResponseID  string // the response
	OutputIndex int    // number of the item in it
	Item        *Item  // whole
}

// Place says which part of which item of which response an event is about.
type Place struct {
	ResponseID   string // the response
	ItemID       string // the message
	OutputIndex  int    // number of the message in the response
	ContentIndex int    // number of the part in the message
}

// PartAdded opens a part of a message.
type PartAdded struct {
	Place
	Part Part // empty
}

// PartDone closes a part of a message.
type PartDone struct {
	Place
	Part Part // whole
}

// TextDelta is a piece of an answer in text.
type TextDelta struct {
	Place
	Delta string // what is added
}

// TextDone closes an answer in text.
type TextDone struct {
	Place
	Text string // whole
}

// ArgumentsDelta is a piece of the arguments of a function call.
type ArgumentsDelta struct {
	ResponseID  string // the response
	ItemID      string // the function call
	OutputIndex int    // number of the item in the response
	CallID      string // what its output will name
	Delta       string // what is added
}

// ArgumentsDone closes the arguments of a function call.
type ArgumentsDone struct {
	ResponseID  string // the response
	ItemID      string // the function call
	OutputIndex int    // number of the item in the response
	CallID      string // what its output will name
	Name        string // the function
	Arguments   string // whole, JSON
}

// ErrorEvent tells the client of an error.
type ErrorEvent struct {
	Err *Error // with the event id of the client's event at fault
}

// Type returns "session.created".
func (SessionCreated) Type() string { return "session.created" }

// Type returns "session.updated".
func (SessionUpdated) Type() string { return "session.updated" }

// Type returns "conversation.item.added".
func (ItemAdded) Type() string { return "conversation.item.added" }

// Type returns "conversation.item.done".
func (ItemDone) Type() string { return "conversation.item.done" }

// Type returns "conversation.item.retrieved".
func (ItemRetrieved) Type() string { return "conversation.item.retrieved" }

// Type returns "conversation.item.deleted".
func (ItemDeleted) Type() string { return "conversation.item.deleted" }

// Type returns "conversation.item.truncated".
func (ItemTruncated) Type() string { return "conversation.item.truncated" }

// Type returns "input_audio_buffer.committed".
func (AudioCommitted) Type() string { return "input_audio_buffer.committed" }

// Type returns "input_audio_buffer.cleared".
func (AudioCleared) Type() string { return "input_audio_buffer.cleared" }

// Type returns "input_audio_buffer.speech_started".
func (SpeechStarted) Type() string { return "input_audio_buffer.speech_started" }

// Type returns "input_audio_buffer.speech_stopped".
func (SpeechStopped) Type() string { return "input_audio_buffer.speech_stopped" }

// Type returns "response.created".
func (ResponseCreated) Type() string { return "response.created" }

// Type returns "response.done".
func (ResponseDone) Type() string { return "response.done" }

// Type returns "response.output_item.added".
func (OutputItemAdded) Type() string { return "response.output_item.added" }

// Type returns "response.output_item.done".
func (OutputItemDone) Type() string { return "response.output_item.done" }

// Type returns "response.content_part.added".
func (PartAdded) Type() string { return "response.content_part.added" }

// Type returns "response.content_part.done".
func (PartDone) Type() string { return "response.content_part.done" }

// Type returns "response.output_text.delta".
func (TextDelta) Type() string { return "response.output_text.delta" }

// Type returns "response.output_text.done".
func (TextDone) Type() string { return "response.output_text.done" }

// Type returns "response.function_call_arguments.delta".
func (ArgumentsDelta) Type() string { return "response.function_call_arguments.delta" }

// Type returns "response.function_call_arguments.done".
func (ArgumentsDone) Type() string { return "response.function_call_arguments.done" }

// Type returns "error".
func (ErrorEvent) Type() string { return "error" }
