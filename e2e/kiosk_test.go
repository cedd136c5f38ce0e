//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// element is <hark-agent> of a page; shadow, what is inside of it.
const (
	element = "document.querySelector('hark-agent')"
	shadow  = element + ".shadowRoot"
)

// cafe is the example of a kiosk.
const cafe = "../examples/kiosk-page/kiosk.json"

// serveWith starts hark with flags, on addr or on a free port. The test must
// stop it.
func serveWith(t *testing.T, addr string, flags ...string) *Server {
	t.Helper()
	file, err := binary()
	check(t, err)
	s, err := StartServer(t.Context(), file, t.TempDir(), addr, flags...)
	check(t, err)
	return s
}

// ends stops a server with the test.
func ends(t *testing.T, s *Server) {
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
}

// host serves the example page on a port of its own, and so as another origin.
func host(t *testing.T) string {
	t.Helper()
	page := httptest.NewServer(http.FileServer(http.Dir("../examples/kiosk-page")))
	t.Cleanup(page.Close)
	return page.URL
}

// state waits for a state of the element.
func state(t *testing.T, p *Page, want string, limit time.Duration) {
	t.Helper()
	check(t, p.Wait(element+"?.state === '"+want+"'", limit))
}

// answered waits until a whole answer of the element is that.
func answered(t *testing.T, p *Page, want string) {
	t.Helper()
	check(t, p.Wait(element+".turns.some(({ side, text, live }) => side === 'assistant' && !live && text === "+quote(want)+")", patience))
}

// quiet waits until what was answered has been said: what nobody has heard is
// no part of the conversation.
func quiet(t *testing.T, p *Page) {
	t.Helper()
	check(t, p.Wait(element+".state === 'listening'", soon))
}

// seen lets axe look at the page once what fades in inside of the element is
// there.
func seen(t *testing.T, p *Page, state string) {
	t.Helper()
	run(t, p, shadow+".getAnimations().filter((a) => a.effect.getComputedTiming().iterations < 10).forEach((a) => a.finish())")
	accessible(t, p, state)
}

// value runs a script and returns what comes of it.
func value(t *testing.T, p *Page, script string) string {
	t.Helper()
	got, err := p.Eval(script)
	check(t, err)
	return got
}

func TestTheElementTalksOnAnotherOrigin(t *testing.T) {
	allowed, foreign := host(t), host(t)
	s := serveWith(t, "", "--allow-origin", allowed)
	ends(t, s)
	hark := "/?hark=" + strings.TrimSuffix(s.Address, "/")

	p := open(t, allowed+hark, Options{Sound: sample(t, "kiosk-4.wav")}, calls)
	check(t, p.Wait(shadow+" !== null && "+element+".state === 'idle'", soon))
	seen(t, p, "the element, idle")
	value(t, p, "window.states = [], addEventListener('hark-state', ({ detail }) => states.push(detail.state))")
	value(t, p, shadow+".querySelector('.talk').click()")
	answered(t, p, "The cookie costs 6 euros.")
	if said := value(t, p, element+".turns[0].text"); said != "How much is a cookie?" {
		t.Logf("the question was heard as %q", said)
	}

	// A tool with a function, then one whose calls are events.
	quiet(t, p)
	value(t, p, element+".sendText('Turn on the light in the kitchen.')")
	check(t, p.Wait("document.getElementById('lamp').className === 'on'", patience))
	check(t, p.Wait(element+".turns.filter(({ side, live }) => side === 'assistant' && !live).length === 2", patience))
	quiet(t, p)
	value(t, p, element+".sendText('Show me the menu page.')")
	shows(t, p, "show_page: menu")
	answered(t, p, "Here is the menu page.")
	for _, want := range []string{"hearing", "answering"} {
		if got := value(t, p, "states"); !strings.Contains(got, want) {
			t.Errorf("states = %s, want %s among them", got, want)
		}
	}
	if left := value(t, p, "("+element+".remove(), new Promise((done) => setTimeout(() => done("+element+"), 50)))"); left != "null" {
		t.Errorf("the element is still there: %s", left)
	}

	stranger := open(t, foreign+hark, Options{}, "403", "WebSocket", "CORS", "ERR_FAILED")
	check(t, stranger.Wait(shadow+" !== null", soon))
	value(t, stranger, shadow+".querySelector('.talk').click()")
	shows(t, stranger, "hark serve --allow-origin "+foreign)
	if got := value(t, stranger, shadow+".querySelector('.notice').textContent"); !strings.Contains(got, "takes no pages of "+foreign) {
		t.Errorf("the element says %q", got)
	}
}

