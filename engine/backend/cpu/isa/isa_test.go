package isa

import (
	"slices"
	"testing"
)

func TestLimitTakesTheLowerOfProcessorAndName(t *testing.T) {
	best := detect()
	if got := limit(""); got != best {
		t.Errorf("without a name %v, want %v", got, best)
	}
	for l := range levels {
		want := Generic
		if slices.Contains(ladder, l) {
			want = min(l, best)
		}
		if got := limit(l.String()); got != want {
			t.Errorf("limit(%q) = %v, want %v", l, got, want)
		}
	}
}

func TestLimitPanicsOnUnknownName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("limit(\"avx1024\") did not panic")
		}
	}()
	limit("avx1024")
}

func TestUseSwitchesWhatIsRegistered(t *testing.T) {
	before := Current()
	defer Use(before)
	var seen []Level
	Register(func(l Level) { seen = append(seen, l) })
	defer func() { switches = switches[:len(switches)-1] }()
	want := []Level{before}
	for _, l := range Available() {
		Use(l)
		want = append(want, l)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("switch saw %v, want %v", seen, want)
	}
}
