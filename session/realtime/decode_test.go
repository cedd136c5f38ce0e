package realtime

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDecodeReadsEveryClientEvent(t *testing.T) {
	id := event{"e1"}
	for name, tt := range map[string]struct {
		json string
		want ClientEvent
	}{
		"append":  {`{"type":"input_audio_buffer.append","audio":"AQAC","event_id":"e1"}`, AudioAppend{id, []byte{1, 0, 2}}},
		"raw":     {`{"type":"input_audio_buffer.append","audio":"AQA","event_id":"e1"}`, AudioAppend{id, []byte{1, 0}}},
		"commit":  {`{"type":"input_audio_buffer.commit","event_id":"e1"}`, AudioCommit{id}},
		"clear":   {`{"type":"input_audio_buffer.clear","event_id":"e1"}`, AudioClear{id}},
		"frame":   {`{"type":"input_image_buffer.append","image":"AQAC","detail":"low","event_id":"e1"}`, ImageAppend{id, []byte{1, 0, 2}, "low"}},
		"uri":     {`{"type":"input_image_buffer.append","image":"data:image/jpeg;base64,AQAC","event_id":"e1"}`, ImageAppend{event: id, Image: []byte{1, 0, 2}}},
		"dark":    {`{"type":"input_image_buffer.clear","event_id":"e1"}`, ImageClear{id}},
		"output":  {`{"type":"output_audio_buffer.clear","event_id":"e1"}`, OutputClear{id}},
		"no id":   {`{"type":"input_audio_buffer.clear","event_id":null,"vendor":{"x":[1]}}`, AudioClear{}},
		"get":     {`{"type":"conversation.item.retrieve","item_id":"i","event_id":"e1"}`, ItemRetrieve{id, "i"}},
		"delete":  {`{"type":"conversation.item.delete","item_id":"i","event_id":"e1"}`, ItemDelete{id, "i"}},
		"cut":     {`{"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":12.0,"event_id":"e1"}`, ItemTruncate{id, "i", 0, 12}},
		"cancel":  {`{"type":"response.cancel","response_id":"r","event_id":"e1"}`, ResponseCancel{id, "r"}},
		"respond": {`{"type":"response.create","event_id":"e1"}`, ResponseCreate{event: id}},
		"create": {`{"type":"conversation.item.create","event_id":"e1","previous_item_id":"root","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}}`,
			ItemCreate{id, Item{Type: Message, Role: RoleUser, Content: []Content{{Type: InputText, Text: "hi"}}}, RootItem}},
		"update": {`{"type":"session.update","event_id":"e1","session":{"type":"realtime","instructions":"x"}}`,
			SessionUpdate{id, SessionPatch{Type: some(RealtimeSession), Instructions: some("x")}}},
	} {
		got, err := Decode([]byte(tt.json))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: Decode = %#v, want %#v", name, got, tt.want)
		}
	}
}

