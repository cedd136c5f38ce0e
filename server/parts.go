package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"hark/audio"
	"hark/audio/resample"
	"hark/audio/sound"
	"hark/server/fetch"
	"hark/server/ffmpeg"
	"hark/session"
	"hark/session/conversation"
	"hark/session/realtime"
)

// The limits of what one part of a message holds.
const (
	maxSoundSeconds = 600
	maxVideoSeconds = 600
	maxFetchBytes   = 20_000_000 // of what is fetched
	pcm16Rate       = 24000      // of sound without a header
)

// chatPart is a part of a message's content.
type chatPart struct {
	Type     string  `json:"type"`
	Text     string  `json:"text"`
	Refusal  string  `json:"refusal"`
	ImageURL address `json:"image_url"`
	AudioURL address `json:"audio_url"`
	VideoURL address `json:"video_url"`
	Audio    struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio"`
}

// address is {"url", "detail"}, or the address alone.
type address struct {
	URL    string `json:"url"`
	Detail string `json:"detail"`
}

// UnmarshalJSON takes both forms.
func (a *address) UnmarshalJSON(raw []byte) error {
	type plain address
	if json.Unmarshal(raw, &a.URL) == nil {
		return nil
	}
	return json.Unmarshal(raw, (*plain)(a))
}

// loader makes items of a conversation of what a request sends, with pictures
// and sound in the engine.
type loader struct {
	s      *Server
	ctx    context.Context
	frames frames
}

