package turn

import (
	"fmt"
	"slices"
	"strings"
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

// playFinished steps through frames written as pairs of digits, tenths of the
// probability of speech and of the estimate.
func playFinished(m *Machine, frames string) (edges []string) {
	names := map[Edge]string{Started: "started", Likely: "likely", Resumed: "resumed", Stopped: "stopped"}
	for i := 0; i+1 < len(frames); i += 2 {
		e := m.Step(Frame{
			Start:       int64(i/2) * FrameSamples,
			Probability: float32(frames[i]-'0') / 10,
			Finished:    float32(frames[i+1]-'0') / 10,
		})
		if e != None {
			edges = append(edges, fmt.Sprint(names[e], " ", i/2))
		}
	}
	return edges
}

func TestPatienceWaitsForTheUnfinished(t *testing.T) {
	// 5 frames when sure, 20 when not.
	patience := Patience{Least: 160 * time.Millisecond, Most: 640 * time.Millisecond, Sure: 0.8}
	speech := strings.Repeat("90", 3)
	for _, tt := range []struct {
		name, pause string
		want        []string
	}{
		{"finished", strings.Repeat("09", 20), []string{"started 1", "likely 5", "stopped 7"}},
		{"unfinished", strings.Repeat("00", 25), []string{"started 1", "likely 12", "stopped 22"}},
		{"halfway", strings.Repeat("04", 25), []string{"started 1", "likely 7", "stopped 12"}},
		{"finished at second thought", strings.Repeat("00", 12) + "09", []string{"started 1", "likely 12", "stopped 15"}},
		{"going on", strings.Repeat("09", 4) + strings.Repeat("90", 2), []string{"started 1", "likely 5", "resumed 7"}},
	} {
		m := &Machine{Options: Options{Threshold: 0.5, Likely: 96 * time.Millisecond, Patience: patience}}
		if got := playFinished(m, speech+tt.pause); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestEagerWaitsNoLongerThanTheProtocolSays(t *testing.T) {
	for eagerness, most := range map[string]time.Duration{
		"low": 8 * time.Second, "medium": 4 * time.Second, "auto": 4 * time.Second, "": 4 * time.Second, "high": 2 * time.Second,
	} {
		p := Eager(eagerness)
		if got := p.Silence(0); got != most {
			t.Errorf("%q waits for %v, want %v", eagerness, got, most)
		}
		last := p.Silence(0)
		for finished := 0.0; finished <= 1; finished += 0.01 {
			s := p.Silence(finished)
			if s > last || s < p.Least || p.Least < 100*time.Millisecond {
				t.Errorf("%q: %v of silence at %.2f after %v", eagerness, s, finished, last)
			}
			last = s
		}
	}
	if low, high := Eager("low"), Eager("high"); low.Least <= high.Least {
		t.Error("the least eager is not the most patient")
	}
}
