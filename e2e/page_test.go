//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// soon is how long something may take that needs no model.
const soon = 10 * time.Second

// JavaScript conditions on the page.
const (
	idle      = "document.body.dataset.phase === 'idle'"
	listening = "document.body.dataset.phase === 'listening'"
	answering = "document.body.dataset.phase === 'answering'"
)

// samples is a file of the test data, as an absolute path.
func sample(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs("../testdata/samples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// film is a camera that shows one of the sample pictures.
func film(t *testing.T, picture string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "camera.y4m")
	check(t, WriteY4M(file, sample(t, picture)))
	return file
}

// chromium is the browser of all tests.
var chromium = sync.OnceValues(func() (*Browser, error) { return OpenBrowser(context.Background()) })

// open opens a page that ends with the test. The browser must not complain of
// anything that is not expected.
func open(t *testing.T, address string, o Options, expected ...string) *Page {
	t.Helper()
	b, err := chromium()
	check(t, err)
	p, err := b.Open(address, o)
	check(t, err)
	t.Cleanup(func() {
		for _, complaint := range p.Complaints() {
			if !slices.ContainsFunc(expected, func(part string) bool { return strings.Contains(complaint, part) }) {
				t.Errorf("the browser complains: %s", complaint)
			}
		}
		p.Close()
	})
	return p
}

// calls is what the browser says where there is no WebRTC.
const calls = "/v1/realtime/calls"

// check ends the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a script on the page.
func run(t *testing.T, p *Page, script string) {
	t.Helper()
	_, err := p.Eval(script)
	check(t, err)
}

// shows waits for a text anywhere on the page.
func shows(t *testing.T, p *Page, text string) {
	t.Helper()
	check(t, p.Wait("document.body.innerText.includes("+jsString(text)+")", soon))
}

// jsString quotes a text for JavaScript.
func jsString(text string) string { return "'" + strings.ReplaceAll(text, "'", `\'`) + "'" }

// hear waits until the present connection brought a number of sound frames.
func hear(t *testing.T, f *fake, frames int) {
	t.Helper()
	for deadline := time.Now().Add(soon); f.soundFrames() < frames; {
		if time.Now().After(deadline) {
			t.Fatalf("%d frames of sound after %v, want %d", f.soundFrames(), soon, frames)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// answers waits for the answer number n and compares it.
func answers(t *testing.T, p *Page, n int, want string) {
	t.Helper()
	got, err := p.Answer(n, soon)
	check(t, err)
	if got != want {
		t.Errorf("answer %d = %q, want %q", n, got, want)
	}
}

func TestPageDoesWithoutWebRTCAndConfiguresASession(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{}, calls)
	check(t, p.Wait(idle, soon))
	check(t, p.Wait("document.getElementById('link-text').textContent === 'WebSocket'", soon))
	check(t, p.Instruct("You are a baker."))
	check(t, p.Wait("localStorage.hark.includes('baker')", soon))
	check(t, p.Ask("Good morning."))
	answers(t, p, 1, f.answer)
	updates := f.sent("session.update")
	if len(updates) != 2 || !strings.Contains(updates[0], `"instructions":"You are kind."`) ||
		!strings.Contains(updates[0], `"output_modalities":["text"]`) || !strings.Contains(updates[0], `"type":"server_vad"`) ||
		!strings.Contains(updates[0], `"transcription":{`) || !strings.Contains(updates[1], `"instructions":"You are a baker."`) {
		t.Errorf("session updates = %q", updates)
	}
	if items := f.sent("conversation.item.create"); len(items) != 1 || !strings.Contains(items[0], `{"text":"Good morning.","type":"input_text"}`) {
		t.Errorf("items = %q", items)
	}
}

// frames is the number of pictures of the camera in the turn of the user with
// a number.
func frames(n int, more string) string {
	return fmt.Sprintf("document.querySelectorAll('.turns .user')[%d].querySelectorAll('img.frame').length === %s", n-1, more)
}

func TestPageShowsWhatTheModelWasShown(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{Camera: film(t, "picture-spoken-5.png")}, calls)
	check(t, p.Wait(idle, soon))
	check(t, p.Click("see"))
	check(t, p.Wait("document.getElementById('preview').videoWidth === 528", soon))
	check(t, p.Ask("What do you see?"))
	answers(t, p, 1, f.answer)
	check(t, p.Wait(frames(1, "1"), soon))
	check(t, p.Click("talk"))
	check(t, p.Wait(listening, soon))
	hear(t, f, 50) // a second, and with it a frame
	f.say("item_spoken")
	answers(t, p, 2, f.answer)
	check(t, p.Wait(frames(2, "1"), soon))
	shows(t, p, "1.0 s")
	shows(t, p, f.words)
	if shown := f.sent("input_image_buffer.append"); len(shown) < 2 || !strings.Contains(shown[0], `"image":"data:image/jpeg;base64,`) {
		t.Errorf("%d frames, want two or more", len(shown))
	}
	check(t, p.Click("see"))
	check(t, p.Ask("And now?"))
	answers(t, p, 3, f.answer)
	check(t, p.Wait(frames(3, "0"), soon))
	want := []string{"session.update", "conversation.item.create", "response.create",
		"input_image_buffer.clear", "conversation.item.create", "response.create"}
	if got := f.order(); !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
}

func TestPageSendsChosenDroppedAndPastedPictures(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{}, calls)
	waiting := func(n string) {
		t.Helper()
		check(t, p.Wait("document.querySelectorAll('#attached img').length === "+n, soon))
	}
	check(t, p.Wait(idle, soon))
	check(t, p.Upload("file", sample(t, "picture-4.png")))
	waiting("1")
	check(t, p.Drop(sample(t, "picture-3.png")))
	waiting("2")
	_, err := p.Eval(`(async () => {
		const canvas = new OffscreenCanvas(40, 30);
		canvas.getContext('2d').fillRect(0, 0, 40, 30);
		const clipboardData = new DataTransfer();
		clipboardData.items.add(new File([await canvas.convertToBlob()], 'pasted.png', { type: 'image/png' }));
		document.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
	})()`)
	check(t, err)
	waiting("3")
	check(t, p.Click("send"))
	answers(t, p, 1, f.answer)
	items := f.sent("conversation.item.create")
	if len(items) != 1 || strings.Count(items[0], "data:image/jpeg") != 3 || !strings.Contains(items[0], "What do you see?") {
		t.Errorf("items = %.300q, want the pictures with a question", items)
	}
	waiting("0")

	// What waits goes with what is said, too.
	check(t, p.Drop(sample(t, "picture-3.png")))
	waiting("1")
	f.say("item_spoken")
	answers(t, p, 2, f.answer)
	waiting("0")
	if items := f.sent("conversation.item.create"); len(items) != 2 || !strings.Contains(items[1], "data:image/jpeg") {
		t.Errorf("%d items, want a second with the picture", len(items))
	}
	check(t, p.Drop(sample(t, "cases.json")))
	shows(t, p, "cases.json is not a picture that this browser can read.")
}

func TestPageStopsAnAnswer(t *testing.T) {
	f := newFake(t)
	f.silent = true
	p := open(t, f.URL, Options{}, calls)
	check(t, p.Wait(idle, soon))
	check(t, p.Ask("Tell me a story."))
	check(t, p.Wait(answering, soon))
	check(t, p.Press("\x1b"))
	shows(t, p, "stopped")
	check(t, p.Wait(idle, soon))

	// A question during an answer stops it, and is asked after its end.
	check(t, p.Ask("Another one."))
	check(t, p.Wait(answering, soon))
	f.mu.Lock()
	f.silent = false
	f.mu.Unlock()
	check(t, p.Ask("Something else."))
	answers(t, p, 3, f.answer)
	want := []string{"session.update", "conversation.item.create", "response.create", "response.cancel",
		"conversation.item.create", "response.create", "response.cancel", "conversation.item.create", "response.create"}
	if got := f.order(); !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
}

func TestPageFollowsTheVoiceAndForgetsWhatWasNotHeard(t *testing.T) {
	f := newFake(t)
	f.voiced = true
	p := open(t, f.URL, Options{}, calls)
	check(t, p.Wait(idle, soon))
	check(t, p.Ask("Good morning."))
	check(t, p.Wait("document.querySelector('.assistant .said')?.textContent === 'Certainly. It '", soon))
	check(t, p.Press("\x1b")) // all of it came long ago; five words take 2.5 s
	check(t, p.Wait(idle, soon))
	text, err := p.Eval("document.querySelector('.assistant .text').textContent")
	check(t, err)
	if !strings.HasPrefix(f.answer, text) || text == f.answer || text == "" {
		t.Errorf("after the interruption the page shows %q of %q", text, f.answer)
	}
	shows(t, p, "stopped")
	shows(t, p, "first sound")
	if updates := f.sent("session.update"); !strings.Contains(updates[0], `"output_modalities":["audio"]`) {
		t.Errorf("session update = %s", updates[0])
	}
	cut := f.sent("conversation.item.truncate")
	if len(cut) != 1 || !strings.Contains(cut[0], `"item_id":"item_answer"`) {
		t.Fatalf("truncations = %q", cut)
	}
	var e struct {
		Ms float64 `json:"audio_end_ms"`
	}
	check(t, json.Unmarshal([]byte(cut[0]), &e))
	if e.Ms < 400 || e.Ms >= 2000 {
		t.Errorf("stopped after %v ms, want a part of the answer", e.Ms)
	}

	// Speaking stops it, too.
	check(t, p.Ask("Good evening."))
	check(t, p.Wait(answering, soon))
	f.send(event{"type": "input_audio_buffer.speech_started", "item_id": "item_spoken", "audio_start_ms": 200})
	check(t, p.Wait("document.body.dataset.phase === 'hearing'", soon))
	if cut := f.sent("conversation.item.truncate"); len(cut) != 2 {
		t.Errorf("%d truncations, want another", len(cut))
	}
}

func TestPageReconnectsAndKeepsTheConversation(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{}, calls, "WebSocket")
	check(t, p.Wait(idle, soon))
	check(t, p.Click("talk"))
	check(t, p.Wait(listening, soon))
	hear(t, f, 10)
	f.say("item_spoken")
	answers(t, p, 1, f.answer)

	f.drop(websocket.StatusGoingAway, "restarting")
	shows(t, p, "The connection to hark broke (restarting). Trying again in 0.5 s.")
	check(t, p.Wait(listening, soon))
	check(t, p.Wait("document.querySelectorAll('.notice').length === 0", soon))
	hear(t, f, 10)
	if got := f.asked(); len(got) != 2 || got[1] != "conversation_id=conv_1" {
		t.Errorf("connections = %q, want the second to go on", got)
	}
	if items := f.sent("conversation.item.create"); len(items) != 0 {
		t.Errorf("items = %.200q, want none: the server has them", items)
	}

	// A server that has forgotten it is told what was said.
	f.mu.Lock()
	f.forgets = true
	f.mu.Unlock()
	f.drop(websocket.StatusGoingAway, "")
	check(t, p.Wait("document.body.dataset.phase === 'offline'", soon))
	check(t, p.Wait(listening, soon))
	check(t, p.Ask("And now?"))
	answers(t, p, 2, f.answer)
	items := f.sent("conversation.item.create")
	if len(items) != 3 || !strings.Contains(items[0], f.words) || !strings.Contains(items[1], f.answer) || !strings.Contains(items[2], "And now?") {
		t.Errorf("items = %.200q, want what was said, the answer, the question", items)
	}
	if got := f.asked(); len(got) != 4 || got[3] != "" {
		t.Errorf("connections = %q, want a fourth with a new conversation", got)
	}
}

