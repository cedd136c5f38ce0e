package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"hark/audio"
	"hark/audio/resample"
	"hark/audio/wav"
	"hark/session"
	"hark/session/conversation"
	"hark/session/realtime"
)

// maxSoundSeconds is the longest sound in one part of a message.
const maxSoundSeconds = 600

// chatPart is a part of a message's content.
type chatPart struct {
	Type     string          `json:"type"`
	Text     string          `json:"text"`
	ImageURL json.RawMessage `json:"image_url"` // {"url", "detail"}, or the address alone
	Audio    struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
}

// items turns the messages of a request into items of a conversation, with
// their pictures and sound in the engine. The caller closes them; after an
// error there are none.
func items(e session.Engine, messages []chatMessage) (list []*conversation.Item, err error) {
	defer func() {
		if err != nil {
			for _, it := range list {
				it.Close()
			}
			list = nil
		}
	}()
	for i, m := range messages {
		path := fmt.Sprintf("messages[%d]", i)
		var role realtime.Role
		switch m.Role {
		case "system", "developer":
			role = realtime.RoleSystem
		case "user":
			role = realtime.RoleUser
		case "assistant":
			role = realtime.RoleAssistant
		case "tool":
			text, err := toolResult(m, path)
			if err != nil {
				return list, err
			}
			list = append(list, &conversation.Item{Item: realtime.Item{Type: realtime.FunctionCallOutput, CallID: m.ToolCallID, Output: text}})
			continue
		default:
			return list, realtime.Invalid(realtime.CodeInvalidValue, path+".role",
				"invalid value for %s.role: %.64q, supported are \"system\", \"developer\", \"user\", \"assistant\", \"tool\"", path, m.Role)
		}
		it := &conversation.Item{Item: realtime.Item{Type: realtime.Message, Role: role}}
		list = append(list, it)
		parts, err := contentParts(m.Content, path)
		if err != nil {
			return list, err
		}
		for j, p := range parts {
			if err := addPart(e, it, p); err != nil {
				return list, locate(err, fmt.Sprintf("%s.content[%d]", path, j))
			}
		}
		for _, c := range m.ToolCalls {
			if c.Function.Arguments == "" {
				c.Function.Arguments = "{}"
			}
			list = append(list, &conversation.Item{Item: realtime.Item{
				Type: realtime.FunctionCall, CallID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments}})
		}
	}
	return list, nil
}

// toolResult returns the text of a message of a tool.
func toolResult(m chatMessage, path string) (text string, err error) {
	parts, err := contentParts(m.Content, path)
	if err != nil {
		return "", err
	}
	for _, p := range parts {
		text += p.Text
	}
	return text, nil
}

// contentParts reads content: a string is one part.
func contentParts(raw json.RawMessage, path string) (parts []chatPart, err error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []chatPart{{Type: "text", Text: text}}, nil
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidType, path+".content",
			"invalid type for %s.content: want a string or a list of parts", path)
	}
	if len(parts) > session.MaxParts {
		return nil, realtime.Invalid(realtime.CodeTooLong, path+".content", "%d parts, want at most %d", len(parts), session.MaxParts)
	}
	return parts, nil
}

// addPart adds a part to an item.
func addPart(e session.Engine, it *conversation.Item, p chatPart) error {
	i := len(it.Content)
	switch p.Type {
	case "text":
		kind := realtime.InputText
		if it.Role == realtime.RoleAssistant {
			kind = realtime.OutputText
		}
		it.Content = append(it.Content, realtime.Content{Type: kind, Text: p.Text})
		return nil
	case "image_url", "input_audio":
		if it.Role != realtime.RoleUser {
			return realtime.Invalid(realtime.CodeInvalidValue, "type", "only a user's message has pictures and sound")
		}
	default:
		return realtime.Invalid(realtime.CodeInvalidValue, "type",
			"invalid value for a part's type: %.64q, supported are \"text\", \"image_url\", \"input_audio\"", p.Type)
	}
	if p.Type == "image_url" {
		it.Content = append(it.Content, realtime.Content{Type: realtime.InputImage})
		medium, err := look(e, p.ImageURL)
		if err != nil {
			return locate(err, "image_url")
		}
		it.Attach(i, medium)
		return nil
	}
	it.Content = append(it.Content, realtime.Content{Type: realtime.InputAudio})
	samples, err := decodeSound(p.Audio.Data, p.Audio.Format)
	if err == nil {
		err = session.Listen(e, session.NewDetector(), samples, it, i)
	}
	if err != nil {
		return locate(err, "input_audio")
	}
	return nil
}

// look decodes a picture in a data URI.
func look(e session.Engine, raw json.RawMessage) (conversation.Medium, error) {
	var image struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(raw, &image.URL) != nil && json.Unmarshal(raw, &image) != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidType, "", "invalid type for image_url: want an object with a url")
	}
	data, err := realtime.DecodeDataURI(image.URL)
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "url", "%v", err)
	}
	return session.Look(e, data, image.Detail)
}

// decodeSound returns the samples of a WAV file in base64, at 16 kHz.
func decodeSound(data, format string) ([]float32, error) {
	if format != "wav" {
		return nil, realtime.Invalid("unsupported_format", "format", "sound of format %.32q is not supported, send \"wav\"", format)
	}
	file, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "data", "the sound is not base64: %v", err)
	}
	clip, err := wav.Decode(file, &wav.Options{MaxSeconds: maxSoundSeconds})
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "data", "%v", err)
	}
	if clip.Rate == audio.ModelRate {
		return clip.Samples, nil
	}
	r, err := resample.New(clip.Rate, audio.ModelRate)
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "data", "%v", err)
	}
	return append(slices.Clone(r.Push(clip.Samples)), r.Flush()...), nil
}

// locate puts a path before that of an error for a client. Errors that are not
// for clients stay as they are.
func locate(err error, path string) error {
	var e *realtime.Error
	if !errors.As(err, &e) {
		explained, ours := session.Explain(err)
		if ours {
			return err
		}
		e = explained
	}
	located := *e
	located.Param = path
	if e.Param != "" {
		located.Param = path + "." + e.Param
	}
	return &located
}
