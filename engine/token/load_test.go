package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// tiny returns a tokenizer.json with these fields of the model and top level.
func tiny(model, top string) []byte {
	if top != "" {
		top = "," + top
	}
	return fmt.Appendf(nil, `{"version":"1.0","model":{"type":"BPE",%s}%s}`, model, top)
}

const ab = `"vocab":{"a":0,"b":1,"ab":2,"abab":3,"<u>":4}`

func load(t testing.TB, data []byte, config string) *Tokenizer {
	t.Helper()
	tok, err := Load(data, []byte(config))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return tok
}

func TestBothFormsOfMergesLoad(t *testing.T) {
	t.Parallel()
	for _, merges := range []string{
		`"merges":[["a","b"],["ab","ab"]]`, `"merges":["a b","ab ab"]`, `"merges" : [ "a b" , [ "ab" , "ab" ] ] `,
	} {
		for _, model := range []string{ab + "," + merges, merges + "," + ab} {
			if got := load(t, tiny(model, ""), "").Encode("ababa"); !slices.Equal(got, []ID{3, 0}) {
				t.Errorf("%s: %v, want [3 0]", model, got)
			}
		}
	}
}

func TestLaterRanksGoLater(t *testing.T) {
	t.Parallel()
	const vocab = `"vocab":{"a":0,"b":1,"c":2,"ab":3,"bc":4}`
	if got := load(t, tiny(vocab+`,"merges":["a b","b c"]`, ""), "").Encode("abc"); !slices.Equal(got, []ID{3, 2}) {
		t.Errorf("%v, want [ab c]", got)
	}
	if got := load(t, tiny(vocab+`,"merges":["b c","a b"]`, ""), "").Encode("abc"); !slices.Equal(got, []ID{0, 4}) {
		t.Errorf("%v, want [a bc]", got)
	}
	// Of a merge that stands twice the last counts.
	if got := load(t, tiny(vocab+`,"merges":["a b","b c","a b"]`, ""), "").Encode("abc"); !slices.Equal(got, []ID{0, 4}) {
		t.Errorf("%v, want [a bc]", got)
	}
}

func TestUnknownCharacters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model string
		want  []ID
	}{
		{ab, []ID{0, 1}},
		{ab + `,"unk_token":"<u>"`, []ID{0, 4, 4, 1, 4}},
		{ab + `,"unk_token":"<u>","fuse_unk":true`, []ID{0, 4, 1, 4}},
		{`"vocab":{"a":0,"b":1,"<0xC3>":2,"<0xA9>":3,"<u>":4},"byte_fallback":true,"unk_token":"<u>"`, []ID{0, 2, 3, 4, 1, 2, 3}},
		{`"vocab":{"a":0,"b":1,"<0xC3>":2,"<u>":4},"byte_fallback":true,"unk_token":"<u>","fuse_unk":true`, []ID{0, 4, 1, 4}},
	} {
		if got := load(t, tiny(c.model, ""), "").Encode("aéxbé"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.model, got, c.want)
		}
	}
}

func TestWholeRunsNeedNoMerges(t *testing.T) {
	t.Parallel()
	if got := load(t, tiny(ab+`,"ignore_merges":true`, ""), "").Encode("abab"); !slices.Equal(got, []ID{3}) {
		t.Errorf("%v, want [3]", got)
	}
	if got := load(t, tiny(ab+`,"ignore_merges":false`, ""), "").Encode("ab"); !slices.Equal(got, []ID{0, 1}) {
		t.Errorf("%v, want [0 1]", got)
	}
}

