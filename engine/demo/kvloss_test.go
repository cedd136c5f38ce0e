//go:build !race

// The race detector finds nothing here that it would not find elsewhere, and
// takes ten times as long.

package demo_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hark/engine/backend/cpu"
	"hark/engine/chat"
	"hark/engine/demo"
	"hark/engine/model"
	"hark/engine/model/modeltest"
	"hark/engine/token"
)

// long makes the conversations as long as those of docs/performance.md.
var long = flag.Bool("long", false, "measure what caches lose over long conversations")

// reader opens the embedded model without an engine.
func reader(t *testing.T) *modeltest.Reader {
	t.Helper()
	b := cpu.New(nil)
	t.Cleanup(func() { b.Close() })
	m, err := model.Open(demo.Source(), b)
	if err != nil {
		t.Fatal(err)
	}
	return &modeltest.Reader{Model: m, Backend: b}
}

// numbers are the words that sums are made of.
var numbers = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty")

// conversation returns the ids of a system prompt and of n turns, questions
// with their answers: sums, and what the sample cases ask.
func conversation(t *testing.T, m model.Model, n int) (system []token.ID, turns [][]token.ID) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(samples, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct{ System, Spoken, Want, Image string }
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	say := func(role chat.Role, text string) chat.Message {
		return chat.Message{Role: role, Content: []chat.Content{{Kind: chat.Text, Text: text}}}
	}
	render := func(messages []chat.Message) []token.ID {
		runs, err := m.Chat().Render(messages, chat.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var ids []token.ID
		for _, r := range runs {
			ids = append(ids, r.IDs...)
		}
		return ids
	}
	prompt := ""
	for _, c := range cases {
		if strings.Contains(c.System, "information desk") {
			prompt = c.System
		}
	}
	cases = slices.DeleteFunc(cases, func(c struct{ System, Spoken, Want, Image string }) bool {
		return c.Spoken == "" || c.Image != ""
	})
	messages := []chat.Message{say(chat.System, prompt)}
	system = render(messages)
	rng := rand.New(rand.NewPCG(1, 1))
	length := len(system)
	for i := range n {
		a, b := rng.IntN(11), rng.IntN(11)
		question := fmt.Sprintf("What is %s plus %s?", numbers[a], numbers[b])
		answer := fmt.Sprintf("%s plus %s is %s.", numbers[a], numbers[b], numbers[a+b])
		answer = strings.ToUpper(answer[:1]) + answer[1:]
		if i%3 == 2 {
			c := cases[rng.IntN(len(cases))]
			question, answer = c.Spoken, c.Want
		}
		messages = append(messages, say(chat.User, question), say(chat.Assistant, answer))
		ids := render(messages)
		if !slices.Equal(ids[:len(system)], system) {
			t.Fatal("a turn changed the ids of the system prompt")
		}
		turns = append(turns, ids[length:])
		length = len(ids)
	}
	return system, turns
}

// TestKVLoss measures what 8-bit keys and values lose: go test -v prints it.
func TestKVLoss(t *testing.T) {
	r, n := reader(t), 12
	if *long {
		n = 80
	}
	system, turns := conversation(t, r.Model, n)
	exact, narrow := r.Cache(0), r.Cache(8)
	ids := slices.Concat(append([][]token.ID{system}, turns...)...)
	d := r.Compare(ids, exact, narrow)[0]
	t.Logf("8 bits against float32, %d of %d bytes: %v", narrow.Bytes(), exact.Bytes(), d)
	if d.Positions != len(ids) || d.Mean > 1e-3 || float64(d.Agree) < 0.99*float64(d.Positions) {
		t.Errorf("%v: want a mean of at most 0.001 and the same token at 99 %%", d)
	}
}

// TestCutLoss measures how far a conversation whose oldest turns were cut is
// from one computed anew without them: go test -v prints it.
func TestCutLoss(t *testing.T) {
	r, f, n := reader(t), modeltest.Forgetting{Limit: 450, Keep: 250}, 26
	if *long {
		f.Limit, f.Keep, n = 1400, 700, 115 // windows have dropped what is before
	}
	f.System, f.Turns = conversation(t, r.Model, n)
	for _, bits := range []int{0, 8} {
		f.Bits = bits
		cut, whole, err := r.Forget(&f)
		if err != nil {
			t.Fatal(err)
		}
		var all, never modeltest.Drift
		for i := range cut {
			all.Join(cut[i])
			never.Join(whole[i])
			t.Logf("%d bits, cut %d: %v; never cut: %v", bits, i+1, cut[i], whole[i])
			if cut[i].Mean > 0.06 {
				t.Errorf("cut %d: %v, want a mean of at most 0.06", i+1, cut[i])
			}
		}
		t.Logf("%d bits, %d cuts: %v; never cut: %v", bits, len(cut), all, never)
		if len(cut) < 2 {
			t.Errorf("%d cuts, want 2 at least", len(cut))
		}
	}
}