func TestPageEndsTheTurnWithTheMicrophone(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{}, calls)
	check(t, p.Wait(idle, soon))
	check(t, p.Press(" "))
	check(t, p.Wait(listening, soon))
	hear(t, f, 10)
	f.send(event{"type": "input_audio_buffer.speech_started", "item_id": "item_spoken", "audio_start_ms": 0})
	check(t, p.Wait("document.body.dataset.phase === 'hearing'", soon))
	before := f.soundFrames()
	check(t, p.Press(" "))
	check(t, p.Wait("document.getElementById('talk').getAttribute('aria-pressed') === 'false'", soon))
	hear(t, f, before+40) // the pause that ends a turn
	f.send(event{"type": "input_audio_buffer.speech_stopped", "item_id": "item_spoken", "audio_end_ms": 2000})
	f.heard("item_spoken")
	f.respond(false)
	answers(t, p, 1, f.answer)
	check(t, p.Wait(idle, soon))
}

func TestPageMutesAndHoldsToTalk(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{}, calls)
	check(t, p.Wait(idle, soon))
	check(t, p.Click("talk"))
	check(t, p.Wait(listening, soon))
	check(t, p.Press("m"))
	check(t, p.Wait("document.body.dataset.phase === 'muted'", soon))
	check(t, p.Click("mute"))
	check(t, p.Wait(listening, soon))

	_, err := p.Eval("document.querySelector('[name=mode][value=press]').click()")
	check(t, err)
	shows(t, p, "Hold to speak")
	run(t, p, "document.activeElement.blur()")
	for range 2 { // with the permission asked for, and without
		check(t, p.Space(true))
		check(t, p.Wait("document.body.dataset.phase === 'hearing'", soon))
		hear(t, f, f.soundFrames()+20)
		check(t, p.Space(false))
		check(t, p.Wait(idle, soon))
	}
	answers(t, p, 2, f.answer)
	shows(t, p, f.words)
	order := f.order()
	want := []string{"input_audio_buffer.clear", "input_audio_buffer.commit", "response.create"}
	if len(order) < 6 || !slices.Equal(order[len(order)-6:], append(want, want...)) {
		t.Errorf("events = %q, want them to end with %q, twice", order, want)
	}
	updates := f.sent("session.update")
	if last := updates[len(updates)-1]; !strings.Contains(last, `"turn_detection":null`) {
		t.Errorf("session update = %s", last)
	}
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	f := newFake(t)
	denied := open(t, f.URL, Options{Deny: true}, calls)
	check(t, denied.Wait(idle, soon))
	check(t, denied.Click("talk"))
	shows(t, denied, "The microphone is blocked. Allow it for this page")
	check(t, denied.Click("see"))
	shows(t, denied, "The camera is blocked. Allow it for this page")

	f.send(event{"type": "error", "error": event{"code": "invalid_value", "message": "the picture is too large"}})
	shows(t, denied, "the picture is too large")
	f.drop(websocket.StatusPolicyViolation, "too many sessions")
	shows(t, denied, "too many sessions")
	f.Close()
	run(t, denied, "[...document.querySelectorAll('.act')].at(-1).click()")
	shows(t, denied, "hark cannot be reached. Trying again in")
	denied.Complaints()
}

func TestPageSaysThatHTTPSIsMissing(t *testing.T) {
	f := newFake(t)
	address, err := url.Parse(f.URL)
	check(t, err)
	plain := open(t, "http://"+PlainHost+":"+address.Port(), Options{}, calls)
	check(t, plain.Wait(idle, soon))
	check(t, plain.Click("talk"))
	shows(t, plain, "Browsers give microphone and camera only to pages that come over https")
}

func TestPageAsksForAKey(t *testing.T) {
	f := newFake(t)
	f.key = "secret"
	refused := open(t, f.URL, Options{}, calls, "401", "WebSocket")
	shows(t, refused, "This server wants an access key.")
	wrong := open(t, f.URL+"/#key=guessed", Options{}, calls, "401", "WebSocket")
	shows(t, wrong, "The access key is wrong.")
	p := open(t, f.URL+"/#key=secret", Options{}, calls)
	check(t, p.Wait(idle, soon))
	if hash, err := p.Eval("location.hash"); err != nil || hash != "" {
		t.Errorf("address still ends in %q, %v; want the key hidden", hash, err)
	}
}
