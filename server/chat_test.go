package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"hark/engine"
)

// post sends a chat request. The caller closes the body.
func post(t *testing.T, url string, body any) *http.Response {
	t.Helper()
	var data []byte
	switch body := body.(type) {
	case string:
		data = []byte(body)
	default:
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	resp, err := client.Post(url+"/v1/chat/completions", "application/json", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// sampleCase is a line of testdata/samples/cases.json.
type sampleCase struct {
	Name, System, Text, Audio, Image string
	Spoken                           string
	Reference                        string `json:"reference_answer"`
}

func sampleCases(t *testing.T) []sampleCase {
	t.Helper()
	data, err := os.ReadFile(samples + "cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []sampleCase
	if err := json.Unmarshal(data, &list); err != nil || len(list) < 28 {
		t.Fatalf("%d cases, %v", len(list), err)
	}
	return list
}

// someCases are all sample cases, or under the race detector one of each kind:
// it makes arithmetic ten times as slow.
func someCases(t *testing.T) (list []sampleCase) {
	for i, c := range sampleCases(t) {
		if !raceEnabled || i%9 == 0 {
			list = append(list, c)
		}
	}
	return list
}

func dataURI(data []byte) string {
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(data)
}

// messages writes a case as a chat.
func (c sampleCase) messages(t *testing.T) []any {
	var content []any
	if c.Image != "" {
		content = append(content, map[string]any{"type": "image_url", "image_url": map[string]any{"url": dataURI(sampleFile(t, c.Image))}})
	}
	if c.Audio != "" {
		content = append(content, map[string]any{"type": "input_audio", "input_audio": map[string]any{
			"data": base64.StdEncoding.EncodeToString(sampleFile(t, c.Audio)), "format": "wav"}})
	}
	if c.Text != "" {
		content = append(content, map[string]any{"type": "text", "text": c.Text})
	}
	return []any{
		map[string]any{"role": "system", "content": c.System},
		map[string]any{"role": "user", "content": content},
	}
}

func TestChatAnswersAsTheReference(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	wrong := 0
	for _, c := range someCases(t) {
		resp := post(t, url, map[string]any{"model": "gpt-x", "messages": c.messages(t), "temperature": 0})
		var got chatReply
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: status %d, %v", c.Name, resp.StatusCode, err)
		}
		answer := strings.TrimSpace(*got.Choices[0].Message.Content)
		if answer != c.Reference {
			wrong++
			t.Logf("%s: %q, the reference says %q", c.Name, answer, c.Reference)
		}
		u := usageOf(t, got)
		if *got.Choices[0].FinishReason != "stop" || got.Model != "gpt-x" || got.Object != "chat.completion" ||
			u.Completion == 0 || u.Total != u.Prompt+u.Completion ||
			(u.PromptDetails.Audio > 0) != (c.Audio != "") || (u.PromptDetails.Image > 0) != (c.Image != "") {
			t.Errorf("%s: reply %+v usage %+v", c.Name, got, u)
		}
	}
	// One spoken sentence is of words that the model never learned; there the
	// silence that is cut decides.
	if wrong > 1 {
		t.Errorf("%d answers differ from the reference, want at most 1", wrong)
	}
}

// usageOf reads what a reply says was used.
func usageOf(t *testing.T, reply chatReply) (u chatUsage) {
	t.Helper()
	if err := json.Unmarshal(reply.Usage, &u); err != nil {
		t.Fatalf("usage %s: %v", reply.Usage, err)
	}
	return u
}

// events reads server-sent events up to [DONE].
func events(t *testing.T, body io.Reader) (chunks []chatReply) {
	t.Helper()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			continue
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			t.Fatalf("line %q", line)
		}
		if data == "[DONE]" {
			return chunks
		}
		var c chatReply
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %s", err, data)
		}
		chunks = append(chunks, c)
	}
	t.Fatalf("the stream ends without [DONE] after %d chunks, %v", len(chunks), lines.Err())
	return nil
}

