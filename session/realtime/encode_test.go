package realtime

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checkFrame demands that the event is one JSON object in valid UTF-8 with a
// type and an id, and returns it.
func checkFrame(t *testing.T, ev ServerEvent) map[string]any {
	t.Helper()
	data := Append(nil, "event_1", ev)
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%T: %v in %s", ev, err, data)
	}
	if !utf8.Valid(data) {
		t.Fatalf("%T: not UTF-8: %q", ev, data)
	}
	if got["type"] != ev.Type() || got["event_id"] != "event_1" {
		t.Fatalf("%T: type %v, id %v", ev, got["type"], got["event_id"])
	}
	return got
}

func allEvents() []ServerEvent {
	s := DefaultSession()
	msg := &Item{ID: "item_2", Type: Message, Role: RoleAssistant, Status: Completed,
		Content: []Content{{Type: OutputText, Text: "Hi"}}}
	user := &Item{ID: "item_1", Type: Message, Role: RoleUser, Status: Completed, Content: []Content{{Type: InputAudio}}}
	resp := &Response{ID: "resp_1", Status: InProgress, ConversationID: "conv_1", Output: ModalityText}
	place := Place{"resp_1", "item_2", 0, 0}
	return []ServerEvent{
		SessionCreated{&s}, SessionUpdated{&s},
		ItemAdded{"item_0", user}, ItemDone{"", user}, ItemRetrieved{user}, ItemDeleted{"item_1"}, ItemTruncated{"item_2", 0, 10},
		AudioCommitted{"item_1", ""}, AudioCleared{}, SpeechStarted{"item_1", 0}, SpeechStopped{"item_1", 900},
		ResponseCreated{resp}, ResponseDone{resp},
		OutputItemAdded{"resp_1", 0, msg}, OutputItemDone{"resp_1", 0, msg},
		PartAdded{place, Part{Type: ModalityText}}, PartDone{place, Part{ModalityText, "Hi"}},
		TextDelta{place, "Hi"}, TextDone{place, "Hi"},
		AudioDelta{place, []byte{1, 0, 2, 0}}, AudioDone{place}, TranscriptDelta{place, "Hi", 0.25}, TranscriptDone{place, "Hi"},
		OutputStarted{"resp_1"}, OutputStopped{"resp_1"}, OutputCleared{"resp_1"},
		ConversationCreated{"conv_1"}, RateLimitsUpdated{}, RateLimitsUpdated{[]RateLimit{{"tokens", 100, 40, 1.5}, {"requests", 10, 9, 0}}},
		ArgumentsDelta{"resp_1", "item_3", 1, "call_1", "{"}, ArgumentsDone{"resp_1", "item_3", 1, "call_1", "f", "{}"},
		TranscriptionDelta{"item_1", 0, "Hi"}, TranscriptionCompleted{"item_1", 0, "Hi", 1.5},
		TranscriptionFailed{"item_1", 0, Invalid(CodeInvalidValue, "x", "no")},
		ImageCleared{}, TimeoutTriggered{"item_1", 0, 900},
		ErrorEvent{Invalid(CodeInvalidValue, "x", "no")},
	}
}

func TestEveryServerEventHasTypeAndID(t *testing.T) {
	seen := map[string]bool{}
	for _, ev := range allEvents() {
		checkFrame(t, ev)
		seen[reflect.TypeOf(ev).Name()] = true
	}
	// Every type with an appendFields method is in the list above.
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pkgs["realtime"].Files {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "appendFields" {
				continue
			}
			if name := fmt.Sprint(fn.Recv.List[0].Type); !seen[name] {
				t.Errorf("%s is not tested", name)
			}
		}
	}
}

// sameJSON compares an event with the JSON that it should be, in any order of
// keys.
func sameJSON(t *testing.T, ev ServerEvent, want string) {
	t.Helper()
	var w map[string]any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	w["event_id"] = "event_1"
	if got := checkFrame(t, ev); !reflect.DeepEqual(got, w) {
		t.Errorf("%s\n got %s\nwant %s", ev.Type(), Append(nil, "event_1", ev), want)
	}
}

