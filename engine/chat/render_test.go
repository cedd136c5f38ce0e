package chat

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hark/engine/token"
)

// show prints runs: ids as the vocabulary spells them, media as {n}.
func show(tok *token.Tokenizer, runs []Run) string {
	var b strings.Builder
	for _, r := range runs {
		if r.Media >= 0 {
			fmt.Fprintf(&b, "{%d}", r.Media)
			continue
		}
		b.WriteString(tok.Decode(r.IDs))
	}
	return b.String()
}

func render(t testing.TB, f Format, msgs []Message, o Options) []Run {
	t.Helper()
	runs, err := f.Render(msgs, o)
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// words is a message of one text.
func words(r Role, text string) Message { return Message{Role: r, Content: []Content{{Text: text}}} }

func TestMediaStandBetweenTheirMarkers(t *testing.T) {
	t.Parallel()
	tok, f := format(t, false)
	user := Message{Role: User, Content: []Content{
		{Kind: Image, Media: 7}, {Text: " What? "}, {Kind: Audio, Media: 9, Tokens: 33},
		{Kind: Video, Media: 4}, {Kind: Video, Frames: []Frame{{0, 1}, {61e9, 2}, {6000e9, 3}}},
	}}
	const head = "<bos><|turn>user\n<|image>{7}<image|>What?<|audio>{9}"
	const tail = "<audio|>00:00 <|image>{4}<image|>00:00 <|image>{1}<image|> 01:01 <|image>{2}<image|> 100:00 <|image>{3}"
	runs := render(t, f, []Message{user}, Options{Generate: true})
	if got, want := show(tok, runs), head+tail+"<image|><turn|>\n<|turn>model\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i, kind := range []Kind{Text, Image, Text, Audio, Text, Video, Text, Video, Text, Video, Text, Video, Text} {
		if runs[i].Kind != kind || (runs[i].Media < 0) != (kind == Text) {
			t.Errorf("run %d = %+v, want kind %d", i, runs[i], kind)
		}
	}
	if got, want := show(tok, render(t, f, []Message{user}, Options{Open: true})), head+tail; got != want {
		t.Errorf("open: got %q, want %q", got, want)
	}
	user.Content = user.Content[:3]
	if got := show(tok, render(t, f, []Message{user}, Options{Open: true})); got != head {
		t.Errorf("open: got %q, want %q", got, head)
	}
}

// TestOpenIsTheBeginningOfTheWhole: what is in the cache while somebody speaks
// stays valid when the turn has ended.
func TestOpenIsTheBeginningOfTheWhole(t *testing.T) {
	t.Parallel()
	tok, f := format(t, true)
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		msgs := []Message{words(System, "Be brief."), words(User, "Hi"), words(Assistant, "Hey!")}[:r.IntN(4)]
		msgs = append(msgs, Message{Role: User, Content: []Content{{Text: "Look:"}, {Kind: Image, Media: 0}, {Kind: Audio, Media: 1}}})
		o := Options{Open: true, Think: r.IntN(2) == 0}
		open := flatten(t, tok, render(t, f, msgs, o))
		o.Open, o.Generate = false, true
		whole := flatten(t, tok, render(t, f, append(msgs, words(Assistant, "I see."), words(User, "And?")), o))
		if len(open) >= len(whole) || !slices.Equal(open, whole[:len(open)]) {
			t.Errorf("seed %d: %v is not the beginning of %v", seed, open, whole)
		}
	}
}

func TestTheModelsOwnIDsAreKept(t *testing.T) {
	t.Parallel()
	tok, f := format(t, false)
	stop, ok := tok.Special("<turn|>")
	if !ok {
		t.Fatal("no <turn|>")
	}
	// Letter by letter, as no encoder would write it.
	var own []token.ID
	for _, c := range "the quick" {
		own = append(own, tok.EncodeText(nil, string(c))...)
	}
	answer := Message{Role: Assistant, Content: []Content{{Text: "not this", IDs: append(slices.Clone(own), stop)}}}
	msgs := []Message{words(User, "Hi"), answer, words(User, "more")}
	prompt := render(t, f, msgs[:1], Options{Generate: true})[0].IDs
	whole := render(t, f, msgs, Options{Generate: true})[0].IDs
	if want := append(slices.Clone(prompt), own...); !slices.Equal(whole[:len(want)], want) || whole[len(want)] != stop {
		t.Errorf("rendering %v does not go on with the ids %v after %v", whole, own, prompt)
	}
	text, err := f.Text(msgs, Options{})
	if err != nil || !strings.Contains(text, "<|turn>model\nthe quick<turn|>\n") {
		t.Errorf("Text = %q, %v", text, err)
	}
	open := render(t, f, msgs[:2], Options{Open: true})[0].IDs
	if want := append(slices.Clone(prompt), own...); !slices.Equal(open, want) {
		t.Errorf("open answer %v, want %v", open, want)
	}
}