// wrong are events that cannot be understood, with the error that says why.
var wrong = []struct{ json, code, param string }{
	{``, CodeInvalidEvent, ""},
	{`{`, CodeInvalidEvent, ""},
	{`{"type":"session.update"`, CodeInvalidEvent, ""},
	{`null`, CodeInvalidEvent, ""},
	{`[]`, CodeInvalidEvent, ""},
	{`"text"`, CodeInvalidEvent, ""},
	{`{"event_id":"e"}`, CodeMissing, "type"},
	{`{"event_id":"e","type":7}`, CodeInvalidType, "type"},
	{`{"event_id":7,"type":"response.create"}`, CodeInvalidType, "event_id"},
	{`{"event_id":"e","type":"session.explode"}`, CodeUnknownEvent, "type"},
	{`{"event_id":"e","type":"session.update"}`, CodeMissing, "session"},
	{`{"event_id":"e","type":"session.update","session":[]}`, CodeInvalidType, "session"},
	{`{"event_id":"e","type":"session.update","session":{"type":"translation"}}`, CodeInvalidValue, "session.type"},
	{`{"event_id":"e","type":"session.update","session":{"truncation":{"type":"retention_ratio","retention_ratio":0.5,"token_limits":{"post_instructions":0}}}}`, CodeInvalidValue, "session.truncation.token_limits.post_instructions"},
	{`{"event_id":"e","type":"input_image_buffer.append"}`, CodeMissing, "image"},
	{`{"event_id":"e","type":"input_image_buffer.append","image":"*"}`, CodeInvalidValue, "image"},
	{`{"event_id":"e","type":"input_image_buffer.append","image":"data:image/png"}`, CodeInvalidValue, "image"},
	{`{"event_id":"e","type":"input_image_buffer.append","image":"AQA","detail":"huge"}`, CodeInvalidValue, "detail"},
	{`{"event_id":"e","type":"session.update","session":{"instructions":7}}`, CodeInvalidType, "session.instructions"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":44100}}}}}`, CodeInvalidValue, "session.audio.input.format.rate"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcmu","rate":16000}}}}}`, CodeInvalidValue, "session.audio.input.format.rate"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/mp3"}}}}}`, CodeInvalidValue, "session.audio.input.format.type"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"format":"pcm16"}}}}`, CodeInvalidType, "session.audio.input.format"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"psychic"}}}}}`, CodeInvalidValue, "session.audio.input.turn_detection.type"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":2}}}}}`, CodeInvalidValue, "session.audio.input.turn_detection.threshold"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"turn_detection":{"silence_duration_ms":1.5}}}}}`, CodeInvalidType, "session.audio.input.turn_detection.silence_duration_ms"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"turn_detection":{"silence_duration_ms":-1}}}}}`, CodeInvalidValue, "session.audio.input.turn_detection.silence_duration_ms"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"very"}}}}}`, CodeInvalidValue, "session.audio.input.turn_detection.eagerness"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"input":{"noise_reduction":{}}}}}`, CodeMissing, "session.audio.input.noise_reduction.type"},
	{`{"event_id":"e","type":"session.update","session":{"audio":{"output":{"speed":9}}}}`, CodeInvalidValue, "session.audio.output.speed"},
	{`{"event_id":"e","type":"session.update","session":{"input_audio_format":"flac"}}`, CodeInvalidValue, "session.input_audio_format"},
	{`{"event_id":"e","type":"session.update","session":{"output_modalities":["smell"]}}`, CodeInvalidValue, "session.output_modalities[0]"},
	{`{"event_id":"e","type":"session.update","session":{"output_modalities":[]}}`, CodeInvalidValue, "session.output_modalities"},
	{`{"event_id":"e","type":"session.update","session":{"max_output_tokens":0}}`, CodeInvalidValue, "session.max_output_tokens"},
	{`{"event_id":"e","type":"session.update","session":{"max_output_tokens":"many"}}`, CodeInvalidValue, "session.max_output_tokens"},
	{`{"event_id":"e","type":"session.update","session":{"temperature":"hot"}}`, CodeInvalidType, "session.temperature"},
	{`{"event_id":"e","type":"session.update","session":{"reasoning":{"effort":"extreme"}}}`, CodeInvalidValue, "session.reasoning.effort"},
	{`{"event_id":"e","type":"session.update","session":{"truncation":"some"}}`, CodeInvalidValue, "session.truncation"},
	{`{"event_id":"e","type":"session.update","session":{"truncation":{"type":"retention_ratio"}}}`, CodeMissing, "session.truncation.retention_ratio"},
	{`{"event_id":"e","type":"session.update","session":{"tools":[{"type":"mcp"}]}}`, CodeInvalidValue, "session.tools[0].type"},
	{`{"event_id":"e","type":"session.update","session":{"tools":[{"type":"function"}]}}`, CodeMissing, "session.tools[0].name"},
	{`{"event_id":"e","type":"session.update","session":{"tools":[{"type":"function","name":"f","parameters":[]}]}}`, CodeInvalidType, "session.tools[0].parameters"},
	{`{"event_id":"e","type":"session.update","session":{"tool_choice":"perhaps"}}`, CodeInvalidValue, "session.tool_choice"},
	{`{"event_id":"e","type":"session.update","session":{"tool_choice":{"type":"function"}}}`, CodeMissing, "session.tool_choice.name"},
	{`{"event_id":"e","type":"input_audio_buffer.append"}`, CodeMissing, "audio"},
	{`{"event_id":"e","type":"input_audio_buffer.append","audio":[1,2]}`, CodeInvalidType, "audio"},
	{`{"event_id":"e","type":"input_audio_buffer.append","audio":"%%%%"}`, CodeInvalidValue, "audio"},
	{`{"event_id":"e","type":"conversation.item.create"}`, CodeMissing, "item"},
	{`{"event_id":"e","type":"conversation.item.create","item":{}}`, CodeMissing, "item.type"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"item_reference","id":"x"}}`, CodeInvalidValue, "item.type"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"king","content":[]}}`, CodeInvalidValue, "item.role"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user"}}`, CodeMissing, "item.content"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_smell"}]}}`, CodeInvalidValue, "item.content[0].type"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user","content":["hi"]}}`, CodeInvalidType, "item.content[0]"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text"}]}}`, CodeMissing, "item.content[0].text"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image"}]}}`, CodeMissing, "item.content[0].image_url"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"https://example.com/x.png"}]}}`, CodeInvalidValue, "item.content[0].image_url"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,!"}]}}`, CodeInvalidValue, "item.content[0].image_url"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"system","content":[{"type":"input_image","image_url":"data:,x"}]}}`, CodeInvalidValue, "item.content[0].type"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"message","role":"system","content":[{"type":"input_audio","audio":""}]}}`, CodeInvalidValue, "item.content[0].type"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"function_call","call_id":"c"}}`, CodeMissing, "item.name"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"function_call_output","output":"x"}}`, CodeMissing, "item.call_id"},
	{`{"event_id":"e","type":"conversation.item.create","item":{"type":"mcp_call"}}`, CodeInvalidValue, "item.type"},
	{`{"event_id":"e","type":"conversation.item.delete"}`, CodeMissing, "item_id"},
	{`{"event_id":"e","type":"conversation.item.retrieve","item_id":5}`, CodeInvalidType, "item_id"},
	{`{"event_id":"e","type":"conversation.item.truncate","item_id":"i"}`, CodeMissing, "audio_end_ms"},
	{`{"event_id":"e","type":"response.create","response":"please"}`, CodeInvalidType, "response"},
	{`{"event_id":"e","type":"response.create","response":{"conversation":"other"}}`, CodeInvalidValue, "response.conversation"},
	{`{"event_id":"e","type":"response.create","response":{"metadata":{"a":1}}}`, CodeInvalidType, "response.metadata.a"},
	{`{"event_id":"e","type":"response.create","response":{"metadata":{"a":"` + strings.Repeat("x", 513) + `"}}}`, CodeTooLong, "response.metadata"},
	{`{"event_id":"e","type":"response.create","response":{"input":[{"type":"item_reference"}]}}`, CodeMissing, "response.input[0].id"},
	{`{"event_id":"e","type":"response.create","response":{"input":[7]}}`, CodeInvalidType, "response.input[0]"},
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	for _, tt := range wrong {
		ev, err := Decode([]byte(tt.json))
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: Decode = %v, %v, want an *Error", tt.json, ev, err)
			continue
		}
		if e.Code != tt.code || e.Param != tt.param {
			t.Errorf("%s: error %q at %q (%s), want %q at %q", tt.json, e.Code, e.Param, e.Message, tt.code, tt.param)
		}
		if wantID := strings.Contains(tt.json, `"event_id":"e"`) && tt.code != CodeInvalidEvent; wantID && e.EventID != "e" {
			t.Errorf("%s: error without the event id", tt.json)
		}
	}
}

