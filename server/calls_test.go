package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/audio/resample"
	"hark/audio/wav"
	"hark/media/opus"
	"hark/media/rtc/phone"
	"hark/server/keys"
)

// callUp calls a server and hangs up at the end of the test.
func callUp(t *testing.T, o phone.Options) *phone.Phone {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := phone.Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// await returns the next event of a type. Errors on the way are failures.
func await(t *testing.T, c *phone.Phone, kind string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		ev, err := c.Recv(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		if strings.HasPrefix(string(ev), `{"type":"`+kind+`"`) {
			return string(ev)
		}
		if strings.HasPrefix(string(ev), `{"type":"error"`) {
			t.Errorf("waiting for %s: %s", kind, ev)
		}
	}
}

func tell(t *testing.T, c *phone.Phone, event string) {
	t.Helper()
	if err := c.Send([]byte(event)); err != nil {
		t.Fatal(err)
	}
}

// utterance returns a sample's sound at the rate of a microphone.
func utterance(t testing.TB, name string) []float32 {
	t.Helper()
	data, err := os.ReadFile(samples + name)
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := resample.New(clip.Rate, opus.EncodedRate)
	if err != nil {
		t.Fatal(err)
	}
	return append(slices.Clone(stream.Push(clip.Samples)), stream.Flush()...)
}

// ear listens to the voice of a call.
type ear struct {
	mu   sync.Mutex
	loud int // samples that can be heard
	last time.Time
}

func (e *ear) hear(samples []float32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range samples {
		if s > 0.02 || s < -0.02 {
			e.loud++
			e.last = time.Now()
		}
	}
}

func (e *ear) heard() (time.Duration, time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Duration(e.loud) * time.Second / opus.DecodedRate, e.last
}

// The model hears the question and the answer comes as sound on the track, as
// words and turns of the output buffer on the channel; over UDP and over TCP on
// the port of HTTP.
func TestCallHearsAndSpeaks(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Speaker: hummer{}})
	for name, tcp := range map[string]bool{"UDP": false, "TCP": true} {
		t.Run(name, func(t *testing.T) {
			var e ear
			c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Heard: e.hear, TCP: tcp})
			await(t, c, "session.created")
			if _, err := c.On().Say(t.Context(), utterance(t, "question-0.wav")); err != nil {
				t.Fatal(err)
			}
			for _, kind := range []string{"input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed",
				"response.created", "output_audio_buffer.started", "response.output_audio.done"} {
				await(t, c, kind)
			}
			if done := await(t, c, "response.done"); !strings.Contains(done, "Thirteen plus five is eighteen.") {
				t.Error(done)
			}
			await(t, c, "output_audio_buffer.stopped")
			// Five words of 100 ms, sines of which nearly all can be heard.
			if d, _ := e.heard(); d < 450*time.Millisecond || d > 520*time.Millisecond {
				t.Errorf("heard %v of sound, want about 500 ms", d)
			}
			if n := c.Sound(); n.Lost != 0 || n.Silent > opus.Clock || n.Packets < 50 { // a busy machine may be late
				t.Errorf("the voice's packets: %+v", n)
			}
			pair, err := c.PC.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
			if err != nil || (pair.Remote.Protocol.String() == "tcp") != tcp {
				t.Errorf("connected by %v, %v", pair, err)
			}
		})
	}
}