// The payloads of section 25 of the protocol notes, which the clients there
// were seen to accept.
func TestEventsEqualVerifiedPayloads(t *testing.T) {
	p := update(t, `{"type":"realtime","instructions":"be brief","audio":{"input":{
		"transcription":{"model":"gpt-4o-mini-transcribe"},"turn_detection":{"type":"semantic_vad"}}}}`)
	s := p.Apply(DefaultSession())
	s.ID, s.Model = "sess_1", "gemma-4"
	sameJSON(t, SessionUpdated{&s}, `{"type":"session.updated","session":{
 "type":"realtime","object":"realtime.session","id":"sess_1","model":"gemma-4",
 "output_modalities":["audio"],"instructions":"be brief","tools":[],"tool_choice":"auto","max_output_tokens":"inf",
 "tracing":null,"truncation":"auto","prompt":null,"include":null,
 "audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"noise_reduction":null,
   "transcription":{"model":"gpt-4o-mini-transcribe"},
   "turn_detection":{"type":"semantic_vad","eagerness":"auto","create_response":true,"interrupt_response":true}},
  "output":{"format":{"type":"audio/pcm","rate":24000},"voice":"marin","speed":1.0}}}}`)

	user := &Item{ID: "item_1", Type: Message, Role: RoleUser, Status: Completed, Content: []Content{{Type: InputAudio}}}
	sameJSON(t, ItemAdded{"item_0", user}, `{"type":"conversation.item.added","previous_item_id":"item_0","item":{"id":"item_1","object":"realtime.item","type":"message","status":"completed","role":"user","content":[{"type":"input_audio","transcript":null}]}}`)

	pcm := Format{CodecPCM, 24000}
	created := &Response{ID: "resp_1", Status: InProgress, ConversationID: "conv_1", Output: ModalityAudio,
		Format: pcm, Voice: "marin", Metadata: json.RawMessage(`{"client_event_id":"response_create_x"}`)}
	sameJSON(t, ResponseCreated{created}, `{"type":"response.created","response":{"object":"realtime.response","id":"resp_1","status":"in_progress","status_details":null,"output":[],"conversation_id":"conv_1","output_modalities":["audio"],"max_output_tokens":"inf","audio":{"output":{"format":{"type":"audio/pcm","rate":24000},"voice":"marin"}},"usage":null,"metadata":{"client_event_id":"response_create_x"}}}`)

	sameJSON(t, PartAdded{Place{"resp_1", "item_2", 0, 0}, Part{Type: ModalityAudio}}, `{"type":"response.content_part.added","response_id":"resp_1","item_id":"item_2","output_index":0,"content_index":0,"part":{"type":"audio","transcript":""}}`)

	sameJSON(t, ArgumentsDone{"resp_2", "item_3", 0, "call_1", "weather", `{"city":"Paris"}`}, `{"type":"response.function_call_arguments.done","response_id":"resp_2","item_id":"item_3","output_index":0,"call_id":"call_1","name":"weather","arguments":"{\"city\":\"Paris\"}"}`)
	sameJSON(t, TranscriptDelta{Place{"resp_1", "item_2", 0, 0}, "Hi", 1.25}, `{"type":"response.output_audio_transcript.delta","response_id":"resp_1","item_id":"item_2","output_index":0,"content_index":0,"delta":"Hi","start_time":1.25}`)
	sameJSON(t, AudioDelta{Place{"resp_1", "item_2", 0, 0}, []byte{1, 0, 1}}, `{"type":"response.output_audio.delta","response_id":"resp_1","item_id":"item_2","output_index":0,"content_index":0,"delta":"AQAB"}`)
	sameJSON(t, RateLimitsUpdated{[]RateLimit{{"tokens", 100, 40, 1.5}}}, `{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","limit":100,"remaining":40,"reset_seconds":1.5}]}`)

	call := &Item{ID: "item_3", Type: FunctionCall, Status: Completed, Name: "weather", CallID: "call_1", Arguments: `{"city":"Paris"}`}
	sameJSON(t, OutputItemDone{"resp_2", 0, call}, `{"type":"response.output_item.done","response_id":"resp_2","output_index":0,"item":{"id":"item_3","object":"realtime.item","type":"function_call","status":"completed","name":"weather","call_id":"call_1","arguments":"{\"city\":\"Paris\"}"}}`)

	answer := &Item{ID: "item_2", Type: Message, Role: RoleAssistant, Status: Incomplete, Content: []Content{{Type: OutputAudio, Transcript: "Hi"}}}
	done := &Response{ID: "resp_1", Status: Cancelled, Reason: TurnDetected, ConversationID: "conv_1", Output: ModalityAudio,
		Format: pcm, Voice: "marin", Items: []*Item{answer}, Usage: &Usage{InputText: 2, InputAudio: 4, CachedText: 1, OutputText: 4}}
	sameJSON(t, ResponseDone{done}, `{"type":"response.done","response":{"object":"realtime.response","id":"resp_1","status":"cancelled","status_details":{"type":"cancelled","reason":"turn_detected"},"output":[{"id":"item_2","object":"realtime.item","type":"message","role":"assistant","status":"incomplete","content":[{"type":"output_audio","transcript":"Hi"}]}],"conversation_id":"conv_1","output_modalities":["audio"],"max_output_tokens":"inf","audio":{"output":{"format":{"type":"audio/pcm","rate":24000},"voice":"marin"}},"metadata":null,"usage":{"total_tokens":10,"input_tokens":6,"output_tokens":4,"input_token_details":{"text_tokens":2,"audio_tokens":4,"image_tokens":0,"cached_tokens":1,"cached_tokens_details":{"text_tokens":1,"audio_tokens":0,"image_tokens":0}},"output_token_details":{"text_tokens":4,"audio_tokens":0}}}}`)

	sameJSON(t, ErrorEvent{&Error{TypeInvalidRequest, CodeActiveResponse, "Conversation already has an active response in progress: resp_1", "", "agents_py_response_create_2"}},
		`{"type":"error","error":{"type":"invalid_request_error","code":"conversation_already_has_active_response","message":"Conversation already has an active response in progress: resp_1","param":null,"event_id":"agents_py_response_create_2"}}`)
}

