//go:build e2e

package e2e

import (
	"encoding/json"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
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

// open opens the page in a browser that ends with the test.
func open(t *testing.T, address string, o Options) *Page {
	t.Helper()
	p, err := OpenPage(t.Context(), address, o)
	check(t, err)
	t.Cleanup(p.Close)
	return p
}

// check ends the test on an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

func TestPageConfiguresATextSession(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{})
	check(t, p.Wait(idle, soon))
	check(t, p.Instruct("You are a baker."))
	check(t, p.Wait("localStorage.hark.includes('baker')", soon))
	check(t, p.Ask("Good morning."))
	answers(t, p, 1, f.answer)
	updates := f.sent("session.update")
	if len(updates) != 2 || !strings.Contains(updates[0], `"instructions":"You are kind."`) ||
		!strings.Contains(updates[0], `"output_modalities":["text"]`) || !strings.Contains(updates[0], `"type":"server_vad"`) ||
		!strings.Contains(updates[1], `"instructions":"You are a baker."`) {
		t.Errorf("session updates = %q", updates)
	}
	if items := f.sent("conversation.item.create"); len(items) != 1 || !strings.Contains(items[0], `{"text":"Good morning.","type":"input_text"}`) {
		t.Errorf("items = %q", items)
	}
}

func TestPageShowsOnlyTheNewestFrame(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{Camera: film(t, "picture-spoken-5.png")})
	check(t, p.Wait(idle, soon))
	check(t, p.Click("see"))
	check(t, p.Wait("document.getElementById('preview').videoWidth === 528", soon))
	check(t, p.Ask("What do you see?"))
	answers(t, p, 1, f.answer)
	check(t, p.Click("talk"))
	check(t, p.Wait(listening, soon))
	f.say("item_spoken")
	answers(t, p, 2, f.answer)
	shows(t, p, "spoken, 1.0 s")

	if f.soundFrames() == 0 {
		t.Error("no sound was sent")
	}
	want := []string{"session.update", "conversation.item.create", "conversation.item.create", "response.create",
		"conversation.item.delete", "conversation.item.create"}
	if got := f.order(); !slices.Equal(got, want) {
		t.Errorf("events = %q, want %q", got, want)
	}
	items := f.sent("conversation.item.create")
	frame := `{"image_url":"data:image/jpeg;base64,`
	if !strings.Contains(items[0], frame) || strings.Contains(items[1], frame) || !strings.Contains(items[2], frame) {
		t.Error("want a frame, the question, a frame")
	}
	if deleted := f.sent("conversation.item.delete"); !strings.Contains(items[0], `"id":"page_1"`) || !strings.Contains(deleted[0], `"item_id":"page_1"`) {
		t.Errorf("deleted %q, want the first frame", deleted)
	}
}

func TestPageSendsAChosenPicture(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{})
	check(t, p.Wait(idle, soon))
	check(t, p.Upload("file", sample(t, "picture-4.png")))
	check(t, p.Wait("document.querySelectorAll('#attached img').length === 1", soon))
	check(t, p.Click("send"))
	answers(t, p, 1, f.answer)
	items := f.sent("conversation.item.create")
	if len(items) != 1 || !strings.Contains(items[0], "data:image/jpeg") || !strings.Contains(items[0], "What do you see?") {
		t.Errorf("items = %.300q, want the picture with a question", items)
	}
}

