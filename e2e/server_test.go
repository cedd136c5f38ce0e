//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/audio"
	"hark/audio/wav"
)

// patience is how long an answer of the embedded model may take on a busy
// machine with two cores, speech included.
const patience = 40 * time.Second

// folder holds what the tests build.
var folder string

// binary builds the hark under test, once.
var binary = sync.OnceValues(func() (string, error) { return Build("..", folder) })

func TestMain(m *testing.M) {
	os.Exit(func() (code int) {
		var err error
		if folder, err = os.MkdirTemp("", "hark-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(folder)
		defer func() {
			if b, err := chromium(); err == nil {
				b.Close()
			}
			if s, err := shared(); err != nil || s.Stop() != nil { // it ends in order
				fmt.Fprintln(os.Stderr, "the shared server:", err, s.Log())
				code = 1
			}
		}()
		return m.Run()
	}())
}

// start starts hark on a free port, or on addr. The test must stop it.
func start(t *testing.T, addr string) *Server {
	t.Helper()
	file, err := binary()
	check(t, err)
	s, err := StartServer(t.Context(), file, t.TempDir(), addr)
	check(t, err)
	return s
}

// shared is the server of all tests that do it no harm. Pages of this machine
// may use it.
var shared = sync.OnceValues(func() (*Server, error) {
	file, err := binary()
	if err != nil {
		return nil, err
	}
	return StartServer(context.Background(), file, folder, "", "--allow-origin", "http://127.0.0.1:*")
})

// serve returns that server, and its log if the test fails.
func serve(t *testing.T) *Server {
	t.Helper()
	s, err := shared()
	check(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("hark serve wrote:\n%s", s.Log())
		}
	})
	return s
}

// samples are the sample questions.
func samples(t *testing.T) map[string]Case {
	t.Helper()
	cases, err := Cases(sample(t, "cases.json"))
	check(t, err)
	return cases
}

// transports are the ways to the server, as the page names them.
var transports = []string{"WebRTC", "WebSocket"}

// by makes the page take one of the transports.
func by(t *testing.T, p *Page, transport string) {
	t.Helper()
	check(t, p.Wait(idle, soon))
	if transport == "WebSocket" {
		run(t, p, "(() => { const field = document.getElementById('transport'); field.value = 'websocket'; field.dispatchEvent(new Event('change')); })()")
	}
	check(t, p.Wait("document.getElementById('link-text').textContent === '"+transport+"'", soon))
	check(t, p.Wait(idle, soon))
}

// see turns the camera on.
func see(t *testing.T, p *Page) {
	t.Helper()
	check(t, p.Click("see"))
	check(t, p.Wait("document.getElementById('preview').videoWidth > 0", soon))
}

// record keeps the events of the server that come from now on in
// window.events, and the agent in window.agent.
func record(t *testing.T, p *Page) {
	t.Helper()
	run(t, p, "import('./app.js').then(({ agent }) => { Object.assign(window, { agent, events: [] }); agent.listen('event', (event) => window.events.push(event)); })")
}

// came is the condition that an event of a type was recorded.
func came(kind string) string { return "window.events.some((event) => event.type === '" + kind + "')" }

// ask puts one sample question to a running server through a fresh page, the
// way a person would, and returns what the page shows as the answer.
func ask(t *testing.T, s *Server, transport string, c Case) string {
	t.Helper()
	var o Options
	if c.Audio != "" {
		o.Sound = sample(t, c.Audio)
	}
	if c.Image != "" {
		o.Camera = film(t, c.Image)
	}
	p := open(t, s.Address, o)
	by(t, p, transport)
	check(t, p.Instruct(c.System))
	if c.Image != "" {
		see(t, p)
	}
	if c.Audio != "" {
		check(t, p.Click("talk"))
	} else {
		check(t, p.Ask(c.Text))
	}
	answer, err := p.Answer(1, patience)
	check(t, err)
	if c.Image != "" {
		check(t, p.Wait(frames(1, "1"), soon))
	}
	check(t, p.Wait("/first sound/.test(document.querySelector('.note:not([hidden])')?.textContent)", soon))
	timing, err := p.Eval("document.querySelector('.assistant .note').textContent")
	check(t, err)
	t.Logf("%s: %q, %s", c.Name, answer, timing)
	return answer
}

