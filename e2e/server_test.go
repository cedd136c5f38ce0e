//go:build e2e

package e2e

import (
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
	os.Exit(func() int {
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

// serve starts hark for a test. It must end in order with the test.
func serve(t *testing.T) *Server {
	t.Helper()
	s := start(t, "")
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
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

// ask puts one sample question to a running server through a fresh browser,
// the way a person would, and returns what the page shows as the answer.
func ask(t *testing.T, s *Server, c Case) string {
	t.Helper()
	var o Options
	if c.Audio != "" {
		o.Sound = sample(t, c.Audio)
	}
	if c.Image != "" {
		o.Camera = film(t, c.Image)
	}
	p := open(t, s.Address, o)
	defer p.Close()
	check(t, p.Wait(idle, soon))
	check(t, p.Instruct(c.System))
	if c.Image != "" {
		check(t, p.Click("see"))
		check(t, p.Wait("document.getElementById('preview').videoWidth > 0", soon))
	}
	if c.Audio != "" {
		check(t, p.Click("talk"))
	} else {
		check(t, p.Ask(c.Text))
	}
	answer, err := p.Answer(1, patience)
	check(t, err)
	timing, err := p.Eval("document.getElementById('timing').textContent")
	check(t, err)
	t.Logf("%s: %q, first words after %s", c.Name, answer, timing)
	return answer
}

func TestHarkHearsSeesAndReads(t *testing.T) {
	s := serve(t)
	cases := samples(t)
	seen := cases["picture-spoken-5"]
	seen.Name, seen.Audio, seen.Text = "picture and text", "", "What do you see?"
	for _, c := range []Case{
		cases["question-0"],       // speech
		cases["kiosk-1"],          // speech, instructions
		cases["text-2"],           // text, instructions
		seen,                      // camera, text
		cases["picture-spoken-5"], // camera, speech
	} {
		t.Run(c.Name, func(t *testing.T) {
			if got := ask(t, s, c); got != c.Answer {
				t.Errorf("answer = %q, want %q", got, c.Answer)
			}
		})
	}
}

// said is a WAV file of sample questions with two seconds of silence after
// each.
func said(t *testing.T, cases ...Case) string {
	t.Helper()
	var all []float32
	for _, c := range cases {
		data, err := os.ReadFile(sample(t, c.Audio))
		check(t, err)
		clip, err := wav.Decode(data, nil)
		check(t, err)
		all = append(append(all, clip.Samples...), make([]float32, 2*clip.Rate)...)
	}
	file := filepath.Join(t.TempDir(), "said.wav")
	check(t, os.WriteFile(file, wav.Encode(audio.ModelRate, all), 0o600))
	return file
}

func TestAConversationOfSeveralTurns(t *testing.T) {
	s := serve(t)
	cases := samples(t)
	spoken := []Case{cases["question-0"], cases["question-6"], cases["question-8"]}
	p := open(t, s.Address, Options{Sound: said(t, spoken...), Camera: film(t, "picture-spoken-6.png")})
	check(t, p.Wait(idle, soon))
	check(t, p.Instruct(spoken[0].System))
	check(t, p.Click("talk"))
	for i, c := range spoken {
		if got, err := p.Answer(i+1, patience); err != nil || got != c.Answer {
			t.Fatalf("answer %d = %q, %v, want %q", i+1, got, err, c.Answer)
		}
	}
	check(t, p.Click("see"))
	check(t, p.Wait("document.getElementById('preview').videoWidth > 0", soon))
	check(t, p.Ask("What do you see?"))
	if got, err := p.Answer(4, patience); err != nil || got != cases["picture-spoken-6"].Answer {
		t.Errorf("answer 4 = %q, %v, want %q", got, err, cases["picture-spoken-6"].Answer)
	}
}

func TestTheConversationSurvivesARestart(t *testing.T) {
	s := start(t, "")
	p := open(t, s.Address, Options{})
	check(t, p.Wait(idle, soon))
	check(t, p.Ask("What does the sheep say?"))
	first, err := p.Answer(1, patience)
	check(t, err)
	s.Kill()
	shows(t, p, "Not connected")
	shows(t, p, "Try now")

	address := strings.Trim(strings.TrimPrefix(s.Address, "http://"), "/")
	again := start(t, address)
	defer func() { check(t, again.Stop()) }()
	check(t, p.Wait(idle, 20*time.Second))
	check(t, p.Ask("What does the sheep say?"))
	second, err := p.Answer(2, patience)
	check(t, err)
	t.Logf("before: %q, after: %q", first, second)
	if first == "" || second == "" {
		t.Error("want an answer before and after the restart")
	}
}