func TestTheElementTellsResultsTogether(t *testing.T) {
	f := newFake(t)
	f.silent, f.calls = true, []string{"fast", "slow"}
	p := open(t, f.URL, Options{}, calls)
	check(t, p.Wait(idle, soon))
	value(t, p, `import('/agent.js').then(() => {
		const agent = document.createElement('hark-agent');
		document.body.append(agent);
		agent.registerTool({ name: 'fast' }, () => ({ light: 'on' }));
		agent.registerTool({ name: 'slow' }, () => new Promise((resolve, reject) => (window.end = reject)));
		agent.sendText('Do both.');
	})`)
	check(t, p.Wait("window.end !== undefined && "+element+".turns.length === 2", soon))
	told := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(soon); len(f.sent("conversation.item.create")) < n; {
			if time.Now().After(deadline) {
				t.Fatalf("%d items, want %d", len(f.sent("conversation.item.create")), n)
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	told(2) // the question, and what came at once
	f.done("completed")
	check(t, p.Wait(element+".turns.at(-1).live === false", soon))
	f.mu.Lock()
	f.silent = false
	f.mu.Unlock()
	value(t, p, "window.end(new Error('it is stuck'))")
	answers := element + ".turns.filter(({ side, live }) => side === 'assistant' && !live).length"
	check(t, p.Wait(answers+" === 2", soon))
	items := f.sent("conversation.item.create")
	if len(items) != 3 || !strings.Contains(items[1], `{\"light\":\"on\"}`) || !strings.Contains(items[2], "it is stuck") {
		t.Errorf("items = %q", items)
	}
	if asked := len(f.sent("response.create")); asked != 2 {
		t.Errorf("%d answers were asked for, want the first, and one that reads both results", asked)
	}

	// An answer that begins when a result is there needs no other; one that
	// goes on is waited for.
	f.mu.Lock()
	f.silent, f.calls = true, []string{"fast"}
	f.mu.Unlock()
	value(t, p, element+".sendText('Once more.')")
	told(5)
	f.done("completed")
	check(t, p.Wait(element+".state === 'answering'", soon))
	f.mu.Lock()
	f.silent = false
	f.mu.Unlock()
	f.done("completed")
	check(t, p.Wait(element+".state === 'idle'", soon))
	if asked := len(f.sent("response.create")); asked != 4 {
		t.Errorf("%d answers were asked for, want 4", asked)
	}
}

func TestAKioskWakesTalksForgetsAndComesBack(t *testing.T) {
	file, err := filepath.Abs(cafe)
	check(t, err)
	s := serveWith(t, "", "--kiosk", file)
	// Somebody comes: the picture stands still for five seconds and then moves.
	walk := filepath.Join(t.TempDir(), "walk.y4m")
	check(t, os.WriteFile(walk, visitor(5, 3), 0o600))
	p := open(t, s.Address+"kiosk?idle=3&countdown=2&fullscreen=0&transport=websocket", Options{Sound: sample(t, "kiosk-4.wav"), Camera: walk, Width: 1080, Height: 1920},
		"ERR_CONNECTION", "WebSocket", "ERR_EMPTY", "ERR_INCOMPLETE", "ERR_SOCKET")
	state(t, p, "asleep", soon)
	if got := value(t, p, shadow+".querySelector('h1').textContent"); got != "Welcome to Star Cafe" {
		t.Errorf("it says %q", got)
	}
	seen(t, p, "the kiosk, asleep")
	value(t, p, "window.woken = '', addEventListener('hark-wake', ({ detail }) => woken = detail.by)")
	value(t, p, "window.counted = false, addEventListener('hark-countdown', ({ detail }) => counted ||= detail.seconds > 0)")
	check(t, p.Wait("woken === 'presence'", 20*time.Second))
	answered(t, p, "The cookie costs 6 euros.")
	seen(t, p, "the kiosk, awake")

	// Nobody says anything more: it counts down, forgets and sleeps.
	state(t, p, "asleep", 20*time.Second)
	if got := value(t, p, "counted + ' ' + "+element+".turns.length + ' ' + "+shadow+".querySelectorAll('li').length"); got != "true 0 0" {
		t.Errorf("counted, turns and captions left: %s, want true 0 0", got)
	}

	s.Kill()
	check(t, p.Wait(shadow+".querySelector('.notice').textContent === 'One moment, please'", soon))
	again := serveWith(t, strings.Trim(strings.TrimPrefix(s.Address, "http://"), "/"), "--kiosk", file)
	ends(t, again)
	check(t, p.Wait(shadow+".querySelector('.notice').hidden && !"+shadow+".querySelector('.touch').hidden", 20*time.Second))
	value(t, p, element+".removeAttribute('presence'), "+shadow+".querySelector('.touch').click()")
	answered(t, p, "The cookie costs 6 euros.") // the microphone begins anew
	quiet(t, p)
	value(t, p, element+".sendText('Show me the menu page.')")
	check(t, p.Wait(shadow+".querySelector('.page h2')?.textContent === 'Menu'", patience))
}

// visitor is a film of so many seconds of an empty room, and then so many of
// somebody who comes near: a dark shape that moves and grows. It has the size of
// the other cameras, and five frames a second.
func visitor(still, moving int) []byte {
	const rate = 5
	var film bytes.Buffer
	fmt.Fprintf(&film, "YUV4MPEG2 W%d H%d F%d:1 Ip A1:1 C420\n", stillWidth, stillHeight, rate)
	frame := make([]byte, stillWidth*stillHeight*3/2)
	for i := range (still + moving) * rate {
		for at := range frame {
			frame[at] = 128
			if x, y := at%stillWidth, at/stillWidth; y < stillHeight {
				frame[at] = byte(120 + x/8) // a wall
				step := i - still*rate
				if left, wide := 40+20*step, 60+14*step; step >= 0 && x > left && x < left+wide && y > 60 {
					frame[at] = byte(40 + (x-left)%32)
				}
			}
		}
		film.WriteString("FRAME\n")
		film.Write(frame)
	}
	return film.Bytes()
}
