package token

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// slowMerge is the slow twin of merge: look at all neighbours, join the best,
// begin again.
func slowMerge(t *Tokenizer, symbols []ID) []ID {
	out := slices.Clone(symbols)
	for {
		best, at, result := uint32(0), -1, none
		for i := range len(out) - 1 {
			if rank, id, ok := t.merges.get(out[i], out[i+1]); ok && (at < 0 || rank < best) {
				best, at, result = rank, i, id
			}
		}
		if at < 0 {
			return out
		}
		out = append(append(slices.Clone(out[:at]), result), out[at+2:]...)
	}
}

// scraps are what random texts are made of.
var scraps = []string{
	"the", "th", "in", "ing", "tion", " ", "  ", "\n", "\n\n", "e", "a", "t", "i", "n", "Größe", "北京", "🙂", "é", "e\u0301", "\u00a0",
	"<bos>", "<turn|>", "<|turn>", "<|turn", "turn>", "<", "<|", "|>", `<|"|>`, "▁", "<0x0A>", "0", "12", "model", "user", "\x00", "\uFFFD",
}

func scrap(r *rand.Rand, most int) string {
	var b strings.Builder
	for range r.IntN(most) {
		b.WriteString(scraps[r.IntN(len(scraps))])
	}
	return b.String()
}

func TestMergeEqualsItsSlowTwin(t *testing.T) {
	t.Parallel()
	tok := small(t)
	for seed := range uint64(2000) {
		text := strings.ReplaceAll(scrap(rand.New(rand.NewPCG(seed, 1)), 30), " ", "▁")
		symbols := tok.symbols(nil, text)
		want := slowMerge(tok, symbols)
		if got := tok.run(nil, text, new(word)); !slices.Equal(got, want) {
			t.Fatalf("seed %d, %q: %v, want %v", seed, text, got, want)
		}
	}
}

func TestPlainTextNeverBecomesSpecial(t *testing.T) {
	t.Parallel()
	tok := small(t)
	for seed := range uint64(2000) {
		text := scrap(rand.New(rand.NewPCG(seed, 2)), 20)
		ids := tok.EncodeText([]ID{9}, text)
		if ids[0] != 9 {
			t.Fatalf("seed %d: EncodeText replaced what was there", seed)
		}
		for _, id := range ids[1:] {
			if tok.IsSpecial(id) {
				t.Errorf("seed %d: %q became %v, with %s in it", seed, text, ids, tok.Piece(id))
			}
		}
		if got, want := tok.Decode(ids[1:]), strings.ReplaceAll(text, "▁", " "); got != want {
			t.Errorf("seed %d: %q came back as %q", seed, want, got)
		}
	}
}

func TestPlainTextIsEncodedAlikeByBoth(t *testing.T) {
	t.Parallel()
	tok := small(t)
	for seed := range uint64(2000) {
		text := scrap(rand.New(rand.NewPCG(seed, 3)), 20)
		ids := tok.Encode(text)
		if slices.ContainsFunc(ids, tok.IsSpecial) {
			continue
		}
		if got := tok.EncodeText(nil, text); !slices.Equal(got, ids) {
			t.Errorf("seed %d, %q: EncodeText %v, Encode %v", seed, text, got, ids)
		}
	}
}

func TestSpecialTokensCutTheText(t *testing.T) {
	t.Parallel()
	tok := small(t)
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 4))
		var want []ID
		var text string
		for range r.IntN(6) {
			plain := strings.ReplaceAll(strings.ReplaceAll(scrap(r, 6), "<", ""), "|", "")
			name := someSpecials[r.IntN(len(someSpecials))]
			id, ok := tok.Special(name)
			if !ok {
				t.Fatalf("no token %s", name)
			}
			want = append(tok.EncodeText(want, plain), id)
			text += plain + name
		}
		if got := tok.Encode(text); !slices.Equal(got, want) {
			t.Errorf("seed %d, %q: %v, want %v", seed, text, got, want)
		}
	}
}

// someSpecials are some special tokens of the test vocabulary.
var someSpecials = []string{"<bos>", "<|turn>", "<turn|>", `<|"|>`, "<|image>", "<|image|>", "<image|>", "<|tool_call>"}

// TestDecoderEqualsDecode: piece by piece is the whole, and every piece is
// valid UTF-8.
func TestDecoderEqualsDecode(t *testing.T) {
	t.Parallel()
	tok := small(t)
	for seed := range uint64(1000) {
		text := scrap(rand.New(rand.NewPCG(seed, 5)), 30)
		ids := tok.EncodeText(nil, text)
		d := tok.NewDecoder()
		var got strings.Builder
		for _, id := range ids {
			piece := d.Push(id)
			if !utf8.ValidString(piece) {
				t.Errorf("seed %d: piece %q", seed, piece)
			}
			got.WriteString(piece)
		}
		got.WriteString(d.Flush())
		if want := tok.Decode(ids); got.String() != want {
			t.Errorf("seed %d: %q, want %q", seed, got.String(), want)
		}
	}
}

func TestDecoderHoldsBackHalfCharacters(t *testing.T) {
	t.Parallel()
	tok := small(t)
	b := func(c byte) ID { return tok.bytes[c] }
	bos, _ := tok.Special("<bos>")
	hi := tok.Encode("h")[0]
	for _, c := range []struct {
		ids  []ID
		want []string // of each push, then of Flush
	}{
		{[]ID{b(0xf0), b(0x9f), b(0x99), b(0x82)}, []string{"", "", "", "🙂", ""}},
		{[]ID{b(0xc3), b(0xa9), b(0xc3)}, []string{"", "é", "", "\uFFFD"}},
		{[]ID{b(0xf0), b(0x9f), hi}, []string{"", "", "\uFFFD\uFFFDh", ""}},
		{[]ID{b(0xff), b('a')}, []string{"\uFFFD", "a", ""}},
		{[]ID{b(0xe5), b('a')}, []string{"", "\uFFFDa", ""}},
		{[]ID{b(0xe5), bos, hi}, []string{"", "\uFFFD", "h", ""}},
		{[]ID{bos, -1, 1 << 20}, []string{"", "", "", ""}},
	} {
		d := tok.NewDecoder()
		var got []string
		for _, id := range c.ids {
			got = append(got, d.Push(id))
		}
		if got = append(got, d.Flush()); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.ids, got, c.want)
		}
	}
}

func TestInvalidTextBecomesItsBytes(t *testing.T) {
	t.Parallel()
	tok := small(t)
	ids := tok.EncodeText(nil, "a\xffb")
	if want := []ID{tok.Encode("a")[0], tok.bytes[0xff], tok.Encode("b")[0]}; !slices.Equal(ids, want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

// TestLongRunsTakeLittleTime: a run is one word, so this would take minutes in
// the slow twin.
func TestLongRunsTakeLittleTime(t *testing.T) {
	tok := small(t)
	for _, unit := range []string{"the thing ", "e", " ", "<|turn"} {
		text := strings.Repeat(unit, 1_000_000/len(unit))
		start := time.Now()
		if ids := tok.EncodeText(nil, text); tok.Decode(ids) != text {
			t.Errorf("a million bytes of %q do not come back", unit)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("a million bytes of %q took %v", unit, took)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	tok := small(b)
	const sentence = "The quick brown fox jumps over the lazy dog, naïve café 北京 🙂 and so on. "
	for _, n := range []int{1, 100, 10_000} {
		text := strings.Repeat(sentence, n)
		b.Run(fmt.Sprintf("bytes=%d", len(text)), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var ids []ID
			for b.Loop() {
				ids = tok.EncodeText(ids[:0], text)
			}
		})
	}
}
