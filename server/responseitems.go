package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"hark/session/conversation"
	"hark/session/realtime"
)

// responseItem is an item of a response's output.
type responseItem struct {
	Type      string            `json:"type"`
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	Role      string            `json:"role,omitempty"`      // messages
	Content   []responseContent `json:"content,omitempty"`   // messages
	CallID    string            `json:"call_id,omitempty"`   // calls
	Name      string            `json:"name,omitempty"`      // calls
	Arguments *string           `json:"arguments,omitempty"` // calls
}

// responseContent is text of an answer.
type responseContent struct {
	Type        string        `json:"type"`
	Text        string        `json:"text"`
	Annotations []string      `json:"annotations"` // always empty
	Logprobs    []chatLogprob `json:"logprobs"`
}

// inputItem is an item of a request's input, or one that is remembered.
type inputItem struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"` // a string or a list of parts
	CallID    string          `json:"call_id"`
	Name      string          `json:"name"`
	Arguments string          `json:"arguments"`
	Output    json.RawMessage `json:"output"` // as Content
}

// inputItems returns the items of an input, a string being one, each with an
// id.
func inputItems(raw json.RawMessage) (list []json.RawMessage, err error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		content, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		raw = append(append([]byte(`[{"type":"message","role":"user","content":[{"type":"input_text","text":`), content...), `}]}]`...)
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, badJSON(err)
	}
	for i, it := range list {
		if itemID(it) != "" {
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(it, &fields); err != nil {
			return nil, badJSON(err)
		}
		fields["id"] = json.RawMessage(fmt.Sprintf("%q", newID("msg_")))
		if list[i], err = json.Marshal(fields); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func itemID(raw json.RawMessage) string {
	var it struct{ ID string }
	_ = json.Unmarshal(raw, &it) // without one it has none
	return it.ID
}

// responseItems makes items of a conversation of those of a request, which the
// caller frees, after an error too. The first so many were remembered.
func (l *loader) responseItems(raws []json.RawMessage, remembered int) (list []*conversation.Item, err error) {
	for i, raw := range raws {
		path := fmt.Sprintf("input[%d]", i-remembered)
		if i < remembered {
			path = "previous_response_id"
		}
		var in inputItem
		if err := json.Unmarshal(raw, &in); err != nil {
			return list, locate(badJSON(err), path)
		}
		it := &conversation.Item{Item: realtime.Item{Type: realtime.ItemType(in.Type), CallID: in.CallID, Name: in.Name, Arguments: in.Arguments}}
		switch in.Type {
		case "function_call":
		case "function_call_output":
			if it.Output, err = outputText(in.Output); err != nil {
				return list, locate(err, path)
			}
		case "reasoning": // thoughts are not shown to the model again
			continue
		default:
			it.Item = realtime.Item{Type: realtime.Message, Role: roles[in.Role]}
			list = append(list, it)
			if err := l.responseContent(it, in.Content); err != nil {
				return list, locate(err, path)
			}
			continue
		}
		list = append(list, it)
	}
	return list, nil
}

// responsePart is a part of an item's content.
type responsePart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	ImageURL string `json:"image_url"`
	Detail   string `json:"detail"`
	Audio    struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
}

// responseContent adds content to an item.
func (l *loader) responseContent(it *conversation.Item, raw json.RawMessage) error {
	parts, err := responseParts(raw)
	if err != nil {
		return locate(err, "content")
	}
	for i, p := range parts {
		if err := l.responsePart(it, p); err != nil {
			return locate(err, fmt.Sprintf("content[%d]", i))
		}
	}
	return nil
}

// responseParts reads content: a string is one part.
func responseParts(raw json.RawMessage) (parts []responsePart, err error) {
	var text string
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || json.Unmarshal(raw, &text) == nil {
		return []responsePart{{Type: "input_text", Text: text}}, nil
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, badJSON(err)
	}
	return parts, nil
}

func (l *loader) responsePart(it *conversation.Item, p responsePart) error {
	switch p.Type {
	case "input_image", "input_audio":
		if it.Role != realtime.RoleUser {
			return realtime.Invalid(realtime.CodeInvalidValue, "type", "only a user's message has pictures and sound")
		}
	default:
		addText(it, p.Text+p.Refusal)
		return nil
	}
	if p.Type == "input_image" {
		return locate(l.picture(it, address{p.ImageURL, p.Detail}), "image_url")
	}
	file, err := base64.StdEncoding.DecodeString(p.Audio.Data)
	if err != nil {
		return realtime.Invalid(realtime.CodeInvalidValue, "input_audio.data", "the sound is not base64: %v", err)
	}
	return locate(l.sound(it, file, p.Audio.Format, "data"), "input_audio")
}

// outputText returns the text of a function's result.
func outputText(raw json.RawMessage) (text string, err error) {
	parts, err := responseParts(raw)
	if err != nil {
		return "", locate(err, "output")
	}
	for i, p := range parts {
		if p.Type != "input_text" && p.Type != "output_text" {
			return "", realtime.Invalid(realtime.CodeInvalidValue, fmt.Sprintf("output[%d].type", i), "the result of a tool is text")
		}
		text += p.Text
	}
	return text, nil
}