func TestStreamAddsUpToTheWhole(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	for _, c := range sampleCases(t)[25:] {
		resp := post(t, url, map[string]any{"messages": c.messages(t), "stream": true, "stream_options": map[string]any{"include_usage": true}})
		if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
			t.Fatalf("content type %q", kind)
		}
		chunks := events(t, resp.Body)
		text, pieces := "", 0
		for i, chunk := range chunks {
			if chunk.Object != "chat.completion.chunk" || chunk.ID != chunks[0].ID {
				t.Errorf("chunk %d: %+v", i, chunk)
			}
			if len(chunk.Choices) == 0 {
				continue
			}
			d := chunk.Choices[0].Delta
			if i == 0 && d.Role != "assistant" {
				t.Errorf("the first chunk has no role")
			}
			if d.Content != nil && *d.Content != "" {
				text += *d.Content
				pieces++
			}
		}
		if strings.TrimSpace(text) != c.Reference || pieces < 3 {
			t.Errorf("%s: %q in %d pieces, want %q", c.Name, text, pieces, c.Reference)
		}
		last := chunks[len(chunks)-1]
		if usageOf(t, last).Completion < pieces || len(last.Choices) != 0 || string(chunks[0].Usage) != "null" {
			t.Errorf("the last chunk has no usage, or the first one has: %+v", last)
		}
		if end := chunks[len(chunks)-2].Choices[0]; end.FinishReason == nil || *end.FinishReason != "stop" {
			t.Errorf("no finish reason: %+v", end)
		}
	}
}