func TestLongestAddedTokenWins(t *testing.T) {
	t.Parallel()
	const added = `"added_tokens":[{"id":10,"content":"<x>","special":true},{"id":11,"content":"<x><x>","special":false},
		{"id":12,"content":"aa","special":false},{"id":13,"content":"<x>y","special":true}]`
	tok := load(t, tiny(ab, added), "")
	for text, want := range map[string][2][]ID{
		"<x><x><x>": {{11, 10}, {11}}, // the characters of <x> are unknown as text
		"<x>y":      {{13}, nil},
		"a<x>b":     {{0, 10, 1}, {0, 1}},
		"aaa":       {{12, 0}, {12, 0}},
	} {
		if got := tok.Encode(text); !slices.Equal(got, want[0]) {
			t.Errorf("Encode(%s) = %v, want %v", text, got, want[0])
		}
		if got := tok.EncodeText(nil, text); !slices.Equal(got, want[1]) {
			t.Errorf("EncodeText(%s) = %v, want %v", text, got, want[1])
		}
	}
	if tok.Len() != 14 || tok.Piece(11) != "<x><x>" || tok.Piece(7) != "" || tok.Piece(99) != "" || tok.IsSpecial(11) || !tok.IsSpecial(10) {
		t.Errorf("Len %d, Piece(11) %q", tok.Len(), tok.Piece(11))
	}
	if _, ok := tok.Special("aa"); ok {
		t.Error("aa is special")
	}
}

func TestMergesMakeNoSpecialToken(t *testing.T) {
	t.Parallel()
	tok := load(t, tiny(ab+`,"merges":["a b"]`, `"added_tokens":[{"id":2,"content":"ab","special":true}]`), "")
	if got := tok.EncodeText(nil, "aab"); !slices.Equal(got, []ID{0, 0, 1}) {
		t.Errorf("EncodeText = %v, want [0 0 1]", got)
	}
	if got := tok.Encode("aab"); !slices.Equal(got, []ID{0, 2}) {
		t.Errorf("Encode = %v, want [0 2]", got)
	}
}

func TestConfigurationMarksSpecialTokens(t *testing.T) {
	t.Parallel()
	data := tiny(ab, `"added_tokens":[{"id":9,"content":"<n>"}]`)
	for _, config := range []string{
		`{"eos_token":"ab"}`, `{"x_token":{"content":"ab","lstrip":false}}`, `{"extra_special_tokens":["ab"]}`,
		`{"extra_special_tokens":{"role":"ab"}}`, `{"additional_special_tokens":[{"content":"ab"}]}`,
		`{"added_tokens_decoder":{"2":{"content":"ab","special":true}}}`,
	} {
		tok := load(t, data, config)
		if id, ok := tok.Special("ab"); !ok || id != 2 {
			t.Errorf("%s: Special(ab) = %d, %v", config, id, ok)
		}
		if got := tok.Encode("aab"); !slices.Equal(got, []ID{0, 2}) {
			t.Errorf("%s: %v, want [0 2]", config, got)
		}
	}
	tok := load(t, data, `{"boi_token":"<n>","pad_token":"<none>","bos_token":null,"add_bos_token":true,"added_tokens_decoder":{"9":{"content":"a"}}}`)
	if _, ok := tok.Special("<n>"); !ok {
		t.Error("<n> is not special")
	}
	if _, ok := tok.Special("<none>"); ok || tok.Len() != 10 {
		t.Error("a token that no row belongs to was added")
	}
	if _, ok := tok.Special("a"); ok {
		t.Error("a is special")
	}
}

