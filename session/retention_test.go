package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// talk plays a conversation of random turns, some with calls, and returns the
// prompts of its answers.
func talk(t *testing.T, context int, rng *rand.Rand, turns int) (prompts, sets []string) {
	hold(t, func(p *player, o *Options) {
		p.fake.info.Context = context
		o.Instructions = "Be kind and brief."
	}, func(p *player) {
		create := func(item string) { p.send(`{"type":"conversation.item.create","item":` + item + `}`) }
		for i := range turns {
			words := ""
			for j := range 1 + rng.IntN(context/8) {
				words += fmt.Sprintf(" u%d-%d", i, j)
			}
			create(`{"type":"message","role":"user","content":[{"type":"input_text","text":"` + words + `"}]}`)
			if rng.IntN(3) == 0 {
				for j := range 1 + rng.IntN(2) {
					create(fmt.Sprintf(`{"type":"function_call","name":"f","call_id":"c%d-%d","arguments":"{\"c\":\"%d-%d\"}"}`, i, j, i, j))
					create(fmt.Sprintf(`{"type":"function_call_output","call_id":"c%d-%d","output":"out-of-%d-%d"}`, i, j, i, j))
				}
			}
			p.send(`{"type":"response.create"}`)
			p.until("response.created")
			p.line(`< response.output_item.added`)
			p.until("response.done")
		}
		p.drain()
		prompts, sets = p.fake.asked(), p.fake.read()
	})
	return prompts, sets
}

func words(prompt string) int { return len(strings.Fields(prompt)) }

func TestLongConversationsNeverOverflow(t *testing.T) {
	const head = "<system Be kind and brief. system>"
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 7))
		context := 64 + rng.IntN(200)
		room := context - context/contextReserve
		prompts, sets := talk(t, context, rng, 60)
		longest := 0
		for i, p := range prompts {
			longest = max(longest, words(p))
			if words(p) > room {
				t.Errorf("context %d: a prompt of %d tokens, want at most %d", context, words(p), room)
			}
			if !strings.HasPrefix(p, head) {
				t.Errorf("the instructions have gone: %.80s", p)
			}
			if !strings.Contains(p, fmt.Sprintf("u%d-0", i)) {
				t.Errorf("turn %d is not in its own prompt", i)
			}
			for j := range i + 1 {
				for k := range 2 {
					call := strings.Contains(p, fmt.Sprintf(`{"c":"%d-%d"}`, j, k))
					output := strings.Contains(p, fmt.Sprintf("out-of-%d-%d", j, k))
					if call != output {
						t.Errorf("call %d-%d is there: %v, its output: %v", j, k, call, output)
					}
				}
			}
		}
		if longest < room*3/4 {
			t.Errorf("context %d: the longest prompt has %d tokens", context, longest)
		}
		slid := 0
		for _, s := range sets {
			if strings.HasPrefix(s, "slide: ") {
				slid++
			}
		}
		if slid == 0 || slid > 40 {
			t.Errorf("context %d: %d of %d prompts slid", context, slid, len(sets))
		}
	}
}

func TestRetentionRatioAndLimitOfTokens(t *testing.T) {
	const head, limit = 6, 60
	hold(t, func(p *player, o *Options) { o.Instructions = "Be kind and brief." }, func(p *player) {
		p.lines(`< session.created
			> {"type":"session.update","session":{"truncation":{"type":"retention_ratio","retention_ratio":0.5,"token_limits":{"post_instructions":60}}}}
			< session.updated {"session":{"truncation":{"type":"retention_ratio","retention_ratio":0.5}}}`)
		for i := range 40 { // nine tokens each, with its answer
			p.send(fmt.Sprintf(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"a b c u%d"}]}}`, i))
			p.send(`{"type":"response.create"}`)
			p.until("response.done")
		}
		p.drain()
		before := 0
		for i, prompt := range p.fake.asked() {
			n := words(prompt) - head
			if n > limit {
				t.Errorf("prompt %d has %d tokens behind the instructions, want at most %d", i, n, limit)
			}
			if n < before && (n > limit/2 || n < limit/2-9) {
				t.Errorf("prompt %d has %d tokens after truncation, want about half of %d", i, n, limit)
			}
			before = n
		}
	})
}

func TestResponsesWithTheirOwnInputAreFittedToo(t *testing.T) {
	hold(t, func(p *player, _ *Options) { p.fake.info.Context = 40 }, func(p *player) {
		p.lines(`< session.created
			> {"type":"conversation.item.create","item":{"id":"u1","type":"message","role":"user","content":[{"type":"input_text","text":"a b c d e f g h i j k l"}]}}
			< conversation.item.added
			< conversation.item.done
			> {"type":"response.create","response":{"conversation":"none","input":[{"type":"item_reference","id":"u1"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"m n"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"o p q r s t u v w x y z 1 2 3 4"}]}]}}`)
		p.until("response.done")
		p.line(`? <user o p q r s t u v w x y z 1 2 3 4 user> <assistant`)
	})
}

func TestSpeechThatIsTooLongAloneLosesItsBeginning(t *testing.T) {
	hold(t, func(p *player, o *Options) {
		p.fake.info.Context, p.fake.info.ClipSamples = 200, 16000 // 25 tokens a clip, 175 for a prompt
		o.Instructions = strings.Repeat("word ", 80)
	}, func(p *player) {
		p.lines(`< session.created
			> {"type":"session.update","session":{"audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}}
			< session.updated`)
		p.rate = 16000
		p.lines(`~ speech 5s
			< input_audio_buffer.speech_started
			~ silence 1s`)
		p.until("response.done")
		p.drain()
		last := p.fake.asked()[len(p.fake.asked())-1]
		if n := strings.Count(last, "[sound"); n < 2 || n > 4 {
			t.Errorf("%d clips in %q", n, last)
		}
	})
}