func TestChatOptions(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	c := sampleCases(t)[25] // "The breakfast costs 16.50 euros."
	ask := func(options map[string]any) (text, finish string) {
		options["messages"] = c.messages(t)
		var got chatReply
		if err := json.NewDecoder(post(t, url, options).Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		return *got.Choices[0].Message.Content, string(*got.Choices[0].FinishReason)
	}
	if text, finish := ask(map[string]any{"max_tokens": 2}); finish != "length" || !strings.HasPrefix(c.Reference, text) {
		t.Errorf("max_tokens: %q, %s", text, finish)
	}
	if text, finish := ask(map[string]any{"max_tokens": json.RawMessage("2.0")}); finish != "length" || !strings.HasPrefix(c.Reference, text) {
		t.Errorf("max_tokens of 2.0: %q, %s", text, finish)
	}
	if text, finish := ask(map[string]any{"max_completion_tokens": 1}); finish != "length" || len(text) > 10 {
		t.Errorf("max_completion_tokens: %q, %s", text, finish)
	}
	if text, finish := ask(map[string]any{"stop": "costs"}); finish != "stop" || strings.TrimSpace(text) != "The breakfast" {
		t.Errorf("stop: %q, %s", text, finish)
	}
	if text, _ := ask(map[string]any{"stop": []string{"16", "xyz"}}); strings.TrimSpace(text) != "The breakfast costs" {
		t.Errorf("stops: %q", text)
	}
	hot := map[string]any{"temperature": 2, "top_p": 0.99, "seed": 7, "max_tokens": 20}
	first, _ := ask(hot)
	second, _ := ask(hot)
	if first != second {
		t.Errorf("the same seed gives %q and %q", first, second)
	}
}

func TestChatFaultsAreNamed(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Limits: Limits{BodyBytes: 32 << 20}})
	content := func(part string) string {
		return `{"messages":[{"role":"user","content":[{"type":"text","text":"x"},` + part + `]}]}`
	}
	hi := `"messages":[{"role":"user","content":"hi"}]`
	for _, tt := range []struct {
		body        string
		status      int
		code, param string
	}{
		{``, 400, "invalid_json", ""},
		{`{"messages":[{"role":"tool","content":[{"type":"image_url","image_url":"data:,"}]}]}`, 400, "invalid_value", "messages[0].content[0].type"},
		{content(`{"type":"video_url","video_url":"data:video/mp4;base64,AAAAHGZ0eXBpc29t"}`), 400, "unsupported_format", "messages[0].content[1].video_url.url"},
		{content(`{"type":"video_url","video_url":"data:,x"}`), 400, "unsupported_format", "messages[0].content[1].video_url.url"},
		{content(`{"type":"audio_url","audio_url":{"url":"data:audio/mp4;base64,AAAAHGZ0eXBNNEEg"}}`), 400, "unsupported_format", "messages[0].content[1].audio_url.url"},
		{content(`{"type":"audio_url","audio_url":"file:///etc/passwd"}`), 400, "remote_url_not_allowed", "messages[0].content[1].audio_url.url"},
		{`{`, 400, "invalid_json", ""},
		{`[]`, 400, "invalid_type", ""},
		{`{}`, 400, "missing_required_parameter", "messages"},
		{`{"messages":"hi"}`, 400, "invalid_type", "messages"},
		{`{"messages":[]}`, 400, "invalid_value", "messages"},
		{`{"messages":[{"role":"king","content":"hi"}]}`, 400, "invalid_value", "messages[0].role"},
		{`{"messages":[{"role":"user","content":7}]}`, 400, "invalid_type", "messages[0].content"},
		{`{"messages":[{"role":"system","content":[{"type":"image_url","image_url":"data:,"}]}]}`, 400, "invalid_value", "messages[0].content[0].type"},
		{content(`{"type":"smell"}`), 400, "invalid_value", "messages[0].content[1].type"},
		{content(`{"type":"image_url","image_url":{"url":"http://example.com/x.png"}}`), 400, "remote_url_not_allowed", "messages[0].content[1].image_url.url"},
		{content(`{"type":"image_url","image_url":7}`), 400, "invalid_type", "messages[0].content[1].image_url"},
		{content(`{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}`), 400, "invalid_value", "messages[0].content[1].image_url.url"},
		{content(`{"type":"image_url","image_url":{"url":"data:image/png;base64,` + strings.Repeat("AAAA", 7<<20) + `"}}`), 400, "invalid_value", "messages[0].content[1].image_url.url"},
		{content(`{"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}}`), 400, "unsupported_format", "messages[0].content[1].input_audio.data"},
		{content(`{"type":"input_audio","input_audio":{"data":"%","format":"wav"}}`), 400, "invalid_value", "messages[0].content[1].input_audio.data"},
		{content(`{"type":"input_audio","input_audio":{"data":"UklGRgAAAABXQVZF","format":"wav"}}`), 400, "invalid_value", "messages[0].content[1].input_audio.data"},
		{`{` + hi + `,"temperature":3}`, 400, "invalid_value", "temperature"},
		{`{` + hi + `,"temperature":"hot"}`, 400, "invalid_type", "temperature"},
		{`{` + hi + `,"top_p":-1}`, 400, "invalid_value", "top_p"},
		{`{` + hi + `,"max_tokens":0}`, 400, "invalid_value", "max_tokens"},
		{`{` + hi + `,"n":2}`, 400, "invalid_value", "n"},
		{`{` + hi + `,"logprobs":true}`, 400, "unsupported_value", "logprobs"},
		{`{` + hi + `,"top_logprobs":2}`, 400, "invalid_value", "top_logprobs"},
		{`{` + hi + `,"max_tokens":9999999}`, 400, "invalid_value", "max_tokens"},
		{`{` + hi + `,"logit_bias":{"x":1}}`, 400, "invalid_value", "logit_bias.x"},
		{`{` + hi + `,"modalities":["audio"]}`, 400, "invalid_value", "modalities[0]"},
		{`{` + hi + `,"tool_choice":"required"}`, 400, "invalid_value", "tool_choice"},
		{`{` + hi + `,"tool_choice":{"type":"function","function":{"name":"f"}}}`, 400, "invalid_value", "tool_choice"},
		{`{` + hi + `,"response_format":{"type":"yaml"}}`, 400, "invalid_value", "response_format.type"},
		{`{` + hi + `,"response_format":{"type":"json_schema"}}`, 400, "missing_required_parameter", "response_format.json_schema"},
		{`{` + hi + `,"response_format":{"type":"json_schema","json_schema":{"schema":{"type":"odd"}}}}`, 400, "invalid_value", "response_format.json_schema.schema"},
		{`{` + hi + `,"stop":7}`, 400, "invalid_type", "stop"},
		{`{` + hi + `,"stop":""}`, 400, "invalid_value", "stop"},
		{`{` + hi + `,"stop":["` + strings.Repeat(`a","`, 16) + `b"]}`, 400, "string_above_max_length", "stop"},
		{`{` + hi + `,"tools":[{"type":"web","function":{"name":"f"}}]}`, 400, "invalid_value", "tools[0].type"},
		{`{` + hi + `,"tool_choice":"maybe"}`, 400, "invalid_value", "tool_choice"},
		{`{` + hi + `,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":7}}}]}`, 400, "invalid_value", "messages"},
		{`{"messages":[{"role":"user","content":"` + strings.Repeat("long ", 20000) + `"}]}`, 400, "context_length_exceeded", ""},
		{`{"messages":[{"role":"user","content":"` + strings.Repeat("x", 32<<20) + `"}]}`, 413, "request_too_large", ""},
	} {
		resp := post(t, url, tt.body)
		var got apiError
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Errorf("%.100s: %v", tt.body, err)
			continue
		}
		deref := func(s *string) string {
			if s == nil {
				return ""
			}
			return *s
		}
		if e := got.Error; resp.StatusCode != tt.status || deref(e.Code) != tt.code || deref(e.Param) != tt.param || e.Type != "invalid_request_error" {
			t.Errorf("%.100s: %d %s at %q (%s), want %d %s at %q", tt.body, resp.StatusCode, deref(e.Code), deref(e.Param), e.Message,
				tt.status, tt.code, tt.param)
		}
	}
}