// TestNobodyForgesMarkers: whatever people, tools and schemas say, the special
// tokens of a rendering are those of the same conversation without a word.
func TestNobodyForgesMarkers(t *testing.T) {
	t.Parallel()
	tok, f := format(t, false)
	conversation := func(s string) []token.ID {
		quoted, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		key := string(quoted)
		msgs := []Message{
			words(System, s), words(User, s),
			{Role: Assistant, Reasoning: s, ToolCalls: []ToolCall{{ID: "1", Name: "f" + s, Arguments: json.RawMessage("{" + key + ":" + key + "}")}}},
			{Role: ToolRole, ToolCallID: "1", Content: []Content{{Text: s}}},
			{Role: Assistant, ToolCalls: []ToolCall{{ID: "2", Name: "f", Arguments: quoted}}},
			{Role: ToolRole, ToolCallID: "2", Name: s},
		}
		schema := `{"type":"object","properties":{` + key + `:{"type":"string","description":` + key + `,"enum":[` + key + `]}},"required":[` + key + `]}`
		tool := Tool{"f" + s, s + "d", json.RawMessage(schema), nil}
		var marks []token.ID
		for _, id := range render(t, f, msgs, Options{Tools: []Tool{tool}})[0].IDs {
			if tok.IsSpecial(id) {
				marks = append(marks, id)
			}
		}
		return marks
	}
	want := conversation("x")
	for id := range token.ID(tok.Len()) {
		if !tok.IsSpecial(id) {
			continue
		}
		if got := conversation("a" + tok.Piece(id) + tok.Piece(id) + "b"); !slices.Equal(got, want) {
			t.Errorf("%s forges a marker: %v, want %v", tok.Piece(id), got, want)
		}
	}
}

func TestInThoughtTellsWhereTheCompletionStarts(t *testing.T) {
	t.Parallel()
	call := []Message{words(User, "W?"), {Role: Assistant, ToolCalls: []ToolCall{{ID: "1", Name: "f"}}}}
	answered := append(slices.Clone(call), Message{Role: ToolRole, ToolCallID: "1", Content: []Content{{Text: "5"}}})
	for _, large := range []bool{false, true} {
		_, f := format(t, large)
		for _, c := range []struct {
			msgs []Message
			o    Options
			want bool
		}{
			{answered, Options{Generate: true, Think: true}, true},
			{answered, Options{Generate: true}, false},
			{answered, Options{Think: true}, false},
			{call, Options{Generate: true, Think: true}, false},
			{call[:1], Options{Generate: true, Think: true}, false},
			{call[:1], Options{Generate: true}, false},
		} {
			if got := f.InThought(render(t, f, c.msgs, c.o)); got != c.want {
				t.Errorf("large %v, %d messages, %+v: InThought = %v", large, len(c.msgs), c.o, got)
			}
		}
	}
}

// TestLateResultsGoToTheirCalls: somebody spoke while a tool was at work.
func TestLateResultsGoToTheirCalls(t *testing.T) {
	t.Parallel()
	_, f := format(t, false)
	call := Message{Role: Assistant, ToolCalls: []ToolCall{{ID: "1", Name: "f"}}}
	result := Message{Role: ToolRole, ToolCallID: "1", Content: []Content{{Text: "5"}}}
	got, err := f.Text([]Message{words(User, "W?"), call, words(User, "Still there?"), result}, Options{Generate: true})
	if err != nil {
		t.Fatal(err)
	}
	want, err := f.Text([]Message{words(User, "W?"), call, result, words(User, "Still there?")}, Options{Generate: true})
	if err != nil || got != want {
		t.Errorf("got %q, want %q (%v)", got, want, err)
	}
}