func TestHarkHearsSeesAndReads(t *testing.T) {
	s := serve(t)
	cases := samples(t)
	seen := cases["picture-spoken-5"]
	seen.Name, seen.Audio, seen.Text = "picture and text", "", "What do you see?"
	for transport, list := range map[string][]Case{
		"WebRTC": {
			cases["question-0"],       // speech
			cases["kiosk-1"],          // speech, instructions
			cases["text-2"],           // text, instructions
			seen,                      // camera, text
			cases["picture-spoken-5"], // camera, speech
		},
		"WebSocket": {cases["question-1"], seen, cases["picture-spoken-5"]},
	} {
		for _, c := range list {
			t.Run(transport+" "+c.Name, func(t *testing.T) {
				if got := ask(t, s, transport, c); got != c.Answer {
					t.Errorf("answer = %q, want %q", got, c.Answer)
				}
			})
		}
	}
}

// said is a WAV file of sample questions with a silence in front of each, and
// two seconds behind the last.
func said(t *testing.T, silence time.Duration, cases ...Case) string {
	t.Helper()
	var all []float32
	for _, c := range cases {
		data, err := os.ReadFile(sample(t, c.Audio))
		check(t, err)
		clip, err := wav.Decode(data, nil)
		check(t, err)
		all = append(append(all, make([]float32, int(silence.Seconds()*float64(audio.ModelRate)))...), clip.Samples...)
	}
	file := filepath.Join(t.TempDir(), "said.wav")
	check(t, os.WriteFile(file, wav.Encode(audio.ModelRate, append(all, make([]float32, 2*audio.ModelRate)...)), 0o600))
	return file
}

func TestAConversationOfSeveralTurns(t *testing.T) {
	s := serve(t)
	cases := samples(t)
	spoken := []Case{cases["question-0"], cases["question-8"]}
	p := open(t, s.Address, Options{Sound: said(t, 3*time.Second, spoken...)})
	by(t, p, "WebRTC")
	check(t, p.Instruct(spoken[0].System))
	check(t, p.Click("talk"))
	for i, c := range spoken {
		if got, err := p.Answer(i+1, patience); err != nil || got != c.Answer {
			t.Fatalf("answer %d = %q, %v, want %q", i+1, got, err, c.Answer)
		}
	}
	// The user's words are written down, too.
	check(t, p.Wait("document.querySelectorAll('.user .text:not([hidden])').length === 2", patience))
}

func TestSpeakingStopsTheVoice(t *testing.T) {
	s := serve(t)
	cases := samples(t)
	first, second := cases["kiosk-3"], cases["question-0"] // the first has the longest answer
	for _, transport := range transports {
		t.Run(transport, func(t *testing.T) {
			p := open(t, s.Address, Options{Sound: said(t, time.Second/2, first)})
			by(t, p, transport)
			check(t, p.Instruct(first.System))
			record(t, p)
			check(t, p.Click("talk"))
			check(t, p.Wait("document.querySelector('.assistant .said')?.textContent", patience))

			// While it is heard, somebody speaks.
			b, err := chromium()
			check(t, err)
			check(t, b.capture(Options{Sound: said(t, 0, second)}))
			run(t, p, "import('./app.js').then(({ agent }) => (agent.stop({ now: true }), agent.start()))")
			check(t, p.Wait("document.body.dataset.phase === 'hearing'", soon))
			silent, err := p.Eval("import('./app.js').then(({ agent }) => agent.levels.voice === 0)")
			check(t, err)
			if silent != "true" {
				t.Error("the voice goes on")
			}
			check(t, p.Wait(came(map[string]string{"WebRTC": "output_audio_buffer.cleared", "WebSocket": "conversation.item.truncated"}[transport]), soon))
			text, err := p.Eval("document.querySelector('.assistant .text').textContent")
			check(t, err)
			if !strings.HasPrefix(first.Answer, text) || text == first.Answer {
				t.Errorf("the page shows %q of an answer that was interrupted, %q", text, first.Answer)
			}
			_, err = p.Answer(2, patience) // right or not: the instructions are of another place
			check(t, err)
		})
	}
}

