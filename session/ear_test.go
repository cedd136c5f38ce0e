package session

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hark/audio/pcm"
	"hark/audio/wav"
	"hark/session/realtime"
)

// sound is a sequence of speech and silence at 16 kHz: "silence 2s speech 1s".
func sound(t *testing.T, script string) []float32 {
	t.Helper()
	var out []float32
	words := strings.Fields(script)
	for i := 0; i+1 < len(words); i += 2 {
		d, err := time.ParseDuration(words[i+1])
		if err != nil {
			t.Fatal(err)
		}
		n := int(d.Seconds() * 16000)
		for j := range n {
			x := float32(0)
			if words[i] == "speech" {
				x = float32(0.5 * math.Sin(float64(j)/5))
			}
			out = append(out, x)
		}
	}
	return out
}

// listening is what came out of an ear.
type listening struct {
	log     []string // start AT, stop AT, with the samples between them
	samples int
	sum     float64
}

func (l *listening) found(h heard) {
	switch h.what {
	case heardStart:
		l.log = append(l.log, fmt.Sprintf("start %d", h.at))
		l.samples, l.sum = 0, 0
	case heardSound:
		for i, x := range h.samples {
			l.sum += float64(x) * float64(l.samples+i+1)
		}
		l.samples += len(h.samples)
	case heardLikely:
		l.log = append(l.log, fmt.Sprintf("likely after %d samples", l.samples))
	case heardResumed:
		l.log = append(l.log, fmt.Sprintf("resumed after %d samples", l.samples))
	case heardStop:
		l.log = append(l.log, fmt.Sprintf("%d samples, sum %.3f", l.samples, l.sum), fmt.Sprintf("stop %d", h.at))
	}
}

func TestEarGivesTheSameTurnsHoweverSoundComesIn(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, detection := range []*realtime.TurnDetection{nil, realtime.DefaultServerVAD(),
		{Type: realtime.ServerVAD, Threshold: 0.5, SilenceDuration: 100 * time.Millisecond, PrefixPadding: time.Second},
		{Type: realtime.SemanticVAD, Eagerness: "high"}} {
		for _, script := range []string{
			"silence 2s speech 1s silence 3s speech 700ms silence 2s",
			"speech 400ms silence 350ms speech 400ms silence 400ms",
			"silence 500ms",
			"speech 2s",
		} {
			samples := sound(t, script)
			hear := func(cut func() int) []string {
				e := newEar(&loudness{}, 30*16000)
				e.machine.Options, e.before = turnOptions(detection)
				var l listening
				for rest := samples; len(rest) > 0; {
					n := min(cut(), len(rest))
					e.push(rest[:n], l.found)
					rest = rest[n:]
				}
				e.commit(l.found)
				return l.log
			}
			want := hear(func() int { return 320 })
			for _, cut := range []func() int{
				func() int { return len(samples) },
				func() int { return 1 + rng.IntN(4000) },
				func() int { return 1 },
			} {
				if got := hear(cut); !slices.Equal(got, want) {
					t.Errorf("%s:\n got %v\nwant %v", script, got, want)
				}
			}
		}
	}
}

func TestTrailingSilenceChangesNothing(t *testing.T) {
	hear := func(script string) []string {
		e := newEar(&loudness{}, 30*16000)
		e.machine.Options, e.before = turnOptions(nil)
		var l listening
		e.push(sound(t, script), l.found)
		e.commit(l.found)
		return l.log[:2] // without the place of the commit
	}
	want := hear("silence 1s speech 1s silence 340ms")
	for _, script := range []string{
		"silence 1s speech 1s silence 350ms",
		"silence 1s speech 1s silence 1s",
		"silence 1s speech 1s silence 8s",
		"silence 1s speech 1s silence 2m",
	} {
		if got := hear(script); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", script, got, want)
		}
	}
	first := hear("silence 400ms speech 1s silence 340ms")
	for _, script := range []string{"silence 1424ms speech 1s silence 1s", "silence 10640ms speech 1s silence 1s"} {
		// A shift by whole frames: the same samples, at another place.
		if got := hear(script); got[1] != first[1] {
			t.Errorf("%s: %v, want %v", script, got, first)
		}
	}
}

func TestNothingIsHeardBehindTheLikelyEnd(t *testing.T) {
	e := newEar(&loudness{}, 30*16000)
	e.machine.Options, e.before = turnOptions(realtime.DefaultServerVAD())
	var l listening
	e.push(sound(t, "speech 512ms silence 384ms speech 512ms silence 1s"), l.found)
	want := []string{
		"start 0",
		fmt.Sprintf("likely after %d samples", 16000*(512+224)/1000),
		fmt.Sprintf("resumed after %d samples", 16000*(512+224)/1000),
		fmt.Sprintf("likely after %d samples", 16000*(512+384+512+224)/1000),
		fmt.Sprintf("%d samples, sum %.3f", l.samples, l.sum),
		"stop 30528",
	}
	if !slices.Equal(l.log, want) {
		t.Errorf("%q\nwant %q", l.log, want)
	}
	if want := 16000 * (512 + 384 + 512 + 224) / 1000; l.samples != want {
		t.Errorf("%d samples heard, want %d", l.samples, want)
	}
}

