package engine

import (
	"slices"
	"testing"

	"hark/engine/token"
)

// letters makes slots of letters; '*' is a clip.
func letters(s string) (slots []slot) {
	for _, c := range s {
		if c == '*' {
			slots = append(slots, slot{medium: &Clip{}})
		} else {
			slots = append(slots, slot{id: token.ID(c)})
		}
	}
	return slots
}

func TestLookUpTakesTheLongestThenTheLatest(t *testing.T) {
	for _, c := range []struct {
		text string
		most int
		want string
	}{
		{"abcdef abc", 3, "def"},
		{"abcdef abc", 8, "def abc"[:7] + "d"},
		{"abcx abcy abc", 1, "y"},
		{"zabcx abcy zabc", 1, "x"}, // four alike before three
		{"abc ab", 4, ""},           // too little alike
		{"ab", 4, ""},
		{"", 4, ""},
		{"abcd*e abc", 4, "d"},
		{"abc*abc", 4, ""},
		{"ab*abc*abc", 4, ""},
		{"aaaaaa", 4, "aaaa"},
		{"xyzxyzxyz", 7, "xyzxyzx"},
		{"abcdef abc", 0, ""},
	} {
		var got []rune
		for _, id := range lookUp(letters(c.text), c.most) {
			got = append(got, rune(id))
		}
		if string(got) != c.want {
			t.Errorf("after %q come up to %d of %q, want %q", c.text, c.most, string(got), c.want)
		}
	}
}

func TestGuesserRestsWhereGuessesAreWrong(t *testing.T) {
	g := newGuesser()
	var pauses []int
	for range 100 {
		if g.pause > 0 {
			pauses = append(pauses, g.pause)
			g.pause = 0
		}
		g.learn(g.width, 0)
	}
	if len(pauses) < 5 || pauses[0] != shortPause || pauses[1] != 2*shortPause || slices.Max(pauses) != longPause {
		t.Errorf("pauses of %v tokens", pauses)
	}
	g = newGuesser()
	for range 10 {
		g.learn(g.width, g.width)
	}
	if g.pause != 0 || g.width < defaultLookup || g.score != highScore {
		t.Errorf("after right guesses alone: %+v", g)
	}
}