func TestDecodeRefusesLongEventIDs(t *testing.T) {
	_, err := Decode([]byte(`{"type":"response.create","event_id":"` + strings.Repeat("x", 513) + `"}`))
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeTooLong || e.EventID != "" {
		t.Errorf("Decode = %v, want %s without an event id", err, CodeTooLong)
	}
}

func update(t *testing.T, session string) SessionPatch {
	t.Helper()
	ev, err := Decode([]byte(`{"type":"session.update","session":` + session + `}`))
	if err != nil {
		t.Fatal(err)
	}
	return ev.(SessionUpdate).Session
}

func TestNullSwitchesOffAndAbsentKeeps(t *testing.T) {
	s := DefaultSession()
	s.Transcription = &Transcription{Model: "whisper-1"}
	s.NoiseReduction = &NoiseReduction{Type: "near_field"}
	keep := update(t, `{"type":"realtime","audio":{"input":{}},"prompt":null,"include":null,"tracing":"auto"}`)
	got := keep.Apply(s)
	if got.Transcription == nil || got.NoiseReduction == nil || got.TurnDetection == nil {
		t.Errorf("an empty update changed the session: %+v", got)
	}
	if string(got.Tracing) != `"auto"` {
		t.Errorf("Tracing = %s, want as sent", got.Tracing)
	}
	off := update(t, `{"tracing":null,"audio":{"input":{"transcription":null,"noise_reduction":null,"turn_detection":null}}}`)
	got = off.Apply(got)
	if got.Transcription != nil || got.NoiseReduction != nil || got.TurnDetection != nil || got.Tracing != nil {
		t.Errorf("null did not switch off: %+v", got)
	}
}