func TestPausesInsideAreHeard(t *testing.T) {
	e := newEar(&loudness{}, 30*16000)
	e.machine.Options, e.before = turnOptions(nil)
	var l listening
	e.push(sound(t, "speech 512ms silence 5120ms speech 512ms silence 5s"), l.found)
	e.commit(l.found)
	if want := 16000*(512+5120+512)/1000 + 3584; l.samples != want {
		t.Errorf("%d samples heard, want %d", l.samples, want)
	}
}

func TestQuietBufferKeepsTheNewest(t *testing.T) {
	e := newEar(&loudness{}, 16000)
	e.machine.Options, e.before = turnOptions(nil)
	var l listening
	for range 100 {
		e.push(make([]float32, 1600), l.found)
	}
	if len(e.held) != 16000 {
		t.Errorf("%d samples held, want 16000", len(e.held))
	}
	e.commit(l.found)
	if l.samples != 16000 {
		t.Errorf("%d samples heard, want the last 16000", l.samples)
	}
	if !e.empty() || e.length() != 0 {
		t.Error("not empty after the commit")
	}
}

func TestSecondTurnDoesNotHearTheFirst(t *testing.T) {
	e := newEar(&loudness{}, 30*16000)
	e.machine.Options, e.before = turnOptions(&realtime.TurnDetection{Type: realtime.ServerVAD, Threshold: 0.5,
		SilenceDuration: 64 * time.Millisecond, PrefixPadding: 10 * time.Second})
	var total int
	count := func(h heard) { total += len(h.samples) }
	samples := sound(t, "speech 1s silence 200ms speech 1s silence 200ms speech 1s silence 1s")
	e.push(samples, count)
	if total > len(samples) {
		t.Errorf("%d samples heard of %d", total, len(samples))
	}
}

func TestEarTakesEveryFormat(t *testing.T) {
	for _, tt := range []struct {
		format realtime.Format
		kind   pcm.Format
	}{
		{realtime.Format{Codec: realtime.CodecPCM, Rate: 24000}, pcm.PCM16},
		{realtime.Format{Codec: realtime.CodecPCM, Rate: 16000}, pcm.PCM16},
		{realtime.Format{Codec: realtime.CodecULaw, Rate: 8000}, pcm.MuLaw},
		{realtime.Format{Codec: realtime.CodecALaw, Rate: 8000}, pcm.ALaw},
	} {
		e := newEar(&loudness{}, 30*16000)
		if err := e.configure(tt.format, nil); err != nil {
			t.Fatal(err)
		}
		tone := make([]float32, tt.format.Rate)
		for i := range tone {
			tone[i] = float32(0.5 * math.Sin(2*math.Pi*440*float64(i)/float64(tt.format.Rate)))
		}
		data := pcm.Append(nil, tt.kind, tone)
		var l listening
		for len(data) > 0 { // odd pieces: half samples are kept
			n := min(333, len(data))
			e.appendBytes(data[:n], l.found)
			data = data[n:]
		}
		if got := e.length(); got < 15900 || got > 16000 {
			t.Errorf("%v: %d samples of a second", tt.format, got)
		}
		if !e.open {
			t.Errorf("%v: the tone was not heard", tt.format)
		}
	}
}

// TestSemanticTurnsOutlastAPause is about a spoken question that is broken off
// for 1.2 s: a silence of 500 ms takes that for its end, the estimate does not,
// and is no slower at the real one.
func TestSemanticTurnsOutlastAPause(t *testing.T) {
	data, err := os.ReadFile("../testdata/samples/question-3.wav")
	if err != nil {
		t.Fatal(err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	const at = 20000
	samples := slices.Concat(make([]float32, 8000), clip.Samples[:at], make([]float32, 19200), clip.Samples[at:], make([]float32, 16000))
	stops := func(detection *realtime.TurnDetection) (out []int64) {
		e := newEar(NewDetector(), 30*16000)
		e.machine.Options, e.before = turnOptions(detection)
		e.push(samples, func(h heard) {
			if h.what == heardStop {
				out = append(out, h.at)
			}
		})
		return out
	}
	server := stops(realtime.DefaultServerVAD())
	if len(server) != 2 {
		t.Fatalf("server_vad stops at %v, want twice", server)
	}
	for _, eagerness := range []string{"medium", "auto"} {
		semantic := stops(&realtime.TurnDetection{Type: realtime.SemanticVAD, Eagerness: eagerness})
		if len(semantic) != 1 || semantic[0] > server[1] {
			t.Errorf("eagerness %s stops at %v, want once and not after %d", eagerness, semantic, server[1])
		}
	}
}
