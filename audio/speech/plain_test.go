package speech

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlainIsWhatAVoiceReads(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"", ""},
		{"Hello, world!", "Hello, world!"},
		{"**Bold** and *soft* and `code` and ~~gone~~.", "Bold and soft and code and gone."},
		{"_Soft_ snake_case __init__", "Soft snake case init"},
		{"# Title\n\nText", "Title. Text"},
		{"- one\n- [x] two\n* three", "one. two. three"},
		{"1. Flour\n2. Water,\n", "1. Flour. 2. Water,"},
		{"> quoted\n---\nafter", "quoted. after"},
		{"| a | b |\n|---|---|\n| 1 | 2 |\n", "a, b. 1, 2."},
		{"See [the page](https://x.org/a?b=1) or ![a cat](cat.png).", "See the page or a cat."},
		{"Go to https://www.example.com/long/path?x=1.", "Go to example.com."},
		{"Great 😀🎉 job 👍🏽!", "Great job !"},
		{"a  b\t\tc", "a b c"},
		{"It is 20 °C → warm — really", "It is 20 °C , warm , really"},
		{"<b>bold</b> 3 < 5", "bold 3 < 5"},
		{"[[h@l'oU]] {x} \\n", "h@l'oU x n"},
		{"cut [off link](https://exa", "cut off link"},
		{"nul\x00 and bell\a", "nul and bell"},
		{"🇩🇪 Flagge", "Flagge"},
		{"नमस्ते दुनिया", "नमस्ते दुनिया"},
	} {
		if got := toPlain(tt.source).text; got != tt.want {
			t.Errorf("%q\n got %q\nwant %q", tt.source, got, tt.want)
		}
	}
}

func TestPlainKnowsItsSource(t *testing.T) {
	source := "## A **bold** [link](http://x.y), früh"
	p := toPlain(source)
	var got []string
	for _, f := range fields(p.text) {
		from, to := p.source(f.from, f.to)
		got = append(got, source[from:to])
	}
	if want := "A|bold|link](http://x.y),|früh"; strings.Join(got, "|") != want {
		t.Errorf("words %q, want %q", got, want)
	}
}

func TestWhatHasNoSoundIsSilent(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, " \n": true, "...": true, "😀": true, "**": true, "a": false, "3": false, "€": false, "好": false, "---": true, "50 %": false,
	} {
		if got := toPlain(text).silent(); got != want {
			t.Errorf("silent(%q) = %v", text, got)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("# T\n- [a](b) **c** <i>x</i> | y | https://z.w/q 😀 [[x]] a_b\xff")
	f.Fuzz(func(t *testing.T, source string) {
		p := toPlain(source)
		if !utf8.ValidString(p.text) || strings.ContainsAny(p.text, "[]*`\n\r\x00\x1b") || len(p.at) != len(p.text) || len(p.end) != len(p.text) {
			t.Fatalf("%q became %q", source, p.text)
		}
		last := 0
		for i, at := range p.at {
			if at < last || at > len(source) || p.end[i] < at || p.end[i] > len(source) {
				t.Fatalf("%q: byte %d of %q is at %d to %d", source, i, p.text, at, p.end[i])
			}
			last = at
		}
		for _, field := range fields(p.text) {
			if from, to := p.source(field.from, field.to); from > to {
				t.Fatalf("%q: %d to %d", source, from, to)
			}
		}
	})
}