func TestPictureBombIsRefused(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	// A GIF that says it is 65535 by 65535 pixels.
	bomb := "GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff\x2c\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02\x44\x01\x00\x3b"
	body := map[string]any{"messages": []any{map[string]any{"role": "user", "content": []any{
		map[string]any{"type": "image_url", "image_url": map[string]any{"url": dataURI([]byte(bomb))}}}}}}
	resp := post(t, url, body)
	data, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != 400 || !bytes.Contains(data, []byte("too large")) {
		t.Errorf("%d %s", resp.StatusCode, data)
	}
}

func TestToolCalls(t *testing.T) {
	p := newPuppet()
	_, url := serve(t, Options{Engine: p})
	hi := []any{map[string]any{"role": "user", "content": "hi"}}
	p.say("Let me see.", "THOUGHT", "CALL")
	data, _ := io.ReadAll(post(t, url, map[string]any{"messages": hi}).Body)
	var got chatReply
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	m := got.Choices[0].Message
	if *m.Content != "Let me see." || len(m.ToolCalls) != 1 || m.ToolCalls[0].Function != (chatFunction{"f", `{"x":1}`}) ||
		m.ToolCalls[0].Index != nil || *got.Choices[0].FinishReason != "tool_calls" || usageOf(t, got).PromptDetails.Cached != 4 {
		t.Errorf("reply %s", data)
	}
	p.say("CALL", "CALL")
	chunks := events(t, post(t, url, map[string]any{"messages": hi, "stream": true}).Body)
	if len(chunks) != 4 || *chunks[2].Choices[0].Delta.ToolCalls[0].Index != 1 || *chunks[3].Choices[0].FinishReason != "tool_calls" {
		t.Errorf("%d chunks: %+v", len(chunks), chunks)
	}
	if n := p.open.Load(); n != 0 {
		t.Errorf("%d sequences are open", n)
	}
}

