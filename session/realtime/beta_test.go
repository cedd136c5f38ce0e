package realtime

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// older decodes an event of the older protocol, nil if it has none.
func older(t *testing.T, ev ServerEvent) map[string]any {
	t.Helper()
	data := AppendBeta(nil, "event_1", ev)
	if len(data) == 0 {
		return nil
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%T: %v in %s", ev, err, data)
	}
	if got["event_id"] != "event_1" || got["type"] == "" {
		t.Fatalf("%T: %s", ev, data)
	}
	return got
}

// Every event is in the older protocol as it was, but for the names.
func TestOlderProtocolHasOtherNames(t *testing.T) {
	for _, ev := range allEvents() {
		got := older(t, ev)
		if _, ok := ev.(ItemDone); ok {
			if got != nil {
				t.Errorf("%s became %v", ev.Type(), got)
			}
			continue
		}
		text, _ := json.Marshal(got)
		for _, word := range []string{"output_text", "output_audio.", "output_audio_transcript", "output_modalities", "conversation.item.added"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s became %s", ev.Type(), text)
			}
		}
		if want, ok := betaNames[ev.Type()]; ok && got["type"] != want {
			t.Errorf("%s is called %v, want %s", ev.Type(), got["type"], want)
		}
	}
}

func TestOlderSessionIsFlat(t *testing.T) {
	p := update(t, `{"modalities":["audio","text"],"voice":"echo","input_audio_format":"g711_ulaw","output_audio_format":"g711_alaw",
		"input_audio_transcription":{"model":"whisper-1"},"turn_detection":null,"temperature":0.7,"max_response_output_tokens":50}`)
	if !p.Beta {
		t.Error("flat fields without a type are not taken for the older protocol")
	}
	for _, current := range []string{`{"type":"realtime","voice":"x"}`, `{"instructions":"x"}`, `{"audio":{"input":{"turn_detection":null}}}`} {
		if p := update(t, current); p.Beta {
			t.Errorf("%s is taken for the older protocol", current)
		}
	}
	s := p.Apply(DefaultSession())
	s.ID, s.Model = "sess_1", "gemma-4"
	want := map[string]any{
		"id": "sess_1", "object": "realtime.session", "model": "gemma-4", "modalities": []any{"audio", "text"}, "instructions": "",
		"voice": "echo", "speed": 1., "input_audio_format": "g711_ulaw", "output_audio_format": "g711_alaw",
		"input_audio_noise_reduction": nil, "input_audio_transcription": map[string]any{"model": "whisper-1"}, "turn_detection": nil,
		"tools": []any{}, "tool_choice": "auto", "temperature": 0.7, "max_response_output_tokens": 50., "tracing": nil,
	}
	if got := older(t, SessionUpdated{&s})["session"]; !reflect.DeepEqual(got, want) {
		t.Errorf("session\n got %v\nwant %v", got, want)
	}
}

func TestOlderTranscriptionSession(t *testing.T) {
	ev, err := Decode([]byte(`{"type":"transcription_session.update","session":{"input_audio_format":"pcm16","input_audio_transcription":{"model":"x"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	p := ev.(SessionUpdate).Session
	s := p.Apply(DefaultSession())
	if !p.Beta || s.Type != TranscriptionSession {
		t.Errorf("patch %+v", p)
	}
	if got := older(t, SessionUpdated{&s}); got["type"] != "transcription_session.updated" {
		t.Errorf("answered with %v", got)
	}
}

func TestOlderItemsAndResponses(t *testing.T) {
	answer := &Item{ID: "i", Type: Message, Role: RoleAssistant, Status: Completed, Content: []Content{{Type: OutputAudio, Transcript: "Hi"}, {Type: OutputText, Text: "x"}}}
	got := older(t, ItemAdded{"", answer})
	content := got["item"].(map[string]any)["content"]
	want := []any{map[string]any{"type": "audio", "transcript": "Hi"}, map[string]any{"type": "text", "text": "x"}}
	if got["type"] != "conversation.item.created" || !reflect.DeepEqual(content, want) {
		t.Errorf("item %v", got)
	}
	if answer.Content[0].Type != OutputAudio {
		t.Error("the item itself was changed")
	}
	r := older(t, ResponseDone{&Response{ID: "r", Status: Completed, Output: ModalityAudio, Voice: "v", Format: Format{CodecPCM, 24000}, Items: []*Item{answer}, Usage: &Usage{}}})["response"].(map[string]any)
	if r["output_audio_format"] != "pcm16" || r["voice"] != "v" || !reflect.DeepEqual(r["modalities"], []any{"audio", "text"}) || r["usage"] == nil {
		t.Errorf("response %v", r)
	}
	if content := r["output"].([]any)[0].(map[string]any)["content"]; !reflect.DeepEqual(content, want) {
		t.Errorf("output %v", content)
	}
}
