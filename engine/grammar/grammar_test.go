package grammar

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"hark/engine/token"
)

const stop token.ID = 1

func tokenizer(t testing.TB) *token.Tokenizer {
	t.Helper()
	data, err := os.ReadFile("../../testdata/tiny/e/hf-bf16/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.Load(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// fits reports whether g allows the bytes of s and may end there.
func fits(t *testing.T, g *Grammar, v *Vocabulary, s string) bool {
	t.Helper()
	m := g.New(v, []token.ID{stop})
	now := m.now
	for i := range len(s) {
		if now = m.step(now, symbol(s[i])); len(now) == 0 {
			return false
		}
	}
	m.now = now
	return m.Done()
}

func TestJSONFollowsTheSchema(t *testing.T) {
	v := NewVocabulary(tokenizer(t))
	for _, c := range []struct {
		schema   string
		yes, not []string
	}{
		{`{}`, []string{`1`, `"a"`, `null`, `{"a": [1, {}]}`, "{\n  \"a\": 1\n}"}, []string{``, `{`, `{"a"}`, `[1,]`, `nul`}},
		{`{"type":"integer"}`, []string{`0`, `-12`}, []string{`01`, `1.5`, `"1"`, `-`}},
		{`{"type":"number"}`, []string{`0.5`, `-1e-5`, `12E+3`}, []string{`.5`, `1.`, `1e`}},
		{`{"type":["string","null"]}`, []string{`"ä\n\u00e4"`, `null`}, []string{"\"a\nb\"", `"\x"`, "\"\xff\""}},
		{`{"enum":["red","green",3,null]}`, []string{`"red"`, `3`, `null`}, []string{`"blue"`, `red`}},
		{`{"const":"x\"y"}`, []string{`"x\"y"`}, []string{`"x"`}},
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"boolean"}},"required":["b"],"additionalProperties":false}`,
			[]string{`{"b":"x"}`, `{"a":1,"b":"x"}`, `{"a": 1, "b": "x", "c": true}`, `{"b":"x","c":false}`},
			[]string{`{}`, `{"a":1}`, `{"b":"x","a":1}`, `{"b":"x",}`, `{,"b":"x"}`, `{"b":"x","d":1}`}},
		{`{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}`, []string{`[1]`, `[1, 2,3]`}, []string{`[]`, `[1,2,3,4]`, `[1 2]`}},
		{`{"type":"array","maxItems":0}`, []string{`[]`}, []string{`[1]`}},
		{`{"anyOf":[{"type":"integer"},{"type":"object","properties":{"x":{}}}]}`, []string{`4`, `{"x":[]}`, `{}`}, []string{`"4"`}},
		{`{"$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["next"]}},"$ref":"#/$defs/n"}`,
			[]string{`{"next":null}`, `{"next":{"next":{"next":null}}}`}, []string{`{}`, `{"next":1}`}},
		{`{"type":"object","additionalProperties":{"type":"integer"}}`, []string{`{}`, `{"a":1,"b":2}`}, []string{`{"a":"1"}`}},
	} {
		g, err := JSON(json.RawMessage(c.schema))
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for _, s := range c.yes {
			if !fits(t, g, v, s) {
				t.Errorf("%s does not allow %s", c.schema, s)
			}
		}
		for _, s := range c.not {
			if fits(t, g, v, s) {
				t.Errorf("%s allows %s", c.schema, s)
			}
		}
	}
}

func TestBrokenSchemasAreRefused(t *testing.T) {
	deep := strings.Repeat(`{"items":`, 100) + `{}` + strings.Repeat(`}`, 100)
	for _, s := range []string{
		`{"type":"text"}`, `{"type":3}`, `[`, `{"$ref":"#/none"}`, `{"$ref":"http://elsewhere"}`, `{"properties":[]}`,
		`{"type":"array","minItems":5,"maxItems":2}`, `{"type":"array","maxItems":100000}`, `{"allOf":[{},{}]}`, deep,
		`{"$ref":"#"}`, `{"anyOf":[{"$ref":"#"},{"type":"null"}]}`,
	} {
		if _, err := JSON(json.RawMessage(s)); err == nil {
			t.Errorf("%.60s was taken", s)
		}
	}
}