// messages turns the messages of a chat into items, which the caller frees,
// after an error too.
func (l *loader) messages(messages []chatMessage) (list []*conversation.Item, err error) {
	for i, m := range messages {
		path := fmt.Sprintf("messages[%d]", i)
		parts, err := contentParts(m.Content)
		if err != nil {
			return list, locate(err, path+".content")
		}
		if m.Role == "tool" || m.Role == "function" {
			text, err := onlyText(parts, path)
			if err != nil {
				return list, err
			}
			list = append(list, &conversation.Item{Item: realtime.Item{Type: realtime.FunctionCallOutput, CallID: m.ToolCallID, Output: text}})
			continue
		}
		it := &conversation.Item{Item: realtime.Item{Type: realtime.Message, Role: roles[m.Role]}}
		list = append(list, it)
		for j, p := range parts {
			if err := l.part(it, p); err != nil {
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

// roles are those of messages; the schema allows these and "tool".
var roles = map[string]realtime.Role{"system": realtime.RoleSystem, "developer": realtime.RoleSystem,
	"user": realtime.RoleUser, "assistant": realtime.RoleAssistant}

// onlyText returns the text of a message of a tool.
func onlyText(parts []chatPart, path string) (text string, err error) {
	for j, p := range parts {
		if p.Type != "text" {
			return "", realtime.Invalid(realtime.CodeInvalidValue, fmt.Sprintf("%s.content[%d].type", path, j), "the result of a tool is text")
		}
		text += p.Text
	}
	return text, nil
}

// contentParts reads content: a string is one part.
func contentParts(raw json.RawMessage) (parts []chatPart, err error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []chatPart{{Type: "text", Text: text}}, nil
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, badJSON(err)
	}
	return parts, nil
}

// part adds a part to an item. Text is anybody's, pictures and sound are the
// user's.
func (l *loader) part(it *conversation.Item, p chatPart) error {
	switch p.Type {
	case "text", "refusal":
		addText(it, p.Text+p.Refusal)
		return nil
	}
	if it.Role != realtime.RoleUser {
		return realtime.Invalid(realtime.CodeInvalidValue, "type", "only a user's message has pictures, videos and sound")
	}
	switch p.Type {
	case "image_url":
		return locate(l.picture(it, p.ImageURL), "image_url")
	case "video_url":
		return locate(l.video(it, p.VideoURL), "video_url")
	case "audio_url":
		file, err := l.load(p.AudioURL.URL)
		if err == nil {
			err = l.sound(it, file, "", "url")
		}
		return locate(err, "audio_url")
	case "input_audio":
		file, err := base64.StdEncoding.DecodeString(p.Audio.Data)
		if err != nil {
			return realtime.Invalid(realtime.CodeInvalidValue, "input_audio.data", "the sound is not base64: %v", err)
		}
		return locate(l.sound(it, file, p.Audio.Format, "data"), "input_audio")
	}
	return realtime.Invalid(realtime.CodeInvalidValue, "type", "invalid value for a part's type: %.64q", p.Type)
}

func addText(it *conversation.Item, text string) {
	kind := realtime.InputText
	if it.Role == realtime.RoleAssistant {
		kind = realtime.OutputText
	}
	it.Content = append(it.Content, realtime.Content{Type: kind, Text: text})
}

// picture adds a picture.
func (l *loader) picture(it *conversation.Item, a address) error {
	data, err := l.load(a.URL)
	if err != nil {
		return err
	}
	medium, err := session.Look(l.s.served.Engine, data, a.Detail)
	if err != nil {
		return locate(err, "url")
	}
	it.Content = append(it.Content, realtime.Content{Type: realtime.InputImage})
	it.Attach(len(it.Content)-1, medium)
	return nil
}

// sound adds what a file sounds like. The format that it is said to have counts
// only where the file does not say it itself.
func (l *loader) sound(it *conversation.Item, file []byte, format, field string) error {
	samples, err := l.s.decodeSound(l.ctx, file, format)
	if err != nil {
		return locate(err, field)
	}
	return l.listen(it, samples)
}

func (l *loader) listen(it *conversation.Item, samples []float32) error {
	it.Content = append(it.Content, realtime.Content{Type: realtime.InputAudio})
	return session.Listen(l.s.served.Engine, session.NewDetector(), samples, it, len(it.Content)-1)
}

// decodeSound returns the samples of a file, at 16 kHz.
func (s *Server) decodeSound(ctx context.Context, file []byte, format string) ([]float32, error) {
	if sound.Sniff(file) == "" && format == "pcm16" {
		return rawSound(file)
	}
	samples, err := sound.Decode(file, &sound.Options{MaxSeconds: maxSoundSeconds})
	if errors.Is(err, sound.ErrFormat) {
		samples, err = s.o.FFmpeg.Sound(ctx, file, maxSoundSeconds)
	}
	return samples, mediaError(err, sound.Sniff(file))
}

// rawSound reads sound without a header: 16 bits, little-endian, 24 kHz.
func rawSound(data []byte) ([]float32, error) {
	if len(data) > 2*pcm16Rate*maxSoundSeconds {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "", "more than %d s of sound", maxSoundSeconds)
	}
	r, err := resample.New(pcm16Rate, audio.ModelRate)
	if err != nil {
		return nil, err
	}
	in := make([]float32, len(data)/2)
	for i := range in {
		in[i] = float32(int16(binary.LittleEndian.Uint16(data[2*i:]))) / 32768
	}
	out := append([]float32(nil), r.Push(in)...)
	return append(out, r.Flush()...), nil
}

// mediaError is the error for a client whose file cannot be used.
func mediaError(err error, format sound.Format) error {
	kind := string(format)
	if kind == "" {
		kind = "unknown to this server"
	}
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, ffmpeg.ErrMissing):
		return realtime.Invalid("unsupported_format", "", "the format is %s: that takes the program ffmpeg, which this server does not have", kind)
	case errors.Is(err, ffmpeg.ErrFormat):
		return realtime.Invalid("unsupported_format", "", "the format is %s; WAV, MP3, FLAC and Ogg are supported", kind)
	case errors.Is(err, context.DeadlineExceeded):
		return realtime.Invalid(realtime.CodeInvalidValue, "", "the file takes too long to decode")
	}
	return realtime.Invalid(realtime.CodeInvalidValue, "", "%v", err)
}

// load returns what an address stands for: a data URI, or what is fetched from
// a host that is allowed.
func (l *loader) load(uri string) ([]byte, error) {
	if len(uri) < 5 || !strings.EqualFold(uri[:5], "data:") {
		data, err := l.s.remote.Get(l.ctx, uri, maxFetchBytes)
		switch {
		case errors.Is(err, fetch.ErrRefused):
			return nil, realtime.Invalid("remote_url_not_allowed", "url", "this server does not fetch from there, send the data as a data: URI: %v", err)
		case err != nil:
			return nil, realtime.Invalid("remote_url_failed", "url", "%v", err)
		}
		return data, nil
	}
	data, err := realtime.DecodeDataURI(uri)
	if err != nil {
		return nil, realtime.Invalid(realtime.CodeInvalidValue, "url", "%v", err)
	}
	return data, nil
}

// locate puts a path before that of an error for a client. Errors that are not
// for clients stay as they are.
func locate(err error, path string) error {
	if err == nil {
		return nil
	}
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