// Somebody who speaks into an answer silences it at once, and what was not
// heard of it is gone from the record, without a word of the client.
func TestCallIsInterrupted(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Speaker: hummer{}})
	var e ear
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Heard: e.hear})
	await(t, c, "session.created")
	say := func(name string) {
		t.Helper()
		if _, err := c.On().Say(t.Context(), utterance(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	tell(t, c, `{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speed":0.25}}}}`)
	tell(t, c, `{"type":"response.create","response":{"instructions":"Count to ten."}}`)
	await(t, c, "output_audio_buffer.started")
	say("question-0.wav")
	await(t, c, "input_audio_buffer.speech_started")
	cleared := await(t, c, "output_audio_buffer.cleared")
	at := time.Now()
	truncated := await(t, c, "conversation.item.truncated")
	if !strings.Contains(cleared, `"response_id":"resp_`) || !regexp.MustCompile(`"audio_end_ms":[1-9]`).MatchString(truncated) {
		t.Error(cleared, truncated)
	}
	await(t, c, "input_audio_buffer.speech_stopped")
	if _, last := e.heard(); last.After(at.Add(300 * time.Millisecond)) {
		t.Errorf("the voice went on for %v", last.Sub(at))
	}
}

// The form with a session, a secret with one, and the older form.
func TestCallForms(t *testing.T) {
	path, key := keyFile(t, func(*keys.Key) {})
	_, url := serve(t, Options{Engine: newPuppet(), KeyFile: path})
	calls := url + "/v1/realtime/calls"

	c := callUp(t, phone.Options{URL: calls + "?model=m", Key: key, Session: json.RawMessage(`{"type":"realtime","instructions":"Be kind."}`)})
	if ev := await(t, c, "session.created"); !strings.Contains(ev, `"instructions":"Be kind."`) || !strings.Contains(ev, `"model":"m"`) {
		t.Error(ev)
	}
	if !regexp.MustCompile(`^rtc_[A-Z2-7]{26}$`).MatchString(c.ID) {
		t.Errorf("id %q", c.ID)
	}
	secret := ask[struct{ Value string }](newClient(t, url, key), "POST", "/v1/realtime/client_secrets", `{"session":{"type":"realtime","instructions":"Be brief."}}`)
	c = callUp(t, phone.Options{URL: calls, Key: secret.Value})
	if ev := await(t, c, "session.created"); !strings.Contains(ev, `"instructions":"Be brief."`) {
		t.Error(ev)
	}
	c = callUp(t, phone.Options{URL: url + "/v1/realtime?model=m", Key: key})
	if ev := await(t, c, "session.created"); !strings.Contains(ev, `"modalities":`) || !strings.Contains(ev, `"model":"m"`) {
		t.Errorf("the older form: %s", ev)
	}

	offer := fixture(t)
	api := newClient(t, url, key)
	for body, want := range map[any][2]string{
		"":                             {"invalid_offer", "sdp"},
		"v=0":                          {"invalid_offer", "sdp"},
		offer[:200]:                    {"invalid_offer", "sdp"},
		strings.Repeat("a=b\r\n", 2e4): {"invalid_offer", "sdp"},
		newForm(t, nil, "x", "y"):      {"missing_required_parameter", "sdp"},
		newForm(t, nil, "sdp", offer, "session", "{"):                                {"invalid_json", "session"},
		newForm(t, nil, "sdp", offer, "session", `{"type":"x"}`):                     {"invalid_value", "type"},
		newForm(t, nil, "sdp", offer, "session", `{"audio":{"output":{"speed":9}}}`): {"invalid_value", "session.audio.output.speed"},
		newForm(t, nil, "sdp", strings.ReplaceAll(offer, "ice-ufrag", "x")):          {"invalid_offer", "sdp"},
	} {
		api.refused("POST", "/v1/realtime/calls", body, 400, want[0], want[1])
	}
	api.refused("POST", "/v1/realtime/calls", strings.Repeat("x", maxCallBody+1), 413, "request_too_large", "")
	api.refused("POST", "/v1/realtime/calls?conversation_id=conv_none", offer, 404, "conversation_not_found", "conversation_id")
	newClient(t, url, "wrong").refused("POST", "/v1/realtime/calls", offer, 401, "invalid_api_key", "")
}

// fixture returns the offer of a browser, which has no candidates yet.
func fixture(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("../media/rtc/testdata/offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCallIsHungUpByServerOrClient(t *testing.T) {
	path, key := keyFile(t, func(*keys.Key) {})
	other, secret := keys.Make("other")
	if err := keys.Change(path, func(list []keys.Key) ([]keys.Key, error) { return append(list, other), nil }); err != nil {
		t.Fatal(err)
	}
	s, url := serve(t, Options{Engine: newPuppet(), KeyFile: path})
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Key: key})
	await(t, c, "session.created")
	at := "/v1/realtime/calls/" + c.ID
	newClient(t, url, secret).refused("POST", at+"/hangup", nil, 404, "call_not_found", "") // of another key
	newClient(t, url, key).refused("POST", at+"x/hangup", nil, 404, "call_not_found", "")
	newClient(t, url, key).read("POST", at+"/hangup", nil, 200)
	for {
		if _, err := c.Recv(t.Context()); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	c = callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Key: key})
	await(t, c, "session.created")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	s.callsEnd(t)
	newClient(t, url, key).refused("POST", "/v1/realtime/calls/"+c.ID+"/hangup", nil, 404, "call_not_found", "")
}