// write lets a random model write what the mask allows.
func write(t *testing.T, m *Matcher, tok *token.Tokenizer, rng *rand.Rand) []token.ID {
	t.Helper()
	logits := make([]float32, tok.Len())
	var ids []token.ID
	for len(ids) < 4000 {
		for i := range logits {
			logits[i] = rng.Float32()
			if p := tok.Piece(token.ID(i)); p == `"` || p == "]" || p == "}" || p == `<|"|>` || p == "<tool_call|>" {
				logits[i]++ // come to an end some day
			}
		}
		m.Mask(logits)
		best := 0
		for i, l := range logits {
			if l > logits[best] {
				best = i
			}
		}
		if math.IsInf(float64(logits[best]), -1) {
			t.Fatalf("nothing may follow %q", tok.Decode(ids))
		}
		if m.Done() && (m.Over() || rng.IntN(2) == 0) {
			return ids
		}
		if token.ID(best) == stop {
			return ids
		}
		if err := m.Accept(token.ID(best)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, token.ID(best))
	}
	return nil
}

func TestWhateverIsSampledIsValid(t *testing.T) {
	tok := tokenizer(t)
	v := NewVocabulary(tok)
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	g, err := JSON(json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"},"n":{"type":"number"},"tags":{"type":"array","items":{"enum":["a","b"]}},"more":{}},"required":["name","n"]}`))
	if err != nil {
		t.Fatal(err)
	}
	finished := 0
	for range 40 {
		ids := write(t, g.New(v, []token.ID{stop}), tok, rng)
		if ids == nil {
			continue
		}
		finished++
		var got struct {
			Name *string
			N    *float64
			Tags []string
		}
		if err := json.Unmarshal([]byte(tok.Decode(ids)), &got); err != nil || got.Name == nil || got.N == nil {
			t.Fatalf("seed %d: %q: %v", seed, tok.Decode(ids), err)
		}
	}
	if finished < 30 {
		t.Errorf("only %d of 40 came to an end", finished)
	}
}

func TestCallsFollowTheDeclaration(t *testing.T) {
	tok := tokenizer(t)
	id := func(s string) token.ID {
		i, ok := tok.Special(s)
		if !ok {
			t.Fatalf("no token %s", s)
		}
		return i
	}
	marks := Markers{Open: id("<|tool_call>"), Close: id("<tool_call|>"), Quote: id(`<|"|>`)}
	g, err := Calls([]Tool{
		{"lights", json.RawMessage(`{"type":"object","properties":{"room":{"type":"string"},"On":{"type":"boolean"},"level":{"type":"integer"}},"required":["room","On"],"additionalProperties":false}`)},
		{"ping", nil},
	}, marks, true, false)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVocabulary(tok)
	for s, want := range map[string]bool{
		`<|tool_call>call:lights{On:true,room:<|"|>hall, "big" {}<|"|>}<tool_call|>`:              true,
		`<|tool_call>call:lights{level:3,On:true,room:<|"|><|"|>}<tool_call|>`:                    true,
		`<|tool_call>call:ping{}<tool_call|><|tool_call>call:ping{a:[1,<|"|>x<|"|>]}<tool_call|>`: true,
		`<|tool_call>call:lights{room:<|"|>hall<|"|>,On:true}<tool_call|>`:                        false,
		`<|tool_call>call:lights{On:true}<tool_call|>`:                                            false,
		`<|tool_call>call:lights{On:true,room:"hall"}<tool_call|>`:                                false,
		`<|tool_call>call:other{}<tool_call|>`:                                                    false,
		`call:ping{}<tool_call|>`:                                                                 false,
	} {
		m := g.New(v, []token.ID{stop})
		got := true
		for _, id := range tok.Encode(s) {
			if m.Accept(id) != nil {
				got = false
				break
			}
		}
		if got = got && m.Done(); got != want {
			t.Errorf("%s: allowed %v, want %v", s, got, want)
		}
	}
	const seed = 5
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		if ids := write(t, g.New(v, []token.ID{stop}), tok, rng); ids != nil && ids[0] != marks.Open {
			t.Errorf("seed %d: begins with %d", seed, ids[0])
		}
	}
}

