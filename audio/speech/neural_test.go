package speech

import "testing"

func TestMarksOfClauses(t *testing.T) {
	for text, want := range map[string]byte{
		"a": ',', "a.": '.', "a?\"": '?', "a！": '!', "a،": ',', "a；": ';', "a:": ':', "a।": '.', "a…": '.',
	} {
		if got := markOf(text); got != want {
			t.Errorf("markOf(%q) = %q, want %q", text, got, want)
		}
	}
	if got := withoutTags("(en)a(de)b c"); got != "ab c" {
		t.Errorf("withoutTags = %q", got)
	}
}