// callsEnd waits until no call is left.
func (s *Server) callsEnd(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		s.calls.mu.Lock()
		n := len(s.calls.byID)
		s.calls.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d calls are left", n)
		}
		<-time.After(time.Millisecond)
	}
}

// Traps 25 and 26 of clients: the status, the header and the preflight of a
// page of another origin; candidates and a stream in the answer to an offer
// that has no candidates.
func TestCallAnswerIsWhatBrowsersNeed(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet(), Origins: []string{"https://page.example"}})
	ask := func(method, body string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, url+"/v1/realtime/calls", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://page.example")
		req.Header.Set("Content-Type", "application/sdp")
		resp, err := newClient(t, url, "").h.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	pre := ask("OPTIONS", "")
	if allowed := pre.Header.Get("Access-Control-Allow-Headers"); pre.StatusCode != 204 || !strings.Contains(allowed, "authorization") ||
		!strings.Contains(allowed, "content-type") || !strings.Contains(allowed, "x-openai-agents-sdk") || !strings.Contains(pre.Header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight %d, %v", pre.StatusCode, pre.Header)
	}
	resp := ask("POST", fixture(t))
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 201 || resp.Header.Get("Content-Type") != "application/sdp" ||
		!strings.HasPrefix(resp.Header.Get("Location"), "/v1/realtime/calls/rtc_") ||
		!strings.Contains(resp.Header.Get("Access-Control-Expose-Headers"), "Location") || resp.Header.Get("Access-Control-Allow-Origin") != "https://page.example" {
		t.Errorf("%d, %v, %v", resp.StatusCode, resp.Header, err)
	}
	sections := strings.Split(string(answer), "\r\nm=")
	if len(sections) != 4 {
		t.Fatalf("%d sections:\n%s", len(sections)-1, answer)
	}
	for i, want := range [][]string{
		1: {"audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n", "a=rtpmap:111 opus/48000/2", "useinbandfec=1", "a=sendrecv", "a=msid:hark voice", " typ host", " tcptype passive"},
		2: {"video 9 UDP/TLS/RTP/SAVPF 96 97\r\n", "a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli", "a=recvonly"},
		3: {"application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000", "a=max-message-size:16777216"},
	} {
		for _, w := range want {
			if !strings.Contains(sections[i], w) {
				t.Errorf("section %d has no %q:\n%s", i, w, sections[i])
			}
		}
	}
	if !bytes.Contains(answer, []byte("a=group:BUNDLE 0 1 2")) || !bytes.Contains(answer, []byte("a=end-of-candidates")) || bytes.Contains(answer, []byte("H264")) ||
		bytes.Contains(answer, []byte(".local")) {
		t.Errorf("answer:\n%s", answer)
	}
}

// Trap 27: the agents' SDK waits at most five seconds for session.updated.
func TestCallUpdatesTheSessionAtOnce(t *testing.T) {
	_, url := serve(t, Options{Engine: real(t), Speaker: hummer{}})
	began := time.Now()
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls"})
	tell(t, c, `{"type":"session.update","session":{"type":"realtime","model":"gpt-realtime-2.1","output_modalities":["audio"],"audio":{
		"input":{"turn_detection":{"type":"semantic_vad"},"transcription":{"model":"gpt-4o-mini-transcribe"}},"output":{"voice":"ash"}},"tracing":"auto"}}`)
	await(t, c, "session.created")
	await(t, c, "session.updated")
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("it took %v", d)
	}
}
