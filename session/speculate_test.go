package session

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// drain returns the events that have come.
func (p *player) drain() (events []string) {
	synctest.Wait()
	for {
		select {
		case ev := <-p.events:
			events = append(events, string(ev))
		default:
			return events
		}
	}
}

// kinds returns the types of events, without the common part of the names.
func kinds(events []string) (types []string) {
	for _, ev := range events {
		var e struct{ Type string }
		if json.Unmarshal([]byte(ev), &e) == nil {
			types = append(types, e.Type)
		}
	}
	return types
}

var anyID = regexp.MustCompile(`"(sess|conv|item|resp|call)_[0-9A-Z]+"|"event_id":"[^"]*",?|,"timings":\{[^}]*\}`)

// named replaces ids by the order in which they appear, and leaves out those
// of events and how long responses took.
func named(events []string) []string {
	names := map[string]string{}
	out := make([]string, len(events))
	for i, ev := range events {
		out[i] = anyID.ReplaceAllStringFunc(ev, func(id string) string {
			if strings.HasPrefix(id, `"event_id"`) || strings.HasPrefix(id, `,"timings"`) {
				return ""
			}
			if names[id] == "" {
				names[id] = fmt.Sprintf("#%d", len(names))
			}
			return names[id]
		})
	}
	return out
}

// echo answers with words that depend on the prompt alone.
func echo(prompt string) answer {
	h := fnv.New32a()
	h.Write([]byte(prompt))
	a := answer{first: 30 * time.Millisecond, pause: 5 * time.Millisecond}
	for i := range 3 + h.Sum32()%20 {
		a.pieces = append(a.pieces, fmt.Sprintf(" w%d-%d", h.Sum32()%1000, i))
	}
	return a
}

func TestAnswerIsThereWhenTheTurnEnds(t *testing.T) {
	var counters Counters
	hold(t, func(_ *player, o *Options) { o.Counters = &counters }, func(p *player) {
		p.lines(`< session.created
			$ 100ms 10ms "One" " two" " three"
			~ speech 1s
			< input_audio_buffer.speech_started
			~ silence 440ms`)
		if events := p.drain(); len(events) > 0 {
			t.Errorf("before the end of the turn: %v", events)
		}
		if got := p.fake.asked(); len(got) != 1 {
			t.Errorf("prompts %q, want one that is answered already", got)
		}
		p.line("~ silence 120ms") // the turn ends, and no time passes after that
		want := []string{"input_audio_buffer.speech_stopped", "input_audio_buffer.committed", "conversation.item.added",
			"conversation.item.done", "response.created", "response.output_item.added", "conversation.item.added",
			"response.content_part.added", "response.output_text.delta", "response.output_text.delta", "response.output_text.delta",
			"response.output_text.done", "response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done"}
		if got := kinds(p.drain()); !slices.Equal(got, want) {
			t.Errorf("events\n got %v\nwant %v", got, want)
		}
		p.lines(`~ silence 1s
			$ "Four"
			~ speech 1s
			< input_audio_buffer.speech_started
			~ silence 1s`)
		p.until("response.done")
		p.line(`? <user [sound 31] user> <assistant One  two  three assistant> <user [sound 38] user> <assistant`)
		p.drain()
	})
	if counters.Speculations.Load() != 2 || counters.Confirmed.Load() != 2 || counters.FirstTokenReady.Load() != 2 ||
		counters.TokensThrownAway.Load() != 0 || counters.TokensSaid.Load() != 6 {
		t.Errorf("counters %+v", &counters)
	}
}

func TestLongAnswerGoesOnFromTheSpeculation(t *testing.T) {
	hold(t, nil, func(p *player) {
		pieces := make([]string, 200)
		for i := range pieces {
			pieces[i] = fmt.Sprintf(" %d", i)
		}
		p.fake.answers = []answer{{pause: time.Millisecond, pieces: pieces}}
		p.lines(`< session.created
			~ speech 1s
			< input_audio_buffer.speech_started
			~ silence 1s`)
		said := ""
		for _, ev := range p.drain() {
			var e struct{ Type, Delta string }
			if err := json.Unmarshal([]byte(ev), &e); err != nil {
				t.Fatal(err)
			}
			if e.Type == "response.output_text.delta" {
				said += e.Delta
			}
		}
		if said != strings.Join(pieces, "") {
			t.Errorf("said %q", said)
		}
		if n := len(p.fake.asked()); n != 1 {
			t.Errorf("%d answers were made, want one", n)
		}
	})
}

// TestSpeculationChangesNothingButTheDelay plays random talks with pauses in
// the sentences and changes in the pauses, with and without speculations.
func TestSpeculationChangesNothingButTheDelay(t *testing.T) {
	changes := []string{
		`{"type":"session.update","session":{"instructions":"Be brief."}}`,
		`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}}`,
		`{"type":"input_audio_buffer.clear"}`,
		`{"type":"response.cancel"}`,
		`{"type":"response.create","response":{"conversation":"none","input":[]}}`,
		`{"type":"input_audio_buffer.commit"}`,
		`{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad","eagerness":"low"}}}}}`,
	}
	for seed := range uint64(12) {
		var counters Counters
		run := func(loaded bool) (events, sets []string) {
			rng := rand.New(rand.NewPCG(seed, 1))
			hold(t, func(p *player, o *Options) {
				p.fake.loaded.Store(loaded)
				p.fake.answerTo = echo
				o.Counters = &counters
			}, func(p *player) {
				for range 1 + rng.IntN(3) {
					for range 1 + rng.IntN(4) {
						p.line(fmt.Sprintf("~ speech %dms", 200+rng.IntN(600)))
						p.line(fmt.Sprintf("~ silence %dms", 240+20*rng.IntN(8)))
						if rng.IntN(4) == 0 {
							p.send(changes[rng.IntN(len(changes))])
						}
						p.line(fmt.Sprintf("~ silence %dms", 20*rng.IntN(4)))
					}
					p.line("~ silence 3s")
				}
				events = named(p.drain())
				sets = p.fake.read()
			})
			return events, sets
		}
		want, _ := run(true)
		if n := counters.Speculations.Load(); n != 0 {
			t.Fatalf("%d speculations under load", n)
		}
		got, _ := run(false)
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Errorf("seed %d: event %d of %d and %d differs\n%s\n%s", seed, i, len(got), len(want),
					strings.Join(got[min(i, len(got)):min(i+1, len(got))], ""), strings.Join(want[min(i, len(want)):min(i+1, len(want))], ""))
				return
			}
		}
		if counters.Speculations.Load() != counters.Confirmed.Load()+counters.Abandoned.Load() {
			t.Errorf("seed %d: %+v", seed, &counters)
		}
	}
}

