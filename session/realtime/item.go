package realtime

import "encoding/base64"

// ItemType is the kind of a conversation item.
type ItemType string

// The items of a conversation.
const (
	Message            ItemType = "message"
	FunctionCall       ItemType = "function_call"
	FunctionCallOutput ItemType = "function_call_output"
	ItemReference      ItemType = "item_reference" // only in ResponseParams.Input
)

// Role says who speaks in a message.
type Role string

// The roles of messages.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Status is the state of an item or a response.
type Status string

// The states. Cancelled and Failed are for responses only.
const (
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Incomplete Status = "incomplete"
	Cancelled  Status = "cancelled"
	Failed     Status = "failed"
)

// Item is an item of a conversation as it is sent and received.
type Item struct {
	ID        string    // item_…, or what the client chose
	Type      ItemType  // decides which of the fields below count
	Status    Status    // "" is left out
	Role      Role      // messages
	Content   []Content // messages
	Name      string    // function calls
	CallID    string    // function calls and their outputs
	Arguments string    // function calls: JSON
	Output    string    // function call outputs
}

// ContentType is the kind of a part of a message.
type ContentType string

// The parts of messages: input for users and systems, output for assistants.
const (
	InputText   ContentType = "input_text"
	InputAudio  ContentType = "input_audio"
	InputImage  ContentType = "input_image"
	OutputText  ContentType = "output_text"
	OutputAudio ContentType = "output_audio"
)

// Content is one part of a message.
type Content struct {
	Type       ContentType
	Text       string // InputText, OutputText
	Transcript string // InputAudio, OutputAudio: the words, "" is unknown
	Audio      []byte // InputAudio as received, in the session's format; never echoed
	Sound      []byte // InputAudio, OutputAudio, in answers to ItemRetrieve only: what was said, in the session's format
	Image      []byte // InputImage as received: an encoded picture; never echoed
	ImageURL   string // InputImage: the data URI to echo, "" leaves it out
	Detail     string // InputImage: auto, low or high
}

// maxImageEcho is the longest data URI that is echoed with an item. Clients
// have the picture already; the field is optional for all of them.
const maxImageEcho = 16 << 10

func (it *Item) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "id", it.ID)
	b = fieldString(b, "object", "realtime.item")
	b = fieldString(b, "type", string(it.Type))
	if it.Status != "" {
		b = fieldString(b, "status", string(it.Status))
	}
	switch it.Type {
	case Message:
		b = fieldString(b, "role", string(it.Role))
		b = append(key(b, "content"), '[')
		for i := range it.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = it.Content[i].append(b)
		}
		b = append(b, ']')
	case FunctionCall:
		b = fieldString(b, "name", it.Name)
		b = fieldString(b, "call_id", it.CallID)
		b = fieldString(b, "arguments", it.Arguments)
	case FunctionCallOutput:
		b = fieldString(b, "call_id", it.CallID)
		b = fieldString(b, "output", it.Output)
	case ItemReference:
	}
	return append(b, '}')
}

func (c *Content) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "type", string(c.Type))
	switch c.Type {
	case InputText, OutputText, betaText:
		b = fieldString(b, "text", c.Text)
	case InputAudio:
		// The key must be there: one client throws without it.
		b = fieldSound(b, c.Sound)
		b = fieldNullable(b, "transcript", c.Transcript)
	case OutputAudio, betaAudio:
		b = fieldSound(b, c.Sound)
		b = fieldString(b, "transcript", c.Transcript)
	case InputImage:
		if c.ImageURL != "" {
			b = fieldString(b, "image_url", c.ImageURL)
		}
		if c.Detail != "" {
			b = fieldString(b, "detail", c.Detail)
		}
	}
	return append(b, '}')
}

// fieldSound writes sound where there is some.
func fieldSound(b []byte, sound []byte) []byte {
	if len(sound) == 0 {
		return b
	}
	b = append(key(b, "audio"), '"')
	return append(base64.StdEncoding.AppendEncode(b, sound), '"')
}

// Part is a part of an answer in the content_part events, where the words are
// "text" and "audio", not those of ContentType.
type Part struct {
	Type Modality // ModalityText or ModalityAudio
	Text string   // the text, or the transcript of the sound
}

func (p Part) append(b []byte) []byte {
	b = append(b, '{')
	b = fieldString(b, "type", string(p.Type))
	if p.Type == ModalityAudio {
		b = fieldString(b, "transcript", p.Text)
	} else {
		b = fieldString(b, "text", p.Text)
	}
	return append(b, '}')
}
