package session

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// trap is something that clients of other people hang on, fail at or misread.
type trap struct {
	point  int
	says   string
	script string                        // what is played, up to which all must match
	events func(*testing.T, []trapEvent) // looks at what comes behind it
	test   string                        // the test that has it already, a function's name
}

// trapEvent is an event of the server.
type trapEvent map[string]any

func (e trapEvent) kind() string { return e["type"].(string) }

const (
	trapUser = `
		> {"type":"conversation.item.create","item":{"id":"u","type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}}
		< conversation.item.added
		< conversation.item.done
`
	// trapTalk is a spoken turn with everything that sessions send by
	// themselves, and a call.
	trapTalk = `
		> {"type":"session.update","session":{"tools":[{"type":"function","name":"f"}],"audio":{"input":{"transcription":{"model":"whisper-1"},"turn_detection":{"type":"server_vad"}}}}}
		< session.updated
		$ 10ms "Yes." " So." "CALL f {\"a\":1}"
		$ 10ms "hello"
		~ speech 1s
		~ silence 3s
		> {"type":"response.create","response":{"output_modalities":["text"]}}
		@ 1s
`
)

// traps are the points of the list, but those of WebRTC (25 to 27).
var traps = []trap{
	{point: 1, says: "no subprotocol is required; realtime is the answer if it is offered", test: "TestSubprotocolIsSelectedIfOfferedAndNotDemanded"},
	{point: 2, says: "ws and wss", test: "TestSelfSignedServer"},
	{point: 3, says: "client secrets begin with ek_", test: "TestSecretOpensSessionsAsConfigured"},
	{point: 4, says: "unknown models, voices and transcription models are accepted", script: `
		> {"type":"session.update","session":{"type":"realtime","model":"no-such-model","audio":{"input":{"transcription":{"model":"no-such-whisper"}},"output":{"voice":"no-such-voice"}}}}
		< session.updated {"session":{"audio":{"input":{"transcription":{"model":"no-such-whisper"}},"output":{"voice":"no-such-voice"}}}}`},
	{point: 5, says: "the type and all defaults are echoed; turn_detection is replaced, not merged", script: `
		> {"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":0.9,"silence_duration_ms":900}}}}}
		< session.updated {"session":{"audio":{"input":{"turn_detection":{"threshold":0.9,"silence_duration_ms":900}}}}}
		> {"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad"}}}}}
		< session.updated {"session":{"type":"realtime","object":"realtime.session","id":"*","model":"*","output_modalities":["audio"],"instructions":"","tools":[],"tool_choice":"auto","max_output_tokens":"inf","tracing":null,"truncation":"auto","prompt":null,"include":null,"audio":{"input":{"format":{"type":"audio/pcm","rate":24000},"noise_reduction":null,"transcription":null,"turn_detection":{"type":"server_vad","threshold":0.5,"prefix_padding_ms":300,"silence_duration_ms":500,"create_response":true,"interrupt_response":true}},"output":{"format":{"type":"audio/pcm","rate":24000},"voice":"*","speed":1}}}}`},
	{point: 6, says: "only model, language and prompt of the transcription are echoed", test: "TestSessionEchoIsSafeForStrictClients"},
	{point: 7, says: "tool_choice is echoed as a string", script: `
		> {"type":"session.update","session":{"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"}}}
		< session.updated {"session":{"tool_choice":"required"}}`},
	{point: 8, says: "expires_at is a whole number", test: "TestSecretOpensSessionsAsConfigured"},
	{point: 9, says: "user audio has a transcript, which is null", script: `
		> {"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}
		< session.updated
		~ speech 1s
		> {"type":"input_audio_buffer.commit"}
		< input_audio_buffer.committed {"item_id":"$a"}
		< conversation.item.added {"item":{"id":"$a","content":[{"type":"input_audio","transcript":null}]}}
		< conversation.item.done {"item":{"id":"$a","content":[{"type":"input_audio","transcript":null}]}}`},
	{point: 10, says: "parts are audio and text, contents output_audio and output_text", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		parts, contents := map[string]bool{}, map[string]bool{}
		for _, e := range events {
			switch e.kind() {
			case "response.content_part.added", "response.content_part.done":
				parts[e["part"].(map[string]any)["type"].(string)] = true
			case "response.output_item.done":
				list, _ := e["item"].(map[string]any)["content"].([]any)
				for _, c := range list {
					contents[c.(map[string]any)["type"].(string)] = true
				}
			}
		}
		if len(parts) != 2 || !parts["audio"] || !parts["text"] || len(contents) != 2 || !contents["output_audio"] || !contents["output_text"] {
			t.Errorf("parts %v, contents %v", parts, contents)
		}
	}},
	{point: 11, says: "usage is in transcription.completed", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		for _, e := range of(t, events, "conversation.item.input_audio_transcription.completed") {
			if u, _ := e["usage"].(map[string]any); u["type"] != "duration" || u["seconds"] == nil {
				t.Errorf("%v", e)
			}
		}
	}},
	{point: 12, says: "the name is in function_call_arguments.done", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		for _, e := range of(t, events, "response.function_call_arguments.done") {
			if e["name"] != "f" || e["call_id"] == "" {
				t.Errorf("%v", e)
			}
		}
	}},
	{point: 13, says: "content_index is in all events of contents", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		n := 0
		for _, e := range events {
			for _, about := range []string{"response.content_part.", "response.output_text.", "response.output_audio", "conversation.item.input_audio_transcription."} {
				if strings.HasPrefix(e.kind(), about) {
					if n++; e["content_index"] != 0.0 {
						t.Errorf("%v", e)
					}
				}
			}
		}
		if n < 10 {
			t.Errorf("%d events of contents", n)
		}
	}},
	{point: 14, says: "metadata is echoed", script: trapUser + `
		> {"type":"response.create","response":{"metadata":{"client_event_id":"x"},"output_modalities":["text"]}}
		< response.created {"response":{"metadata":{"client_event_id":"x"}}}`, events: func(t *testing.T, events []trapEvent) {
		if r := of(t, events, "response.done")[0]["response"].(map[string]any); r["metadata"].(map[string]any)["client_event_id"] != "x" {
			t.Errorf("%v", r)
		}
	}},
	{point: 15, says: "each response.create gets response.created, or an error with its event_id", script: `
		$ 1h "a"
		> {"type":"response.create","event_id":"a"}
		< response.created
		> {"type":"response.create","event_id":"b"}
		< error {"error":{"event_id":"b"}}
		> {"type":"response.create","event_id":"c","response":{"input":[{"type":"item_reference","id":"nobody"}],"conversation":"none"}}
		< error {"error":{"event_id":"c"}}
		> {"type":"response.create","event_id":"d","response":9}
		< error {"error":{"event_id":"d"}}`},
	{point: 16, says: "item.added comes at once for hundreds of creates", test: "TestBulkReplayIsFast"},
	{point: 17, says: "cancel without a response says Cancellation failed", script: `
		> {"type":"response.cancel","event_id":"x"}
		< error {"error":{"message":"Cancellation failed…","code":"response_cancel_not_active","event_id":"x"}}`},
	{point: 18, says: "truncate is no error for items that exist", script: trapUser + `
		> {"type":"conversation.item.truncate","item_id":"u","content_index":0,"audio_end_ms":0}
		< conversation.item.truncated {"item_id":"u"}
		> {"type":"response.create"}
		< response.created
		< response.output_item.added {"item":{"id":"$a"}}`},
	{point: 19, says: "retrieve works for all items, sound too", test: "TestRetrievedItemsHaveTheirSound"},
	{point: 20, says: "no delta comes behind done", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		over := map[any]bool{}
		for _, e := range events {
			if r, ok := e["response"].(map[string]any); ok && e.kind() == "response.done" {
				over[r["id"]] = true
			}
			if over[e["response_id"]] || over[e["item_id"]] && strings.HasPrefix(e.kind(), "response.") && strings.HasSuffix(e.kind(), ".delta") {
				t.Errorf("behind the end: %v", e)
			}
			if e.kind() == "response.output_item.done" {
				over[e["item"].(map[string]any)["id"]] = true
			}
		}
	}},
	{point: 21, says: "no events of our own by default", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		for _, e := range events {
			if strings.HasPrefix(e.kind(), "input_image_buffer.") || strings.Contains(e.kind(), "hark") {
				t.Errorf("%v", e)
			}
		}
	}},
	{point: 22, says: "response.done lists the items", script: trapTalk, events: func(t *testing.T, events []trapEvent) {
		r := of(t, events, "response.done")[0]["response"].(map[string]any)
		if out := r["output"].([]any); len(out) != 2 || out[0].(map[string]any)["type"] != "message" || out[1].(map[string]any)["type"] != "function_call" {
			t.Errorf("%v", r)
		}
	}},
	{point: 23, says: "a second response.create behind one of the server's own has the code that clients tolerate", script: `
		$ 1h "a"
		~ speech 1s
		< input_audio_buffer.speech_started
		~ silence 1s
		< input_audio_buffer.speech_stopped
		< input_audio_buffer.committed
		< conversation.item.added
		< conversation.item.done
		< response.created
		> {"type":"response.create","event_id":"x"}
		< error {"error":{"code":"conversation_already_has_active_response","event_id":"x"}}`},
	{point: 24, says: "a sample may be cut in two by appends", script: `
		> {"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}
		< session.updated
		x 4001 > {"type":"input_audio_buffer.append","audio":"AQ=="}
		> {"type":"input_audio_buffer.commit","event_id":"x"}
		< error {"error":{"code":"input_audio_buffer_commit_empty","message":"the input buffer has 81 ms…","event_id":"x"}}`},
	{point: 28, says: "frames are text", test: "TestFramesOfEveryForm"},
	{point: 29, says: "tracing auto and null, prompt null and include null are accepted", script: `
		> {"type":"session.update","session":{"tracing":"auto","prompt":null,"include":null}}
		< session.updated {"session":{"tracing":"auto","prompt":null,"include":null}}
		> {"type":"session.update","session":{"tracing":null}}
		< session.updated {"session":{"tracing":null}}`},
	{point: 30, says: "previous_item_id may be root", script: trapUser + `
		> {"type":"conversation.item.create","previous_item_id":"root","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"first"}]}}
		< conversation.item.added {"previous_item_id":null}
		< conversation.item.done {"previous_item_id":null}`},
	{point: 31, says: "no frame of the server is larger than 900 KiB", test: "TestLongSoundIsLeftOut"},
	{point: 32, says: "semantic_vad alone reads back with create_response and interrupt_response", script: `
		> {"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad"}}}}}
		< session.updated {"session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"auto","create_response":true,"interrupt_response":true}}}}}`},
}

