package realtime

import "encoding/json"

// event is what every client event has.
type event struct {
	id string
}

// ID returns the event_id that the client chose, or "".
func (e event) ID() string { return e.id }

// SessionUpdate changes the configuration of the session.
type SessionUpdate struct {
	event
	Session SessionPatch // what to change
}

// AudioAppend adds sound to the input buffer.
type AudioAppend struct {
	event
	Audio []byte // in the session's input format, possibly half a sample
}

// AudioCommit makes the input buffer a user item.
type AudioCommit struct{ event }

// AudioClear empties the input buffer.
type AudioClear struct{ event }

// ImageAppend shows a frame of a camera; the newest counts.
type ImageAppend struct {
	event
	Image  []byte // an encoded picture
	Detail string // auto, low, high or ""
}

// ImageClear says that the camera is off.
type ImageClear struct{ event }

// OutputClear drops sound that was made but not played (WebRTC).
type OutputClear struct{ event }

// ItemCreate adds an item to the conversation.
type ItemCreate struct {
	event
	Item     Item   // its ID may be empty
	Previous string // id of the item to stand behind, RootItem for the front, "" for the end
}

// RootItem as ItemCreate.Previous is the place before all items.
const RootItem = "root"

// ItemRetrieve asks for an item.
type ItemRetrieve struct {
	event
	ItemID string // the item
}

// ItemDelete removes an item.
type ItemDelete struct {
	event
	ItemID string // the item
}

// ItemTruncate says how much of an answer the user heard.
type ItemTruncate struct {
	event
	ItemID       string // an assistant message
	ContentIndex int    // the part, 0
	AudioEndMS   int    // milliseconds of sound that were heard
}

// ResponseCreate asks for an answer.
type ResponseCreate struct {
	event
	Params ResponseParams // what differs from the session
}

// ResponseCancel stops an answer.
type ResponseCancel struct {
	event
	ResponseID string // which one; "" is the one in the conversation
}

// ResponseParams are the settings of one response. What is not set is the
// session's.
type ResponseParams struct {
	OutOfBand       bool            // conversation "none": it leaves no trace in the conversation
	Input           Opt[[]Item]     // the context instead of the conversation; may hold references
	Instructions    Opt[string]     // instead of the session's
	Output          Opt[Modality]   // instead of the session's
	Tools           Opt[[]Tool]     // instead of the session's
	ToolChoice      Opt[ToolChoice] // instead of the session's
	MaxOutputTokens Opt[int]        // 0 is "inf"
	Temperature     Opt[float64]    // not in the current protocol, but sent
	Metadata        json.RawMessage // an object of strings, echoed as it came; nil for none
	Voice           Opt[string]     // instead of the session's
	Format          Opt[Format]     // of the sound, instead of the session's
	ParallelTools   Opt[bool]       // instead of the session's
	Reasoning       Opt[*Reasoning] // instead of the session's
}