func TestUnusableFilesAreErrors(t *testing.T) {
	t.Parallel()
	nested := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for in, want := range map[string]string{
		"":                                       "want '{'",
		"{":                                      "want",
		`{}`:                                     "no model",
		`{"model":{"type":"BPE"}}`:               "no model with a vocab",
		`{"model":{"vocab":{}}} x`:               "after the end",
		"{\"model\":{\"vocab\":{\"\xff\":1}}}":   "not UTF-8",
		string(tiny(ab+`,"merges":["a c"]`, "")): "is not in the vocabulary",
		string(tiny(ab+`,"merges":["a"]`, "")):   "want two pieces",
		string(tiny(ab+`,"merges":[["a","b","ab"]]`, "")):                                    "has 3 pieces",
		string(tiny(ab+`,"merges":[["a"]]`, "")):                                             "has 1 pieces",
		string(tiny(ab+`,"unk_token":"zz"`, "")):                                             `unk_token "zz"`,
		string(tiny(ab+`,"end_of_word_suffix":"</w>"`, "")):                                  "end_of_word_suffix",
		string(tiny(`"vocab":{"a":0,"a":1}`, "")):                                            `"a" has the ids 0 and 1`,
		string(tiny(`"vocab":{"a":0,"b":0}`, "")):                                            `id 0 is "a" and "b"`,
		string(tiny(`"vocab":{"a":-1}`, "")):                                                 "want a whole number",
		string(tiny(`"vocab":{"a":1.5}`, "")):                                                "want a whole number",
		string(tiny(`"vocab":{"a":60000000}`, "")):                                           "id 60000000 in a vocabulary of 1",
		string(tiny(`"vocab":{"a":99999999999999999999}`, "")):                               "want a whole number",
		string(tiny(ab+","+ab, "")):                                                          "stands twice",
		string(tiny(ab, `"added_tokens":[{"id":0,"content":"b"}]`)):                          `"b" has the ids`,
		string(tiny(ab, `"added_tokens":[{"content":"b"}]`)):                                 "no id",
		string(tiny(ab, `"added_tokens":[{"id":9}]`)):                                        "no content",
		string(tiny(ab, `"added_tokens":[{"id":9,"content":"x","lstrip":true}]`)):            "lstrip is not supported",
		string(tiny(ab, `"added_tokens":[{"id":2,"content":"ab"},{"id":2,"content":"ab"}]`)): "listed twice",
		string(tiny(ab, `"normalizer":{"type":"NFKC"}`)):                                     "normalizer",
		string(tiny(ab, `"pre_tokenizer":{"type":"ByteLevel"}`)):                             "pre_tokenizer",
		string(tiny(ab, `"pre_tokenizer":{"type":"Split","pattern":{"String":" "}}`)):        "splits at",
		string(tiny(ab, `"decoder":{"type":"WordPiece"}`)):                                   "decoder",
		string(tiny(ab, `"x":`+nested)):                                                      "nested more than",
		`{"model":{"type":"Unigram","vocab":[]}}`:                                            `model "Unigram"`,
		`{"a":tru}`:      "want a value",
		`{"a":"\x"}`:     `escape \x`,
		`{"a":"\u12g4"}`: "hexadecimal",
		"{\"a\":\"\n\"}": "control character",
	} {
		if _, err := Load([]byte(in), nil); err == nil || !strings.HasPrefix(err.Error(), "token: tokenizer.json: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", in, err, want)
		}
	}
	for _, config := range []string{"{", `{"extra_special_tokens":5}`, `{"added_tokens_decoder":[]}`} {
		if _, err := Load(tiny(ab, ""), []byte(config)); err == nil || !strings.HasPrefix(err.Error(), "token: tokenizer_config.json: ") {
			t.Errorf("%s: %v, want an error", config, err)
		}
	}
}

// TestLoadOfAllPrefixesFails: a file that was cut short is never taken.
func TestLoadOfAllPrefixesFails(t *testing.T) {
	t.Parallel()
	data := bytes.TrimSpace(read(t, "tokenizer.json"))
	for n := 0; n < len(data); n += 1 + n/200 {
		if _, err := Load(data[:n], nil); err == nil {
			t.Fatalf("the first %d bytes of %d load", n, len(data))
		}
	}
}