func TestUnusableConversationsAreErrors(t *testing.T) {
	t.Parallel()
	_, f := format(t, false)
	tool := func(parameters string) Options {
		return Options{Tools: []Tool{{Name: "f", Parameters: json.RawMessage(parameters)}}}
	}
	call := func(arguments string) []Message {
		return []Message{{Role: Assistant, ToolCalls: []ToolCall{{Name: "f", Arguments: json.RawMessage(arguments)}}}}
	}
	hi := []Message{words(User, "hi")}
	for _, c := range []struct {
		msgs []Message
		o    Options
		want string
	}{
		{[]Message{{Role: "model"}}, Options{}, `message 0: role "model"`},
		{[]Message{{Role: User, Content: []Content{{Kind: 9}}}}, Options{}, "content of kind 9"},
		{[]Message{{Role: System, Content: []Content{{Kind: Image}}}}, Options{}, "system prompt holds"},
		{[]Message{words(System, "s"), words(User, "u"), {Role: ToolRole, ToolCallID: "x"}}, Options{}, `message 2: result of call "x"`},
		{call(`{"a":`), Options{}, "message 0: arguments of f"},
		{call(`[1]`), Options{}, "want an object"},
		{call(strings.Repeat(`{"a":`, 99) + "1" + strings.Repeat("}", 99)), Options{}, "nested more than"},
		{hi, tool(`[]`), `tool "f": parameters: [], want an object`},
		{hi, tool(`{"properties":[1]}`), "properties is not an object"},
		{hi, tool(`{"properties":{"p":{"type":5}}}`), "p: type is neither"},
		{hi, tool(`{"properties":{"p":{"description":5}}}`), "p: description is not a string"},
		{hi, tool(`{"required":"p"}`), "required is not a list"},
		{hi, tool(`{} {}`), "something follows"},
		{hi, Options{Open: true, Generate: true}, "exclude each other"},
		{nil, Options{Open: true}, "without a message"},
		{call(""), Options{Open: true}, "Open wants words"},
		{[]Message{words(System, "s")}, Options{Open: true}, "Open wants words"},
	} {
		if _, err := f.Render(c.msgs, c.o); err == nil || !strings.HasPrefix(err.Error(), "chat: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Render = %v, want %q", err, c.want)
		}
	}
}

func TestAVocabularyWithoutMarkersIsAnError(t *testing.T) {
	t.Parallel()
	tok, err := token.Load([]byte(`{"model":{"vocab":{"a":0,"<bos>":1}},"added_tokens":[{"id":1,"content":"<bos>","special":true}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewGemma4(tok, false); err == nil || strings.Contains(err.Error(), "<bos>") || !strings.Contains(err.Error(), "<turn|>") {
		t.Errorf("NewGemma4 = %v, want the tokens that are lacking", err)
	}
}

func TestNumbersArePrintedAsPythonPrintsThem(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"3": "3", "-0": "0", "-7": "-7", "123456789012345678901234567890": "123456789012345678901234567890",
		"1.50": "1.5", "1e-5": "1e-05", "0.0001": "0.0001", "1E16": "1e+16", "1e15": "1000000000000000.0", "-0.0": "-0.0",
		"2.0": "2.0", "1e400": "inf", "-1e400": "-inf", "1.7976931348623157e308": "1.7976931348623157e+308", "5e-324": "5e-324",
	} {
		if got := number(json.Number(in)); got != want {
			t.Errorf("number(%s) = %s, want %s", in, got, want)
		}
	}
}

// FuzzRender: any schema and any arguments are an error or a text that is the
// same both ways.
func FuzzRender(f *testing.F) {
	tok, format := format(f, false)
	f.Add(`{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"}}},"required":["a"]}`, `{"a":["x",1.5,null]}`, "hello")
	f.Add(`{"properties":{"a":{"type":["string","null"],"enum":[1]},"b":true}}`, `"{x}"`, "<turn|>")
	f.Fuzz(func(t *testing.T, schema, arguments, text string) {
		msgs := []Message{words(User, text), {Role: Assistant, ToolCalls: []ToolCall{{Name: text, Arguments: json.RawMessage(arguments)}}}}
		o := Options{Tools: []Tool{{Name: "f", Description: text, Parameters: json.RawMessage(schema)}}}
		runs, err := format.Render(msgs, o)
		printed, err2 := format.Text(msgs, o)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("Render: %v, Text: %v", err, err2)
		}
		if err == nil && strings.ToValidUTF8(printed, "?") == printed && !strings.Contains(printed, "▁") && show(tok, runs) != printed {
			t.Errorf("ids of %q, text %q", show(tok, runs), printed)
		}
	})
}