func TestPageStopsAnAnswer(t *testing.T) {
	f := newFake(t)
	f.silent = true
	p := open(t, f.URL, Options{})
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

func TestPagePlaysTheVoiceOfTheServer(t *testing.T) {
	f := newFake(t)
	f.voiced = true
	p := open(t, f.URL, Options{})
	check(t, p.Wait(idle, soon))
	check(t, p.Click("open-settings"))
	check(t, p.Click("aloud"))
	check(t, p.Press("\x1b"))
	check(t, p.Ask("Good morning."))
	answers(t, p, 1, f.answer)
	check(t, p.Wait(answering, soon)) // it is played after its end
	check(t, p.Press("\x1b"))
	check(t, p.Wait(idle, soon))
	updates := f.sent("session.update")
	if last := updates[len(updates)-1]; !strings.Contains(last, `"output_modalities":["audio"]`) {
		t.Errorf("session update = %s", last)
	}
	cut := f.sent("conversation.item.truncate")
	if len(cut) != 1 || !strings.Contains(cut[0], `"item_id":"item_answer"`) {
		t.Fatalf("truncations = %q", cut)
	}
	var e struct {
		Ms float64 `json:"audio_end_ms"`
	}
	check(t, json.Unmarshal([]byte(cut[0]), &e))
	if e.Ms >= 2500 {
		t.Errorf("stopped after %v ms, want less than the whole answer", e.Ms)
	}
}

func TestPageReconnectsAndKeepsTheConversation(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{})
	check(t, p.Wait(idle, soon))
	check(t, p.Click("talk"))
	check(t, p.Wait(listening, soon))
	hear(t, f, 105) // 2.1 s to remember
	f.say("item_spoken")
	answers(t, p, 1, f.answer)

	f.drop(websocket.StatusGoingAway, "restarting")
	shows(t, p, "The connection to hark broke (restarting). Trying again in 0.5 s.")
	check(t, p.Wait(listening, soon))
	check(t, p.Wait("document.querySelectorAll('.notice').length === 0", soon))
	check(t, p.Ask("And now?"))
	answers(t, p, 2, f.answer)
	items := f.sent("conversation.item.create")
	if len(items) != 3 || !strings.Contains(items[0], `"type":"input_audio"`) || !strings.Contains(items[1], f.answer) || !strings.Contains(items[2], "And now?") {
		t.Fatalf("items = %.200q, want what was said, the answer, the question", items)
	}
	// 1.8 s of 24 kHz PCM16, in base64.
	if sound := len(items[0]); sound < 115200 || sound > 118000 {
		t.Errorf("the sound said again takes %d characters, want 1.8 s: 115200", sound)
	}
}

func TestPageEndsTheTurnWithTheMicrophone(t *testing.T) {
	f := newFake(t)
	p := open(t, f.URL, Options{})
	check(t, p.Wait(idle, soon))
	check(t, p.Press(" "))
	check(t, p.Wait(listening, soon))
	hear(t, f, 10)
	before := f.soundFrames()
	check(t, p.Press(" "))
	check(t, p.Wait(idle, soon))
	hear(t, f, before+40) // the pause that ends a turn, and what padding needs
}

func TestPageSaysWhatIsWrong(t *testing.T) {
	f := newFake(t)
	denied := open(t, f.URL, Options{Deny: true})
	check(t, denied.Wait(idle, soon))
	check(t, denied.Click("talk"))
	shows(t, denied, "The microphone is blocked. Allow it for this page")
	check(t, denied.Click("see"))
	shows(t, denied, "The camera is blocked. Allow it for this page")

	f.send(event{"type": "error", "error": event{"code": "invalid_value", "message": "the picture is too large"}})
	shows(t, denied, "the picture is too large")
	f.drop(websocket.StatusPolicyViolation, "too many sessions")
	shows(t, denied, "too many sessions")
	denied.Close()

	address, err := url.Parse(f.URL)
	check(t, err)
	plain := open(t, "http://"+PlainHost+":"+address.Port(), Options{})
	check(t, plain.Wait(idle, soon))
	check(t, plain.Click("talk"))
	shows(t, plain, "Browsers give microphone and camera only to pages that come over https")
}

func TestPageAsksForAKey(t *testing.T) {
	f := newFake(t)
	f.key = "secret"
	p := open(t, f.URL, Options{})
	shows(t, p, "This server wants an access key.")
	p.Close()
	p = open(t, f.URL+"/#key=secret", Options{})
	check(t, p.Wait(idle, soon))
	if hash, err := p.Eval("location.hash"); err != nil || hash != "" {
		t.Errorf("address still ends in %q, %v; want the key hidden", hash, err)
	}
}