func TestTurnDetectionIsReplacedNotMerged(t *testing.T) {
	s := DefaultSession()
	first := update(t, `{"audio":{"input":{"turn_detection":{"type":"server_vad","silence_duration_ms":900,"create_response":false}}}}`)
	s = first.Apply(s)
	second := update(t, `{"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":0.7}}}}`)
	s = second.Apply(s)
	want := *DefaultServerVAD()
	want.Threshold = 0.7
	if *s.TurnDetection != want {
		t.Errorf("TurnDetection = %+v, want %+v", *s.TurnDetection, want)
	}
}

func TestOldFlatSessionIsUnderstood(t *testing.T) {
	p := update(t, `{"modalities":["text","audio"],"voice":"alloy","input_audio_format":"g711_ulaw","output_audio_format":"pcm16",
		"input_audio_transcription":{"model":"whisper-1"},"turn_detection":{"type":"server_vad","prefix_padding_ms":100},
		"max_response_output_tokens":"inf","temperature":0.8,"tool_choice":{"type":"function","name":"f"},
		"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}`)
	s := p.Apply(DefaultSession())
	if s.Output != ModalityAudio || s.Voice != "alloy" || s.InputFormat != (Format{CodecULaw, 8000}) ||
		s.Transcription.Model != "whisper-1" || s.TurnDetection.PrefixPadding != 100*time.Millisecond ||
		s.MaxOutputTokens != 0 || s.Temperature.Value != 0.8 || s.ToolChoice != (ToolChoice{"required", "f"}) ||
		len(s.Tools) != 1 || s.Tools[0].Name != "f" || string(s.Tools[0].Parameters) != `{"type":"object"}` {
		t.Errorf("session = %+v", s)
	}
}

func TestVoiceObjectAndSixteenKilohertz(t *testing.T) {
	p := update(t, `{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000}},"output":{"voice":{"id":"voice_1"},"speed":1.25}}}`)
	s := p.Apply(DefaultSession())
	if s.Voice != "voice_1" || s.Speed != 1.25 || s.InputFormat.Rate != 16000 {
		t.Errorf("session = %+v", s)
	}
}