func TestTheCallSurvivesALostLine(t *testing.T) {
	s := start(t, "")
	defer func() { check(t, s.Stop()) }()
	p := open(t, s.Address, Options{}, "ERR_")
	by(t, p, "WebRTC")
	check(t, p.Ask("What does the sheep say?"))
	first, err := p.Answer(1, patience)
	check(t, err)
	check(t, p.Wait(idle, soon))
	record(t, p)
	check(t, s.Pause())
	lost := p.Wait("document.getElementById('link').dataset.state !== 'ready'", 2*soon)
	check(t, s.Resume())
	check(t, lost)
	check(t, p.Wait(idle, 2*soon))
	check(t, p.Wait("window.events.filter((event) => event.type === 'conversation.item.added').length === 2", soon))
	check(t, p.Ask("What does the sheep say?"))
	second, err := p.Answer(2, patience)
	check(t, err)
	t.Logf("before: %q, after: %q", first, second)
}

func TestTheConversationSurvivesARestart(t *testing.T) {
	s := start(t, "")
	p := open(t, s.Address, Options{}, "ERR_", "404")
	by(t, p, "WebRTC")
	check(t, p.Ask("What does the sheep say?"))
	first, err := p.Answer(1, patience)
	check(t, err)
	s.Kill()
	check(t, p.Wait("document.getElementById('link-text').textContent === 'Not connected'", 2*soon))
	shows(t, p, "Try now")

	address := strings.Trim(strings.TrimPrefix(s.Address, "http://"), "/")
	again := start(t, address)
	defer func() { check(t, again.Stop()) }()
	check(t, p.Wait(idle, 2*soon))
	record(t, p)
	check(t, p.Ask("What does the sheep say?"))
	second, err := p.Answer(2, patience)
	check(t, err)
	t.Logf("before: %q, after: %q", first, second)
	if first == "" || second == "" {
		t.Error("want an answer before and after the restart")
	}
	if got := value(t, p, "document.getElementById('link-text').textContent"); got != "WebRTC" {
		t.Errorf("after the restart the page is connected by %s", got)
	}
}

func TestHoldingTheButtonIsATurn(t *testing.T) {
	s := serve(t)
	c := samples(t)["question-0"]
	p := open(t, s.Address, Options{Sound: said(t, time.Second, c)})
	by(t, p, "WebRTC")
	check(t, p.Instruct(c.System))
	record(t, p)
	run(t, p, "(document.querySelector('[name=mode][value=press]').click(), document.activeElement.blur())")
	check(t, p.Space(true))
	check(t, p.Wait("document.body.dataset.phase === 'hearing'", soon))
	check(t, p.Wait("agent.turns[0].levels.length > 150", soon)) // three seconds, in which it was said
	check(t, p.Space(false))
	if got, err := p.Answer(1, patience); err != nil || got != c.Answer {
		t.Errorf("answer = %q, %v, want %q", got, err, c.Answer)
	}
}

// What docs/webrtc.md says a page has to do is enough, and the browser is asked
// to repeat its packets (RED).
func TestAPageOfItsOwnCalls(t *testing.T) {
	s := serve(t)
	p := open(t, s.Address, Options{Sound: sample(t, "question-0.wav")})
	got := value(t, p, `(async () => {
		const pc = new RTCPeerConnection();
		const microphone = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true } });
		pc.addTrack(microphone.getAudioTracks()[0], microphone);
		const events = pc.createDataChannel('oai-events');
		const answered = new Promise((resolve) => (events.onmessage = ({ data }) => data.includes('"type":"response.done"') && resolve(data)));
		await pc.setLocalDescription();
		const response = await fetch('/v1/realtime/calls?model=gpt-realtime', { method: 'POST', body: pc.localDescription.sdp, headers: { 'Content-Type': 'application/sdp' } });
		await pc.setRemoteDescription({ type: 'answer', sdp: await response.text() });
		const answer = await answered;
		const codecs = pc.getTransceivers()[0].sender.getParameters().codecs;
		pc.close();
		return codecs[0].mimeType + ' ' + answer;
	})()`)
	if !strings.HasPrefix(got, "audio/red ") || !strings.Contains(got, "Thirteen plus five is eighteen.") {
		t.Errorf("got %s", got)
	}
}
