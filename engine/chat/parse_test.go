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

// say feeds the tokens of text, markers included, to a parser and joins the
// neighbouring pieces of a kind.
func say(tok *token.Tokenizer, p Parser, ids []token.ID) []Piece {
	d := tok.NewDecoder()
	var out []Piece
	name, arguments := "", ""
	add := func(pieces []Piece) {
		for _, piece := range pieces {
			n := len(out)
			switch piece.Kind {
			case PieceArguments:
				name, arguments = piece.Call.Name, arguments+piece.Text
				if piece.Text == "" || name == "" {
					panic("an empty piece of arguments")
				}
				continue
			case PieceToolCall:
				if arguments != "" && name != piece.Call.Name || !strings.HasPrefix(string(piece.Call.Arguments), arguments) {
					panic(fmt.Sprintf("the arguments of %s %s began as those of %s %s", piece.Call.Name, piece.Call.Arguments, name, arguments))
				}
				arguments = ""
			case PieceBroken:
				arguments = ""
			}
			if n > 0 && out[n-1].Kind == piece.Kind && piece.Kind <= PieceThought {
				out[n-1].Text += piece.Text
				continue
			}
			out = append(out, piece)
		}
	}
	for _, id := range ids {
		add(p.Push(id, d.Push(id)))
	}
	add(p.Flush())
	return out
}

// line prints pieces for comparison.
func line(pieces []Piece) string {
	var out []string
	for _, p := range pieces {
		switch p.Kind {
		case PieceToolCall:
			out = append(out, fmt.Sprintf("call %s %s", p.Call.Name, p.Call.Arguments))
		default:
			out = append(out, fmt.Sprintf("%s %q", []string{"text", "thought", "", "broken"}[p.Kind], p.Text))
		}
	}
	return strings.Join(out, " | ")
}

func TestParserTellsTextThoughtsAndCallsApart(t *testing.T) {
	t.Parallel()
	tok, f := format(t, false)
	const q = `<|"|>`
	for _, c := range []struct {
		said    string
		thought bool // the prompt ends inside a thought
		want    string
	}{
		{"Hello there.<turn|>", false, `text "Hello there."`},
		{"", false, ""},
		{"<eos>", false, ""},
		{"naïve 北京 🙂<turn|>", false, `text "naïve 北京 🙂"`},
		{"<|channel>thought\nwhy\nso\n<channel|>4<turn|>", false, `thought "why\nso" | text "4"`},
		{"<|channel>thought\n<channel|>4", false, `text "4"`},
		{"<|channel>thought<channel|>4", false, `text "4"`},
		{"<|channel>thought\n\n\n<channel|>4", false, `thought "\n" | text "4"`},
		{"<|channel>other\nx<channel|>4", false, `thought "other\nx" | text "4"`},
		{"<|channel>oth<channel|>4", false, `thought "oth" | text "4"`},
		{"<|channel>" + strings.Repeat("x", 70) + "y", false, `thought "` + strings.Repeat("x", 70) + `y"`},
		{"<|channel>thought\ncut off", false, `thought "cut off"`},
		{"more\n<channel|>It is 5.<turn|>", true, `thought "more" | text "It is 5."`},
		{"<|tool_call>call:f{}<tool_call|><|tool_response>", false, "call f {}"},
		{"<|tool_call>call:f<tool_call|>", false, "call f {}"},
		{"Wait.<|tool_call>call:f{a:" + q + "x, {y}" + q + ",n:-3.5e2,t:true,z:null}<tool_call|><|tool_call>call:g{l:[1,[" +
			q + q + "],{k:1}]}<tool_call|>", false,
			`text "Wait." | call f {"a":"x, {y}","n":-3.5e2,"t":true,"z":null} | call g {"l":[1,[""],{"k":1}]}`},
		{"<|tool_call> call: get weather { city : " + q + "Oslo" + q + " , days : 3 }<tool_call|>", false,
			`call get weather {"city":"Oslo","days":3}`},
		{"<|tool_call>call:f{a:red wine,b:007,c:None,d:.5,e:12h}<tool_call|>", false,
			`call f {"a":"red wine","b":"007","c":"None","d":".5","e":"12h"}`},
		{`<|tool_call>call:f{"y":2,"s":"a \"b\" }",` + q + "k" + q + `:1}<tool_call|>`, false, `call f {"y":2,"s":"a \"b\" }","k":1}`},
		{"<|tool_call>call:f{a:" + q + "line\nbreak <b> \"q\"" + q + "}<tool_call|>", false, `call f {"a":"line\nbreak <b> \"q\""}`},
		{"<|tool_call>call:f{a:1<tool_call|>ok", false, `broken "call:f{a:1" | text "ok"`},
		{"<|tool_call>call:f{a:1}}<tool_call|>", false, `broken "call:f{a:1}}"`},
		{"<|tool_call>call:f{a:1}" + q + "x" + q + "<tool_call|>", false, `broken "call:f{a:1}<|\"|>x<|\"|>"`},
		{"<|tool_call>call:f{a:,b:1}<tool_call|>", false, `broken "call:f{a:,b:1}"`},
		{"<|tool_call>call:f{a:1,}<tool_call|>", false, `broken "call:f{a:1,}"`},
		{"<|tool_call>call:f{a 1}<tool_call|>", false, `broken "call:f{a 1}"`},
		{"<|tool_call>call:{a:1}<tool_call|>", false, `broken "call:{a:1}"`},
		{"<|tool_call>f{a:1}<tool_call|>", false, `broken "f{a:1}"`},
		{"<|tool_call><tool_call|>", false, `broken ""`},
		{"<|tool_call>call:f{a:" + q + "x<tool_call|>", false, `broken "call:f{a:<|\"|>x"`},
		{"<|tool_call>call:f{a:" + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}<tool_call|>", false,
			`broken "call:f{a:` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}"`},
		{"<|tool_call>call:f{<turn|>", false, `broken "call:f{"`},
		{"<|tool_call>call:f{", false, `broken "call:f{"`},
		{"a<tool_call|>b<channel|>c<|think|>d<|image>e", false, `text "abcde"`},
		{"a<|tool_response>response:f{value:1}<tool_response|>b", false, `text "ab"`},
	} {
		got := line(say(tok, f.NewParser(Options{InThought: c.thought}), tok.Encode(c.said)))
		if got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.said, got, c.want)
		}
	}
}