func TestItemPartsAreTakenUnderEveryName(t *testing.T) {
	for json, want := range map[string]Content{
		`"assistant","content":[{"type":"text","text":"a"}]`:               {Type: OutputText, Text: "a"},
		`"assistant","content":[{"type":"input_text","text":"a"}]`:         {Type: OutputText, Text: "a"},
		`"assistant","content":[{"type":"output_audio","transcript":"a"}]`: {Type: OutputAudio, Transcript: "a"},
		`"user","content":[{"type":"text","text":"a"}]`:                    {Type: InputText, Text: "a"},
		`"user","content":"a"`:                                     {Type: InputText, Text: "a"},
		`"user","content":[{"type":"audio","audio":"AAA="}]`:       {Type: InputAudio, Audio: []byte{0, 0}},
		`"developer","content":[{"type":"input_text","text":"a"}]`: {Type: InputText, Text: "a"},
		`"user","content":[{"type":"input_image","image_url":{"url":"data:image/png;base64,AQ=="},"detail":"low"}]`: {
			Type: InputImage, Image: []byte{1}, ImageURL: "data:image/png;base64,AQ==", Detail: "low"},
		`"user","content":[{"type":"input_image","image_url":"data:,%41"}]`: {Type: InputImage, Image: []byte("A"), ImageURL: "data:,%41"},
	} {
		ev, err := Decode([]byte(`{"type":"conversation.item.create","item":{"type":"message","role":` + json + `}}`))
		if err != nil {
			t.Errorf("%s: %v", json, err)
			continue
		}
		if got := ev.(ItemCreate).Item.Content; len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: content %+v, want %+v", json, got, want)
		}
	}
}

func TestLargePicturesAreNotEchoed(t *testing.T) {
	url := "data:image/png;base64," + strings.Repeat("AAAA", maxImageEcho/4)
	ev, err := Decode([]byte(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"` + url + `"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := ev.(ItemCreate).Item.Content[0]
	if c.ImageURL != "" || len(c.Image) != maxImageEcho/4*3 {
		t.Errorf("echo of %d characters, %d bytes of picture", len(c.ImageURL), len(c.Image))
	}
}

func TestResponseParams(t *testing.T) {
	ev, err := Decode([]byte(`{"type":"response.create","response":{"conversation":"none","instructions":"i","output_modalities":["text"],
		"max_output_tokens":7,"metadata":{"k": "v"},"tools":[],"tool_choice":"none","temperature":0,"reasoning":null,
		"audio":{"output":{"voice":"ash"}},
		"input":[{"type":"item_reference","id":"item_1"},{"type":"message","role":"user","content":[]}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	p := ev.(ResponseCreate).Params
	if !p.OutOfBand || p.Instructions != some("i") || p.Output != some(ModalityText) || p.MaxOutputTokens != some(7) ||
		!bytes.Equal(p.Metadata, []byte(`{"k":"v"}`)) || !p.Tools.Set || p.ToolChoice.Value.Mode != "none" ||
		p.Temperature != some(0.0) || !p.Reasoning.Set || p.Voice != some("ash") || len(p.Input.Value) != 2 {
		t.Errorf("params = %+v", p)
	}
	if p.Input.Value[0].Type != ItemReference || p.Input.Value[0].ID != "item_1" {
		t.Errorf("input = %+v", p.Input.Value)
	}
}

func TestFunctionCallWithoutArgumentsIsValidJSON(t *testing.T) {
	ev, err := Decode([]byte(`{"type":"conversation.item.create","item":{"type":"function_call","name":"f","call_id":"c","arguments":""}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := ev.(ItemCreate).Item.Arguments; got != "{}" {
		t.Errorf("Arguments = %q, want {}", got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range ClientTypes() {
		f.Add([]byte(`{"type":"` + name + `","event_id":"e","item_id":"i","audio":"AAAA"}`))
	}
	f.Add([]byte(`{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad"}}},"tools":[{"name":"f","parameters":{}}]}}`))
	f.Add([]byte(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:,x"}]}}`))
	f.Add([]byte(`{"type":"response.create","response":{"input":[{"type":"item_reference","id":"x"}],"metadata":{"a":"b"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ev, err := Decode(data)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code == "" || e.Message == "" {
				t.Fatalf("Decode(%q) = %v, want an *Error with code and message", data, err)
			}
			checkFrame(t, ErrorEvent{e})
			return
		}
		// What was understood can be echoed.
		switch ev := ev.(type) {
		case SessionUpdate:
			s := ev.Session.Apply(DefaultSession())
			checkFrame(t, SessionUpdated{&s})
		case ItemCreate:
			checkFrame(t, ItemAdded{"", &ev.Item})
		case ResponseCreate:
			checkFrame(t, ResponseCreated{&Response{Status: InProgress, Metadata: ev.Params.Metadata}})
		}
	})
}