func BenchmarkMaskFirst(b *testing.B) {
	v := NewVocabulary(tokenizer(b))
	g, err := JSON(nil)
	if err != nil {
		b.Fatal(err)
	}
	logits := make([]float32, 640)
	for b.Loop() {
		g.New(v, nil).Mask(logits)
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"}}}`)
	f.Add(`{"anyOf":[{"type":"array","items":{"type":"string"}},{"enum":[1,"x"]}]}`)
	v := NewVocabulary(tokenizer(f))
	f.Fuzz(func(t *testing.T, s string) {
		g, err := JSON(json.RawMessage(s))
		if err != nil {
			return
		}
		g.New(v, nil).Mask(make([]float32, 640))
	})
}

// TestStringsOfCallsEnd picks what a model would that finds no end: anything but
// the token that ends a string.
func TestStringsOfCallsEnd(t *testing.T) {
	tok := tokenizer(t)
	v := NewVocabulary(tok)
	special := func(s string) token.ID {
		ids := tok.Encode(s)
		if len(ids) != 1 {
			t.Fatalf("%s has %d tokens", s, len(ids))
		}
		return ids[0]
	}
	marks := Markers{Open: special("<|tool_call>"), Close: special("<tool_call|>"), Quote: special(`<|"|>`)}
	g, err := Calls([]Tool{{Name: "f", Parameters: json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a","b"],"additionalProperties":false}`)}}, marks, false, false)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	m := Either(g).New(v, []token.ID{stop})
	logits := make([]float32, tok.Len())
	bytes, quotes, longest := 0, 0, 0
	for n := 0; !m.Over(); n++ {
		if n > 4*MaxString {
			t.Fatal("the call has no end")
		}
		clear(logits)
		m.Mask(logits)
		var allowed []token.ID
		for id, x := range logits {
			if x == 0 && token.ID(id) != marks.Quote {
				allowed = append(allowed, token.ID(id))
			}
		}
		pick := marks.Quote
		if len(allowed) > 0 {
			pick = allowed[rng.IntN(len(allowed))]
		}
		if err := m.Accept(pick); err != nil {
			t.Fatal(err)
		}
		bytes += len(v.symbols(pick))
		if pick == marks.Quote {
			quotes++
			longest = max(longest, bytes-1)
			bytes = 0
		}
	}
	if quotes != 4 || longest < MaxString || longest > MaxString+64 {
		t.Errorf("%d quotes, the longest string has %d bytes, want two strings a little above %d", quotes, longest, MaxString)
	}
}

func TestEitherIsOneOfAll(t *testing.T) {
	v := NewVocabulary(tokenizer(t))
	var all []*Grammar
	for _, schema := range []string{`{"type":"integer"}`, `{"type":"array","items":{"enum":["a","b"]}}`, `{"type":"object","properties":{"x":{"type":"null"}},"required":["x"]}`} {
		g, err := JSON(json.RawMessage(schema))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	g := Either(all...)
	for _, s := range []string{`12`, `["a", "b"]`, `{"x": null}`} {
		if !fits(t, g, v, s) {
			t.Errorf("%s does not fit", s)
		}
	}
	for _, s := range []string{``, `"a"`, `["c"]`, `{"x": 1}`, `12{"x": null}`} {
		if fits(t, g, v, s) {
			t.Errorf("%s fits", s)
		}
	}
}