// TestMarkersInTextAreText: what looks like a marker and is none has no effect.
func TestMarkersInTextAreText(t *testing.T) {
	t.Parallel()
	tok, f := format(t, false)
	said := "<|channel>thought\nno<channel|><|tool_call>call:f{}<tool_call|><turn|>"
	if got, want := line(say(tok, f.NewParser(Options{}), tok.EncodeText(nil, said))), fmt.Sprintf("text %q", said); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestACallInALoopEndsAtItsLimit: a model that repeats itself fills no memory.
func TestACallInALoopEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	_, f := format(t, false)
	p := f.NewParser(Options{}).(*gemma4Parser)
	p.Push(p.g.marks["<|tool_call>"], "")
	long := strings.Repeat("x", 1<<12)
	var got []Piece
	for range maxCall>>12 + 2 {
		got = append(got, p.Push(400, long)...)
	}
	if len(got) == 0 || got[0].Kind != PieceBroken || len(got[0].Text) > maxCall {
		t.Errorf("%d pieces, want a broken call of at most %d bytes", len(got), maxCall)
	}
}

// value returns a random JSON value whose keys a call can spell.
func value(r *rand.Rand, depth int) any {
	words := []string{"Oslo", "", "a b", `<|"|>`, "{x:[1,2]}", "<turn|>", "北京 🙂", "line\nbreak", `back\slash "quote"`, "true", "12"}
	switch n := r.IntN(8); {
	case n == 0:
		return nil
	case n == 1:
		return r.IntN(2) == 0
	case n == 2:
		return float64(r.IntN(2000) - 1000)
	case n == 3:
		return r.NormFloat64() * 1e-7
	case n < 6 || depth > 3:
		return words[r.IntN(len(words))]
	case n == 6:
		list := []any{}
		for range r.IntN(4) {
			list = append(list, value(r, depth+1))
		}
		return list
	}
	return fields(r, depth)
}

func fields(r *rand.Rand, depth int) map[string]any {
	out := map[string]any{}
	for range r.IntN(4) {
		out[[]string{"a", "B", "city", "x_1", "é", "two words"}[r.IntN(6)]] = value(r, depth+1)
	}
	return out
}

// TestCallsComeBackFromTheirRendering: what the parser makes of a rendered
// call is the call.
func TestCallsComeBackFromTheirRendering(t *testing.T) {
	t.Parallel()
	tok, f := format(t, false)
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 1))
		raw, err := json.Marshal(fields(r, 0))
		if err != nil {
			t.Fatal(err)
		}
		runs, err := f.Render([]Message{{Role: Assistant, ToolCalls: []ToolCall{{Name: "f", Arguments: raw}}}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		pieces := say(tok, f.NewParser(Options{}), runs[0].IDs[1:])
		calls := slices.DeleteFunc(pieces, func(p Piece) bool { return p.Kind == PieceText })
		if len(calls) != 1 || calls[0].Kind != PieceToolCall || calls[0].Call.Name != "f" {
			t.Fatalf("seed %d: %s gave %s", seed, raw, line(pieces))
		}
		var back any
		if err := json.Unmarshal(calls[0].Call.Arguments, &back); err != nil {
			t.Fatalf("seed %d: %s: %v", seed, calls[0].Call.Arguments, err)
		}
		if again, err := json.Marshal(back); err != nil || string(again) != string(raw) {
			t.Errorf("seed %d: %s came back as %s", seed, raw, again)
		}
	}
}

// FuzzParser: any ids, with any text, give pieces whose calls are JSON, and
// the parser keeps no more than it was given.
func FuzzParser(f *testing.F) {
	tok, format := format(f, true)
	for _, said := range []string{
		"<|channel>thought\nx\n<channel|>y<turn|>", `<|tool_call>call:f{a:<|"|>x<|"|>,b:[1,{c:"d"}]}<tool_call|>`, "<|tool_call>call:f{a:",
	} {
		var data []byte
		for _, id := range tok.Encode(said) {
			data = append(data, byte(id>>8), byte(id))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ids := make([]token.ID, len(data)/2)
		for i := range ids {
			ids[i] = token.ID(data[2*i])<<8 | token.ID(data[2*i+1])
		}
		size := 0
		for _, p := range say(tok, format.NewParser(Options{InThought: len(data)%2 == 1}), ids) {
			size += len(p.Text)
			if p.Kind != PieceToolCall {
				continue
			}
			var v map[string]any
			if err := json.Unmarshal(p.Call.Arguments, &v); err != nil {
				t.Errorf("arguments %q: %v", p.Call.Arguments, err)
			}
		}
		if limit := len(tok.Decode(ids)); size > limit {
			t.Errorf("%d bytes of text, want at most %d", size, limit)
		}
	})
}
