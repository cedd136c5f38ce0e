package turn

import (
	"slices"
	"testing"
	"time"
)

// play steps through frames written as digits, tenths of probability, and
// returns the edges with the number of the frame that brought them.
func play(m *Machine, frames string) (edges []int) {
	for i, c := range frames {
		e := m.Step(Frame{Start: int64(i) * FrameSamples, Probability: float32(c-'0') / 10})
		switch e {
		case Started:
			edges = append(edges, i)
		case Stopped:
			edges = append(edges, -i)
		case None, Likely, Resumed:
		}
	}
	return edges
}

func TestEdges(t *testing.T) {
	const silence = 160 * time.Millisecond // 5 frames
	for _, tt := range []struct {
		name, frames string
		want         []int // positive: started, negative: stopped
	}{
		{"nobody", "0123443210", nil},
		{"a click is not speech", "000900000900000", nil},
		{"two frames begin", "0009900", []int{4}},
		{"silence ends", "0099900000000", []int{3, -9}},
		{"a short pause does not", "0099900009990000000", []int{3, -16}},
		{"a quiet voice goes on", "009944444440000000", []int{3, -15}},
		{"but does not begin", "004444444", nil},
		{"two turns", "09900000009900000", []int{2, -7, 11, -16}},
		{"speech that goes on", "0999999999", []int{2}},
	} {
		m := &Machine{Options: Options{Threshold: 0.5, Silence: silence}}
		if got := play(m, tt.frames); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %s: edges %v, want %v", tt.name, tt.frames, got, tt.want)
		}
	}
}

func TestLikelyAndResumedTakeTurns(t *testing.T) {
	for _, tt := range []struct {
		name, frames string
		likely       time.Duration
		want         []Edge
	}{
		{"likely before the end", "099000000000", 96 * time.Millisecond, []Edge{Started, Likely, Stopped}},
		{"never", "099000000000", 0, []Edge{Started, Stopped}},
		{"not at the end itself", "099000000000", 160 * time.Millisecond, []Edge{Started, Stopped}},
		{"going on", "099000099000000", 96 * time.Millisecond, []Edge{Started, Likely, Resumed, Likely, Stopped}},
		{"a short pause", "099009900000000", 96 * time.Millisecond, []Edge{Started, Likely, Stopped}},
		{"one frame within 0.3 s is enough", "09900009000000000", 96 * time.Millisecond, []Edge{Started, Likely, Resumed, Likely, Stopped}},
		{"two turns", "0990000000990000000", 96 * time.Millisecond, []Edge{Started, Likely, Stopped, Started, Likely, Stopped}},
	} {
		m := &Machine{Options: Options{Threshold: 0.5, Silence: 160 * time.Millisecond, Likely: tt.likely}}
		var got []Edge
		for i, c := range tt.frames {
			if e := m.Step(Frame{Start: int64(i) * FrameSamples, Probability: float32(c-'0') / 10}); e != None {
				got = append(got, e)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %s: edges %v, want %v", tt.name, tt.frames, got, tt.want)
		}
	}
}

func TestWithoutSilenceNothingEnds(t *testing.T) {
	m := &Machine{Options: Options{Threshold: 0.5}}
	if got := play(m, "0990000000000000000000000000000000000000"); !slices.Equal(got, []int{2}) {
		t.Errorf("edges %v, want one start", got)
	}
	if first, end := m.Speech(); !m.Speaking() || first != 1*FrameSamples || end != 3*FrameSamples {
		t.Errorf("speech %d to %d", first, end)
	}
}

func TestAClickAfterAPauseDoesNotProlong(t *testing.T) {
	m := &Machine{Options: Options{Threshold: 0.5}}
	play(m, "0990000000000000900") // a click 13 frames, 416 ms, after the speech
	if _, end := m.Speech(); end != 3*FrameSamples {
		t.Errorf("speech ends at frame %d, want 3", end/FrameSamples)
	}
	m = &Machine{Options: Options{Threshold: 0.5}}
	play(m, "0990000000000000990")
	if _, end := m.Speech(); end != 18*FrameSamples {
		t.Errorf("speech ends at frame %d, want 18", end/FrameSamples)
	}
}

func TestThresholdZeroTakesEverything(t *testing.T) {
	m := &Machine{Options: Options{Threshold: 0, Silence: time.Second}}
	if got := play(m, "000000"); !slices.Equal(got, []int{1}) {
		t.Errorf("edges %v, want a start at once", got)
	}
}

func TestResetBeginsAnew(t *testing.T) {
	m := &Machine{Options: Options{Threshold: 0.5, Silence: time.Second}}
	play(m, "0999")
	m.Reset()
	if m.Speaking() {
		t.Error("speaking after Reset")
	}
	if got := play(m, "999"); !slices.Equal(got, []int{1}) {
		t.Errorf("edges %v, want a start", got)
	}
}

func TestUnits(t *testing.T) {
	if got := Samples(300 * time.Millisecond); got != 4800 {
		t.Errorf("Samples = %d", got)
	}
	if got := Milliseconds(16016); got != 1001 {
		t.Errorf("Milliseconds = %d", got)
	}
}
