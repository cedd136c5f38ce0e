package all

import (
	"strings"
	"testing"
)

func TestOpenStartsEachBackendAndTheBest(t *testing.T) {
	for _, name := range append([]string{"", "auto"}, Names()...) {
		b, err := Open(name, 1)
		if err != nil {
			t.Fatalf("Open(%q): %v", name, err)
		}
		if b.Device() == "" {
			t.Errorf("Open(%q) names no device", name)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func TestOpenListsTheNamesItKnows(t *testing.T) {
	_, err := Open("abacus", 0)
	if err == nil || !strings.Contains(err.Error(), "cpu") || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("Open = %v, want an error with the name asked for and those known", err)
	}
}