// of returns the events of a type, of which there must be one.
func of(t *testing.T, events []trapEvent, kind string) (list []trapEvent) {
	t.Helper()
	for _, e := range events {
		if e.kind() == kind {
			list = append(list, e)
		}
	}
	if len(list) == 0 {
		t.Fatalf("no %s", kind)
	}
	return list
}

func TestTrapsOfOtherPeoplesClients(t *testing.T) {
	tests := testFunctions(t)
	for point := 1; point <= 32; point++ {
		i := slices.IndexFunc(traps, func(tr trap) bool { return tr.point == point })
		if i < 0 {
			if point < 25 || point > 27 {
				t.Errorf("point %d has no test", point)
			}
			continue
		}
		tr := traps[i]
		t.Run(tr.says, func(t *testing.T) {
			if tr.test != "" {
				if !strings.Contains(tests, "func "+tr.test+"(") {
					t.Errorf("there is no %s", tr.test)
				}
				return
			}
			hold(t, func(p *player, o *Options) { o.Speaker = &fakeSpeaker{} }, func(p *player) {
				p.where = tr.says
				p.line(`< session.created`)
				p.lines(tr.script)
				var events []trapEvent
				for _, frame := range p.drain() {
					var e trapEvent
					if err := json.Unmarshal([]byte(frame), &e); err != nil {
						t.Fatalf("%v in %s", err, frame)
					}
					events = append(events, e)
				}
				if tr.events != nil {
					tr.events(t, events)
				}
			})
		})
	}
}

// testFunctions is the source of the tests of sessions and of what carries them.
func testFunctions(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range []string{".", "realtime", "../media/ws", "../server"} {
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d tests, %v", folder, len(files), err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(data)
		}
	}
	return all.String()
}
