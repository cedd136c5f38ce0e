package speech

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// split returns the pieces of a text, silent ones in brackets.
func split(bits ...string) (texts []string) {
	var s Splitter
	var pieces []Piece
	for _, bit := range bits {
		pieces = append(pieces, s.Push(bit)...)
	}
	for _, p := range append(pieces, s.Flush()...) {
		if p.Silent {
			p.Text = "[" + p.Text + "]"
		}
		texts = append(texts, p.Text)
	}
	return texts
}

func TestPiecesEndWithSentencesAndClauses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"Hello.", "Hello."},
		{"Yes. No! Really?", "Yes. |No! |Really?"},
		{"Well, that is good news, I think.", "Well, that is good news, |I think."},
		{"It is 3.5 degrees at 10:30. Cold.", "It is 3.5 degrees at 10:30. |Cold."},
		{"The answer is 18. Is that right?", "The answer is 18. |Is that right?"},
		{"Am 3. Oktober ist Feiertag. Ja.", "Am 3. Oktober ist Feiertag. |Ja."},
		{"Ask Dr. No or Mr. X. They know.", "Ask Dr. No or Mr. X. They know."},
		{"Use nuts, e.g. almonds. Or not.", "Use nuts, e.g. almonds. |Or not."},
		{"J.R.R. Tolkien wrote it. He did.", "J.R.R. Tolkien wrote it. |He did."},
		{"It cost two U.S. dollars. Fine.", "It cost two U.S. dollars. |Fine."},
		{"At 5 p.m. we leave. At 6 p.m. We arrive.", "At 5 p.m. we leave. |At 6 p.m. |We arrive."},
		{"Oh no. Not Fig. 2 of No. 7. Yes.", "Oh no. |Not Fig. 2 of No. 7. |Yes."},
		{"So do I. Good.", "So do I. |Good."},
		{"See example.com/a.b?c=d. Then call.", "See example.com/a.b?c=d. |Then call."},
		{"Hmm... maybe. Or... No.", "Hmm... maybe. |Or... |No."},
		{"She said \"Stop!\" and left. He said \"Go.\" Then nothing.", "She said \"Stop!\" |and left. |He said \"Go.\" |Then nothing."},
		{"**Done.** Next (really?) one. _End._ Now.", "**Done.** |Next (really?) one. |_End._ |Now."},
		{"# Title\nText\n\nMore", "# Title\n|Text\n|[\n]|More"},
		{"1. Flour\n2. Water\n- Salt", "1. Flour\n|2. Water\n|- Salt"},
		{"Wait!? What?! OK.", "Wait!? |What?! |OK."},
		{"你好，我是助手。今天天气很好！你呢？", "你好，我是助手。|今天天气很好！|你呢？"},
		{"今天的天气非常好，我们去公园。", "今天的天气非常好，|我们去公园。"},
		{"彼は「はい。」と言った。終わり", "彼は「はい。」|と言った。|終わり"},
		{"यह अच्छा है। हाँ।", "यह अच्छा है। |हाँ।"},
		{"هل أنت بخير؟ نعم.", "هل أنت بخير؟ |نعم."},
		{"สวัสดีครับผมชื่อ สมชาย ครับ", "สวัสดีครับผมชื่อ |สมชาย ครับ"},
		{"😀 Great! 🎉 Bye.", "😀 Great! |🎉 Bye."},
		{"Look:\n```go\nx := 1. Foo\n```\nThat is it.", "Look:\n|[```go\n]|[x := 1. Foo\n]|[```\n]|That is it."},
		{"```print(1)``` is code. Yes.", "```print(1)``` is code. |Yes."},
		{"```\nopen", "[```\n]|[open]"},
	} {
		if got := strings.Join(split(tt.text), "|"); got != tt.want {
			t.Errorf("%q\n got %q\nwant %q", tt.text, got, tt.want)
		}
		var runes []string
		for _, r := range tt.text {
			runes = append(runes, string(r))
		}
		if got := strings.Join(split(runes...), "|"); got != tt.want {
			t.Errorf("%q, one by one\n got %q\nwant %q", tt.text, got, tt.want)
		}
	}
}

// A piece is there as soon as what follows has shown that it is one.
func TestPiecesDoNotWaitForTheAnswersEnd(t *testing.T) {
	for _, tt := range []struct {
		bits string // the last one completes the first piece
		want string
	}{
		{"Sure|!| I|", "Sure! "},
		{"Sure|!|\n", "Sure!\n"},
		{"The| sky| is| blue|,| be", "The sky is blue, "},
		{"好的|。|我", "好的。"},
		{"It| is| 18|.| Is| it", "It is 18. "},
	} {
		var s Splitter
		bits := strings.Split(tt.bits, "|")
		if bits[len(bits)-1] == "" {
			bits = bits[:len(bits)-1]
		}
		for i, bit := range bits {
			got := s.Push(bit)
			if last := i == len(bits)-1; last != (len(got) > 0) || last && got[0].Text != tt.want {
				t.Errorf("%q: bit %d brings %v", tt.bits, i, got)
			}
		}
	}
}

func TestNoPieceIsLong(t *testing.T) {
	for name, text := range map[string]string{
		"words":   strings.Repeat("word ", 5000),
		"letters": strings.Repeat("x", 20000),
		"dots":    strings.Repeat(".", 20000),
		"spaces":  strings.Repeat(" ", 20000),
		"breaks":  strings.Repeat("\n", 20000),
		"code":    "```\n" + strings.Repeat("x", 20000),
		"fence":   strings.Repeat("`", 20000),
		"han":     strings.Repeat("字", 8000),
		"thai":    strings.Repeat("ก", 8000),
		"bad":     strings.Repeat("\xff", 20000),
		"closing": strings.Repeat(".\"", 10000),
	} {
		var s Splitter
		var total int
		for i := 0; i < len(text); i += 7 {
			for _, p := range s.Push(text[i:min(i+7, len(text))]) {
				total += len(p.Text)
				if n := utf8.RuneCountInString(p.Text); n > longest+8 {
					t.Errorf("%s: a piece of %d characters", name, n)
				}
			}
			if len(s.text) > 4*longest+16 {
				t.Fatalf("%s: %d bytes are held", name, len(s.text))
			}
		}
		for _, p := range s.Flush() {
			total += len(p.Text)
		}
		if total != len(text) {
			t.Errorf("%s: %d bytes of %d came out", name, total, len(text))
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add("Hello there. It is 3.5 km to Dr. No's house, e.g. by car: go!\n```\ncode\n```\n1. a\n2. b", 3)
	f.Add("你好，世界。Am 3. Mai… \"Ja!\" 😀 `x` ~~~", 1)
	f.Fuzz(func(t *testing.T, text string, step int) {
		if len(text) > 4096 {
			return
		}
		step = max(1, step%17)
		var bits []string
		for i := 0; i < len(text); i += step {
			bits = append(bits, text[i:min(i+step, len(text))])
		}
		whole, cut := split(text), split(bits...)
		if fmt.Sprint(whole) != fmt.Sprint(cut) {
			t.Errorf("%q\nwhole %q\n  cut %q", text, whole, cut)
		}
		var s Splitter
		joined := ""
		for _, p := range append(s.Push(text), s.Flush()...) {
			joined += p.Text
		}
		if joined != text {
			t.Errorf("%q came out as %q", text, joined)
		}
	})
}