func TestConversationWithToolsIsRead(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t)})
	body := `{"max_tokens":3,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}],
		"messages":[{"role":"developer","content":"Be kind."},{"role":"user","content":"hi"},
		{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"x\":\"y\"}"}}]},
		{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"42"}]},
		{"role":"assistant","content":"Fine."},{"role":"user","content":"And?"}]}`
	resp := post(t, url, body)
	if data, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, data)
	}
}

func TestEngineThatFails(t *testing.T) {
	p := newPuppet()
	_, url := serve(t, Options{Engine: p})
	close(p.tokens)
	hi := []any{map[string]any{"role": "user", "content": "hi"}}
	resp := post(t, url, map[string]any{"messages": hi})
	if data, _ := io.ReadAll(resp.Body); resp.StatusCode != 500 || !bytes.Contains(data, []byte(`"server_error"`)) || bytes.Contains(data, []byte("EOF")) {
		t.Errorf("%d %s", resp.StatusCode, data)
	}
	p.tokens = make(chan engine.Token, 1)
	p.tokens <- engine.Token{Text: "One"}
	close(p.tokens)
	data, _ := io.ReadAll(post(t, url, map[string]any{"messages": hi, "stream": true}).Body)
	if !bytes.Contains(data, []byte(`data: {"error":{"message":"the server failed"`)) || bytes.Contains(data, []byte("[DONE]")) {
		t.Errorf("stream: %s", data)
	}
	resp = post(t, url, map[string]any{"messages": []any{map[string]any{"role": "user", "content": "unreadable"}}})
	if resp.StatusCode != 400 {
		t.Errorf("a prompt that cannot be rendered: %d", resp.StatusCode)
	}
}

// busy begins a stream that waits for its second token.
func busy(t *testing.T, p *puppet, url string) (*http.Response, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions",
		strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	p.tokens <- engine.Token{Text: "One"}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp, cancel
}

func TestTooManyCompletionsAreToldToWait(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p, Limits: Limits{Completions: 1, QueueTime: time.Millisecond}})
	first, _ := busy(t, p, url)
	second := post(t, url, `{"messages":[{"role":"user","content":"hi"}]}`)
	if data, _ := io.ReadAll(second.Body); second.StatusCode != 429 || second.Header.Get("Retry-After") == "" || !bytes.Contains(data, []byte("server_overloaded")) {
		t.Errorf("%d %v %s", second.StatusCode, second.Header, data)
	}
	p.say("Two")
	events(t, first.Body)
	s.running.Wait() // its place is free a moment after its last byte
	p.say("ok")
	if resp := post(t, url, `{"messages":[{"role":"user","content":"hi"}]}`); resp.StatusCode != 200 {
		t.Errorf("after it ended: %d", resp.StatusCode)
	}
}

func TestClientThatLeavesFreesItsCompletion(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p})
	_, cancel := busy(t, p, url)
	cancel()
	s.running.Wait()
	if n := p.open.Load(); n != 0 {
		t.Errorf("%d sequences are open", n)
	}
}

func TestCloseEndsCompletionsAfterTheGrace(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p})
	resp, _ := busy(t, p, url)
	s.grace = 200 * time.Millisecond
	start := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d < s.grace {
		t.Errorf("Close took %v, want at least %v", d, s.grace)
	}
	io.Copy(io.Discard, resp.Body) // it ends, however
	if n := p.open.Load(); n != 0 {
		t.Errorf("%d sequences are open", n)
	}
}

func TestBodyThatDoesNotArrive(t *testing.T) {
	_, url := serve(t, Options{Engine: silent(t)})
	body, w := io.Pipe()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url+"/v1/chat/completions", body)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	go func() {
		fmt.Fprint(w, `{"messages":`)
		w.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if resp, err := transport.RoundTrip(req); err == nil {
		resp.Body.Close()
		t.Errorf("status %d for half a body", resp.StatusCode)
	}
}