func TestAbandonedSpeculationLeavesTheSequenceAlone(t *testing.T) {
	var counters Counters
	hold(t, func(_ *player, o *Options) { o.Counters = &counters }, func(p *player) {
		p.lines(`< session.created
			$ 10ms 1ms "wrong" "wrong" "wrong"
			~ speech 1s
			< input_audio_buffer.speech_started
			~ silence 400ms
			$ "right"
			~ speech 1s
			~ silence 1s`)
		p.until("response.done")
		p.drain()
		sets := p.fake.read()
		if len(sets) != 4 || !strings.HasSuffix(sets[0], "…]") || !strings.HasSuffix(sets[1], "[sound 31] user> <assistant") {
			t.Errorf("sets %q, want the growing clip, the speculation about its beginning, about its end, the answer", sets)
			return
		}
		if want := "<user [sound 65] user> <assistant"; sets[2] != want || sets[3] != want+" right assistant>" {
			t.Errorf("sets %q, want the last of %q", sets, want)
		}
	})
	if counters.Abandoned.Load() != 1 || counters.Confirmed.Load() != 1 || counters.TokensThrownAway.Load() != 4 {
		t.Errorf("counters %+v", &counters)
	}
}

func TestSpeculationFollowsTheClientsChanges(t *testing.T) {
	var counters Counters
	hold(t, func(_ *player, o *Options) { o.Counters = &counters }, func(p *player) {
		p.lines(`< session.created
			~ speech 1s
			< input_audio_buffer.speech_started
			~ silence 300ms
			> {"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"quick"}]}}
			< conversation.item.added
			< conversation.item.done
			~ silence 100ms`)
		if got := p.fake.asked(); len(got) != 2 || !strings.HasPrefix(got[1], "<user quick [sound") {
			t.Errorf("prompts %q, want a second one with the new item", got)
		}
		p.line("~ silence 1s")
		p.until("response.done")
		p.drain()
	})
	if counters.Confirmed.Load() != 1 || counters.Abandoned.Load() != 1 || counters.FirstTokenReady.Load() != 1 {
		t.Errorf("counters %+v", &counters)
	}
}

func TestSpeculationThatFailsIsAskedAgain(t *testing.T) {
	hold(t, nil, func(p *player) {
		p.lines(`< session.created
			$ 10ms 10ms !
			~ speech 1s
			< input_audio_buffer.speech_started
			~ silence 440ms
			$ "Two"
			~ silence 1s`)
		p.until("response.output_text.delta")
		p.until("response.done")
		p.drain()
		if n := len(p.fake.asked()); n != 2 || p.fake.asked()[0] != p.fake.asked()[1] {
			t.Errorf("prompts %q, want the same twice", p.fake.asked())
		}
	})
}

func TestNobodySpeculatesWhereNothingIsAnswered(t *testing.T) {
	for name, update := range map[string]string{
		"create_response false": `{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","create_response":false}}}}}`,
		"push to talk":          `{"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}`,
		"short silence":         `{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","silence_duration_ms":200}}}}}`,
	} {
		var counters Counters
		hold(t, func(_ *player, o *Options) { o.Counters = &counters }, func(p *player) {
			p.send(update)
			p.line("~ speech 1s")
			p.line("~ silence 1s")
			p.drain()
		})
		if n := counters.Speculations.Load() + counters.Rested.Load(); n != 0 {
			t.Errorf("%s: %d speculations", name, n)
		}
	}
}

func TestThriftThrowsAwayLessThanHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		var h thrift
		said, thrown := 0, 0
		for range 200 {
			n := h.allow()
			if n > mostAhead {
				t.Fatalf("a guess of %d tokens", n)
			}
			switch {
			case n == 0, rng.IntN(3) == 0:
				length := 1 + rng.IntN(40)
				h.spoke(length)
				said += length
				if n > 0 {
					h.confirmed()
				}
			default:
				h.abandoned()
				h.threw(n + 1) // one is on its way
				thrown += n + 1
			}
			if thrown > said+credit+1 {
				t.Fatalf("%d tokens were thrown away, %d said", thrown, said)
			}
		}
	}
}

func TestThriftRestsAfterFailures(t *testing.T) {
	h := thrift{said: 1000}
	var pattern string
	for range 30 {
		if h.allow() == 0 {
			pattern += "-"
			continue
		}
		pattern += "x"
		h.abandoned()
	}
	if want := "xxx-x--x----x--------x--------"; pattern != want {
		t.Errorf("guesses %s, want %s", pattern, want)
	}
	h.rest = 0
	h.confirmed()
	if h.allow() == 0 || h.failures != 0 {
		t.Error("still rests after a success")
	}
}