func TestTranscriptionEventsCarryWhatClientsDemand(t *testing.T) {
	sameJSON(t, TranscriptionCompleted{"item_1", 0, "Hi", 1.5}, `{"type":"conversation.item.input_audio_transcription.completed","item_id":"item_1","content_index":0,"transcript":"Hi","usage":{"type":"duration","seconds":1.5}}`)
	sameJSON(t, TranscriptionFailed{"item_1", 0, &Error{Code: CodeServerError, Message: "lost"}}, `{"type":"conversation.item.input_audio_transcription.failed","item_id":"item_1","content_index":0,"error":{"type":"invalid_request_error","code":"server_error","message":"lost","param":""}}`)
	p := update(t, `{"type":"transcription","audio":{"input":{"transcription":{"language":"de"}}}}`)
	s := p.Apply(DefaultSession())
	s.ID = "sess_1"
	sameJSON(t, SessionUpdated{&s}, `{"type":"session.updated","session":{
 "type":"transcription","object":"realtime.transcription_session","id":"sess_1","include":null,
 "audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"noise_reduction":null,"transcription":{"language":"de"},
   "turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":500,"idle_timeout_ms":null,"create_response":true,"interrupt_response":true}}}}}`)
}

func TestTruncates(t *testing.T) {
	for raw, want := range map[string]Truncation{
		`"auto"`:     {Retention: autoRetention},
		`"disabled"`: {Disabled: true, Retention: autoRetention},
		`{"type":"retention_ratio","retention_ratio":0}`:                                                 {},
		`{"type":"retention_ratio","retention_ratio":0.8,"token_limits":null}`:                           {Retention: 0.8},
		`{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":5000.0}}`:   {Retention: 0.8, PostInstructions: 5000},
		`{"type":"retention_ratio","retention_ratio":1,"token_limits":{"post_instructions":null,"x":1}}`: {Retention: 1},
	} {
		p := update(t, `{"truncation":`+raw+`}`)
		s := p.Apply(DefaultSession())
		if got := s.Truncates(); got != want {
			t.Errorf("%s: %+v, want %+v", raw, got, want)
		}
	}
}

func TestFailedResponseCarriesItsError(t *testing.T) {
	failed := &Response{ID: "r", Status: Failed, Output: ModalityText, Err: &Error{TypeServer, CodeServerError, "lost", "", ""}, Usage: &Usage{}}
	got := checkFrame(t, ResponseDone{failed})["response"].(map[string]any)
	want := map[string]any{"type": "failed", "error": map[string]any{"type": "server_error", "code": "server_error", "message": "lost"}}
	if !reflect.DeepEqual(got["status_details"], want) || got["conversation_id"] != nil {
		t.Errorf("response = %v", got)
	}
}

