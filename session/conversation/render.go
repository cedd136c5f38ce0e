package conversation

import (
	"strings"

	"hark/engine/chat"
	"hark/session/realtime"
)

// Render turns items into messages. The media that Content.Media of the
// messages are indices into come beside them.
//
// What users say in a row is one turn, however many items it has: a picture
// followed by speech is one message with both. Texts that meet in it are put
// on lines of their own. Instructions at the front, the session's and items of
// the system, are one message.
func Render(instructions string, items []*Item) ([]chat.Message, []Medium) {
	r := renderer{calls: map[string]bool{}}
	if instructions != "" {
		r.text(chat.System, instructions)
	}
	for _, it := range items {
		if !it.Forgotten {
			r.item(it)
		}
	}
	return r.messages, r.media
}

type renderer struct {
	messages []chat.Message
	media    []Medium
	calls    map[string]bool // ids of the calls so far
}

func (r *renderer) item(it *Item) {
	switch it.Type {
	case realtime.Message:
		r.message(it)
	case realtime.FunctionCall:
		if it.Status == realtime.Incomplete { // it was never made
			return
		}
		r.calls[it.CallID] = true
		call := chat.ToolCall{ID: it.CallID, Name: it.Name, Arguments: []byte(it.Arguments)}
		if m := r.last(chat.Assistant); m != nil && len(m.ToolCalls) > 0 {
			m.ToolCalls = append(m.ToolCalls, call)
			return
		}
		r.messages = append(r.messages, chat.Message{Role: chat.Assistant, ToolCalls: []chat.ToolCall{call}})
	case realtime.FunctionCallOutput:
		if !r.calls[it.CallID] { // its call was deleted or forgotten
			r.text(chat.User, it.Output)
			return
		}
		r.messages = append(r.messages, chat.Message{
			Role:       chat.ToolRole,
			ToolCallID: it.CallID,
			Content:    []chat.Content{{Kind: chat.Text, Text: it.Output}},
			Result:     chat.Result(it.Output),
		})
	case realtime.ItemReference:
	}
}

func (r *renderer) message(it *Item) {
	if it.Role == realtime.RoleAssistant {
		r.answer(it)
		return
	}
	role := chat.User
	if it.Role == realtime.RoleSystem {
		role = chat.System
	}
	for i, c := range it.Content {
		switch c.Type {
		case realtime.InputText, realtime.OutputText:
			r.text(role, c.Text)
		case realtime.InputAudio, realtime.OutputAudio:
			if len(it.media(i)) == 0 { // replayed by a client that has the words only
				r.text(role, c.Transcript)
			}
			r.attach(role, chat.Audio, it.media(i))
		case realtime.InputImage:
			r.attach(role, chat.Image, it.media(i))
		}
	}
}

// answer renders what the assistant said: in its own ids where they are known.
func (r *renderer) answer(it *Item) {
	content := chat.Content{Kind: chat.Text, IDs: it.IDs, Text: it.Said()}
	if content.Text != "" || len(content.IDs) > 0 {
		r.messages = append(r.messages, chat.Message{Role: chat.Assistant, Content: []chat.Content{content}})
	}
}

// last returns the last message if it is of the role.
func (r *renderer) last(role chat.Role) *chat.Message {
	if n := len(r.messages); n > 0 && r.messages[n-1].Role == role {
		return &r.messages[n-1]
	}
	return nil
}

// turn returns the message of a user or a system that new content goes to.
func (r *renderer) turn(role chat.Role) *chat.Message {
	if m := r.last(role); m != nil {
		return m
	}
	r.messages = append(r.messages, chat.Message{Role: role})
	return &r.messages[len(r.messages)-1]
}

func (r *renderer) text(role chat.Role, s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	m := r.turn(role)
	if n := len(m.Content); n > 0 && m.Content[n-1].Kind == chat.Text {
		m.Content[n-1].Text += "\n" + s
		return
	}
	m.Content = append(m.Content, chat.Content{Kind: chat.Text, Text: s})
}

func (r *renderer) attach(role chat.Role, kind chat.Kind, media []Medium) {
	for _, medium := range media {
		m := r.turn(role)
		m.Content = append(m.Content, chat.Content{Kind: kind, Media: len(r.media), Tokens: medium.Tokens()})
		r.media = append(r.media, medium)
	}
}
