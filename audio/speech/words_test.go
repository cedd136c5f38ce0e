package speech

import (
	"strings"
	"testing"
)

// tone is so many samples of voice, or of silence.
func tone(out []float32, n int, loud bool) []float32 {
	for range n {
		if loud {
			out = append(out, 0.5)
		} else {
			out = append(out, 0)
		}
	}
	return out
}

// starts places the words of a text in sound and returns where they begin.
func starts(text string, samples []float32) map[string]int64 {
	p := toPlain(text)
	list := fields(p.text)
	milliseconds := make([]float64, len(list))
	for i, f := range list {
		milliseconds[i] = letterwiseMS(p.text[f.from:f.to])
	}
	at := map[string]int64{}
	for _, w := range place(p, list, milliseconds, samples, 1000) {
		at[text[w.From:w.To]] = w.Start
	}
	return at
}

func TestSilenceSaysWhereAClauseEnds(t *testing.T) {
	sound := tone(tone(tone(tone(nil, 50, false), 300, true), 100, false), 700, true)
	at := starts("ab, cdefgh ij", sound)
	if at["ab,"] != 50 || at["cdefgh"] != 450 || at["ij"] <= 800 {
		t.Errorf("words at %v", at)
	}
	// One silence that is a clause's end does not fit two commas.
	if at := starts("ab, cd, ef", sound); at["ab,"] != 50 || at["cd,"] >= 450 {
		t.Errorf("words at %v, want them by their lengths alone", at)
	}
	// A silence where no clause of that length can end.
	early := tone(tone(tone(nil, 20, true), 100, false), 980, true)
	if at := starts("abcdefghijkl, m", early); at["m"] < 500 {
		t.Errorf("words at %v", at)
	}
}

func TestFieldsAreWords(t *testing.T) {
	text := "Ja, 3.5 你好 ok!"
	var got []string
	for _, f := range fields(text) {
		got = append(got, text[f.from:f.to])
	}
	if want := "Ja,|3.5|你|好|ok!"; strings.Join(got, "|") != want {
		t.Errorf("fields %q, want %q", got, want)
	}
}

func TestPhonemesLast(t *testing.T) {
	if short, long := phonemeMS("ə"), phonemeMS("θˈɜːtiːn"); short != shortestMS || long < 350 || long > 600 {
		t.Errorf("%v and %v ms", short, long)
	}
}