func TestTimingsAreAnExtraKey(t *testing.T) {
	r := &Response{ID: "r", Status: Completed, Output: ModalityAudio, Usage: &Usage{InputText: 5, OutputText: 2, OutputAudio: 7},
		Timings: &Timings{AfterSpeech: true, FirstToken: 123456 * time.Microsecond, Total: 2 * time.Second, Rate: 19.96}}
	got := checkFrame(t, ResponseDone{r})["response"].(map[string]any)
	want := map[string]any{"since": "speech_stopped", "first_token_ms": 123.5, "first_audio_ms": nil, "total_ms": 2000., "tokens_per_second": 20.}
	if !reflect.DeepEqual(got["timings"], want) {
		t.Errorf("timings %v, want %v", got["timings"], want)
	}
	usage := got["usage"].(map[string]any)
	if usage["total_tokens"] != 14. || usage["output_tokens"] != 9. || !reflect.DeepEqual(usage["output_token_details"], map[string]any{"text_tokens": 2., "audio_tokens": 7.}) {
		t.Errorf("usage %v", usage)
	}
}

func TestSessionEchoIsSafeForStrictClients(t *testing.T) {
	p := update(t, `{"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":true,"max_output_tokens":100,"reasoning":{"effort":"low"},
		"tools":[{"type":"function","name":"f","description":"d","strict":true},{"type":"function","name":"g","parameters":{"type": "object"}}],
		"audio":{"input":{"transcription":{"model":"m","language":"de","prompt":"p","delay":"low","keywords":["x"]},"noise_reduction":{"type":"far_field","strength":0.5}}}}`)
	s := p.Apply(DefaultSession())
	got := checkFrame(t, SessionUpdated{&s})["session"].(map[string]any)
	if got["type"] != "realtime" {
		t.Error("session without type")
	}
	if got["tool_choice"] != "required" {
		t.Errorf("tool_choice = %v, want a string", got["tool_choice"])
	}
	if _, ok := got["expires_at"]; ok {
		t.Error("expires_at of a session that does not expire")
	}
	input := got["audio"].(map[string]any)["input"].(map[string]any)
	if want := map[string]any{"model": "m", "language": "de", "prompt": "p"}; !reflect.DeepEqual(input["transcription"], want) {
		t.Errorf("transcription = %v, want only %v", input["transcription"], want)
	}
	tools := got["tools"].([]any)
	if want := (map[string]any{"type": "function", "name": "f", "description": "d", "parameters": map[string]any{"type": "object", "properties": map[string]any{}}}); !reflect.DeepEqual(tools[0], want) {
		t.Errorf("tool = %v", tools[0])
	}
}

func TestStringsAreValidUTF8AndRoundTrip(t *testing.T) {
	for _, s := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f", "ümlaut 漢字 🎤", "\u2028\u2029", strings.Repeat("ä", 1000)} {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil || got != s {
			t.Errorf("%q came back as %q, %v", s, got, err)
		}
	}
	if got := string(appendString(nil, "a\xffb\xc3")); got != "\"a\ufffdb\ufffd\"" {
		t.Errorf("broken UTF-8 became %q", got)
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	b := make([]byte, 0, 4096)
	var ev ServerEvent = TextDelta{Place{"resp_1", "item_2", 0, 0}, "word "}
	if n := testing.AllocsPerRun(100, func() { b = Append(b[:0], "event_1", ev) }); n != 0 {
		t.Errorf("Append allocates %v times, want 0", n)
	}
}

func BenchmarkAppendDelta(b *testing.B) {
	buf := make([]byte, 0, 4096)
	var ev ServerEvent = TextDelta{Place{"resp_1", "item_2", 0, 0}, "word "}
	for b.Loop() {
		buf = Append(buf[:0], "event_1", ev)
	}
}

func BenchmarkDecodeAppend(b *testing.B) {
	data := []byte(`{"type":"input_audio_buffer.append","audio":"` + strings.Repeat("AAAA", 1600) + `"}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