// FuzzReader compares strings and validity with encoding/json.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{`"a\u00e9\ud83d\ude42\ud83dx\n"`, `{"a":[1,-2.5e3,true,null,{}]}`, `"\ud83d\u0041"`, `[1 2]`, "01", `"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !utf8.Valid(data) || strings.Count(string(data), "[")+strings.Count(string(data), "{") > maxDepth {
			return
		}
		r := &reader{data: data}
		err := r.skip()
		if err == nil {
			err = r.end()
		}
		// Numbers with leading zeros and the like are no matter for a
		// vocabulary; whatever encoding/json takes must be taken.
		if json.Valid(data) && err != nil {
			t.Errorf("skip: %v", err)
		}
		var want string
		if json.Unmarshal(data, &want) == nil && bytes.HasPrefix(bytes.TrimSpace(data), []byte(`"`)) {
			if got, err := (&reader{data: data}).str(); err != nil || string(got) != want {
				t.Errorf("str = %q, %v, want %q", got, err, want)
			}
		}
	})
}

// FuzzLoad: any file is an error or a tokenizer that gives text back.
func FuzzLoad(f *testing.F) {
	f.Add(tiny(ab+`,"merges":["a b",["ab","ab"]],"unk_token":"<u>"`, `"added_tokens":[{"id":10,"content":"<x>","special":true}]`), []byte(`{"eos_token":"ab"}`), "abab<x>")
	f.Add(tiny(`"vocab":{"a":0,"<0x41>":1,"▁":5},"byte_fallback":true`, `"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},
		"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]}`), []byte(nil), "a A")
	f.Fuzz(func(t *testing.T, data, config []byte, text string) {
		tok, err := Load(data, config)
		if err != nil {
			return
		}
		if limit := 2*len(data) + 5000; tok.Len() > limit {
			t.Errorf("%d ids out of %d bytes", tok.Len(), len(data))
		}
		if len(tok.normalize.to) > 8 {
			return // text that grows under replacement shows nothing
		}
		for _, ids := range [][]ID{tok.Encode(text), tok.EncodeText(nil, text)} {
			d := tok.NewDecoder()
			for _, id := range ids {
				if id < 0 || int(id) >= tok.Len() {
					t.Fatalf("id %d of %d", id, tok.Len())
				}
				d.Push(id)
			}
			tok.Decode(ids)
		}
		for _, id := range tok.EncodeText(nil, text) {
			if tok.IsSpecial(id) && id != tok.unknown {
				t.Errorf("plain text %q became %q", text, tok.Piece(id))
			}
		}
	})
}

// large makes a tokenizer.json of n pieces and twice as many merges, in the
// form that tokenizers writes.
func large(n int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	pieces, merges := []string{}, [][2]string{}
	for c := 'a'; c <= 'z'; c++ {
		pieces = append(pieces, string(c))
	}
	seen := map[string]bool{}
	for len(pieces) < n {
		a, b := pieces[r.IntN(len(pieces))], pieces[r.IntN(len(pieces))]
		if p := a + b; len(p) <= 12 {
			merges = append(merges, [2]string{a, b})
			if !seen[p] {
				seen[p] = true
				pieces = append(pieces, p)
			}
		}
	}
	for len(merges) < 2*n {
		p := pieces[26+r.IntN(n-26)]
		cut := 1 + r.IntN(len(p)-1)
		if a, b := p[:cut], p[cut:]; (seen[a] || len(a) == 1) && (seen[b] || len(b) == 1) {
			merges = append(merges, [2]string{a, b})
		}
	}
	var b bytes.Buffer
	b.WriteString("{\n  \"model\": {\n    \"type\": \"BPE\",\n    \"vocab\": {\n")
	for i, p := range pieces {
		fmt.Fprintf(&b, "      %q: %d,\n", p, i)
	}
	b.Truncate(b.Len() - 2)
	b.WriteString("\n    },\n    \"merges\": [\n")
	for _, m := range merges {
		fmt.Fprintf(&b, "      [\n        %q,\n        %q\n      ],\n", m[0], m[1])
	}
	b.Truncate(b.Len() - 2)
	b.WriteString("\n    ]\n  }\n}\n")
	return b.Bytes()
}

// BenchmarkLoad reads a vocabulary of the real size.
func BenchmarkLoad(b *testing.B) {
	data := large(262144)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(data, nil); err != nil {
			b.Fatal(err)
		}
	}
}
