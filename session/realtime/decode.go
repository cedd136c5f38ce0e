package realtime

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// maxEventID is the longest event_id that a client may choose.
const maxEventID = 512

// decoders has one function per client event. Each reads the fields from the
// object; errors stay in the object's reader.
var decoders = map[string]func(event, object) ClientEvent{
	"session.update":             decodeSessionUpdate,
	"input_audio_buffer.append":  decodeAppend,
	"input_audio_buffer.commit":  func(e event, _ object) ClientEvent { return AudioCommit{e} },
	"input_audio_buffer.clear":   func(e event, _ object) ClientEvent { return AudioClear{e} },
	"input_image_buffer.append":  decodeImageAppend,
	"input_image_buffer.clear":   func(e event, _ object) ClientEvent { return ImageClear{e} },
	"output_audio_buffer.clear":  func(e event, _ object) ClientEvent { return OutputClear{e} },
	"conversation.item.create":   decodeItemCreate,
	"conversation.item.retrieve": decodeItemRetrieve,
	"conversation.item.delete":   decodeItemDelete,
	"conversation.item.truncate": decodeItemTruncate,
	"response.create":            decodeResponseCreate,
	"response.cancel":            decodeResponseCancel,
}

// ClientTypes returns the types of the client events that Decode knows, sorted.
func ClientTypes() []string {
	types := make([]string, 0, len(decoders))
	for t := range decoders {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}

// Decode reads one client event. The error is always an *Error; the connection
// can go on after it.
func Decode(data []byte) (ClientEvent, error) {
	r := &reader{}
	root := object{r: r}
	if err := json.Unmarshal(data, &root.fields); err != nil || root.fields == nil {
		return nil, badJSON(data, err)
	}
	id, ok := root.text("event_id")
	if ok && len(id) > maxEventID {
		r.fail(CodeTooLong, "event_id", "event_id has %d characters, want at most %d", len(id), maxEventID)
		id = ""
	}
	name, _ := root.text("type")
	root.need("type")
	if name == "transcription_session.update" { // in the older protocol
		name = "session.update"
	}
	decode, known := decoders[name]
	if !known {
		r.fail(CodeUnknownEvent, "type", "unknown event type %q, supported are %s",
			clip(name), strings.Join(ClientTypes(), ", "))
	}
	var ev ClientEvent
	if r.err == nil {
		ev = decode(event{id}, root)
	}
	if r.err != nil {
		r.err.EventID = id
		return nil, r.err
	}
	return ev, nil
}

func badJSON(data []byte, err error) *Error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return Invalid(CodeInvalidEvent, "", "the event is not JSON: %v at byte %d of %d", err, syntax.Offset, len(data))
	default:
		return Invalid(CodeInvalidEvent, "", "the event is not a JSON object but %s", typeName(trimSpace(data)))
	}
}

func trimSpace(data []byte) json.RawMessage {
	return json.RawMessage(strings.TrimLeft(string(data[:min(len(data), 64)]), " \t\r\n"))
}

func decodeSessionUpdate(e event, o object) ClientEvent {
	ev := SessionUpdate{event: e}
	if !o.need("session") {
		return ev
	}
	if s, ok := o.object("session"); ok {
		ev.Session = decodeSession(s)
		if name, _ := o.text("type"); name == "transcription_session.update" {
			ev.Session.Type, ev.Session.Beta = some(TranscriptionSession), true
		}
	}
	return ev
}

func decodeAppend(e event, o object) ClientEvent {
	o.need("audio")
	audio, _ := o.bytes("audio")
	return AudioAppend{e, audio}
}

func decodeItemCreate(e event, o object) ClientEvent {
	ev := ItemCreate{event: e}
	ev.Previous, _ = o.text("previous_item_id")
	if !o.need("item") {
		return ev
	}
	if item, ok := o.object("item"); ok {
		ev.Item = decodeItem(item, false)
	}
	return ev
}

func decodeItemRetrieve(e event, o object) ClientEvent {
	return ItemRetrieve{e, o.itemID()}
}

func decodeItemDelete(e event, o object) ClientEvent {
	return ItemDelete{e, o.itemID()}
}

func decodeItemTruncate(e event, o object) ClientEvent {
	ev := ItemTruncate{event: e, ItemID: o.itemID()}
	ev.ContentIndex, _ = o.integer("content_index")
	o.need("audio_end_ms")
	ev.AudioEndMS, _ = o.integer("audio_end_ms")
	ev.AudioEndMS = max(ev.AudioEndMS, 0)
	return ev
}

func (o object) itemID() string {
	o.need("item_id")
	id, _ := o.text("item_id")
	return id
}

func decodeResponseCancel(e event, o object) ClientEvent {
	id, _ := o.text("response_id")
	return ResponseCancel{e, id}
}

func decodeResponseCreate(e event, o object) ClientEvent {
	ev := ResponseCreate{event: e}
	if p, ok := o.object("response"); ok {
		ev.Params = decodeParams(p)
	}
	return ev
}

func decodeParams(o object) ResponseParams {
	var p ResponseParams
	if c, ok := o.text("conversation"); ok && o.oneOf("conversation", c, "auto", "none") {
		p.OutOfBand = c == "none"
	}
	if raws, ok := o.list("input"); ok {
		items := make([]Item, 0, len(raws))
		for i, raw := range raws {
			if item, ok := o.r.object(o.index("input", i), raw); ok {
				items = append(items, decodeItem(item, true))
			}
		}
		p.Input = some(items)
	}
	if s, ok := o.text("instructions"); ok {
		p.Instructions = some(s)
	}
	p.Output = decodeModalities(o)
	p.Tools = decodeTools(o)
	p.ToolChoice = decodeToolChoice(o)
	p.MaxOutputTokens = decodeMaxTokens(o)
	p.Temperature = decodeTemperature(o)
	p.Reasoning = decodeReasoning(o)
	p.Metadata = decodeMetadata(o)
	if v, ok := o.flag("parallel_tool_calls"); ok {
		p.ParallelTools = some(v)
	}
	p.Voice, p.Format = decodeVoice(o), decodeFlatFormat(o, "output_audio_format")
	if audio, ok := o.object("audio"); ok {
		if out, ok := audio.object("output"); ok {
			if format, ok := out.object("format"); ok {
				p.Format = decodeFormat(format)
			}
			if v := decodeVoice(out); v.Set {
				p.Voice = v
			}
		}
	}
	return p
}

// The limits of metadata in the protocol.
const (
	maxMetadataPairs = 16
	maxMetadataKey   = 64
	maxMetadataValue = 512
)

func decodeMetadata(o object) json.RawMessage {
	m, ok := o.object("metadata")
	if !ok {
		return nil
	}
	if len(m.fields) > maxMetadataPairs {
		o.r.fail(CodeTooLong, m.path, "%s has %d pairs, want at most %d", m.path, len(m.fields), maxMetadataPairs)
	}
	for name := range m.fields {
		value, ok := m.text(name)
		if !ok {
			o.r.fail(CodeInvalidType, m.path, "invalid type for a value of %s: want a string", m.path)
		}
		if len(name) > maxMetadataKey || len([]rune(value)) > maxMetadataValue {
			o.r.fail(CodeTooLong, m.path, "a pair of %s is longer than %d and %d characters",
				m.path, maxMetadataKey, maxMetadataValue)
		}
	}
	return o.raw("metadata")
}
