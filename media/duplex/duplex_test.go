package duplex

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// ramp has samples that say which they are.
func ramp(from, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(from+i) / (1 << 20)
	}
	return out
}

func TestBothDirectionsStayTogetherHoweverTheyAreCut(t *testing.T) {
	for _, block := range []int{1, 77, FrameSamples, 1000} {
		l := NewLine()
		l.Play(ramp(0, 3000))
		var out []float32
		for at := 0; at < 4800; at += block {
			n := min(block, 4800-at)
			part := make([]float32, n)
			l.Exchange(ramp(at, n), part)
			out = append(out, part...)
		}
		for i, v := range out {
			want := float32(0)
			if i < 3000 {
				want = float32(i) / (1 << 20)
			}
			if v != want {
				t.Fatalf("blocks of %d: sample %d played is %v, want %v", block, i, v, want)
			}
		}
		for k := range 10 {
			f := <-l.Frames()
			if f.Start != int64(k*FrameSamples) {
				t.Fatalf("frame %d starts at %d", k, f.Start)
			}
			for i := range f.Mic {
				n := k*FrameSamples + i
				if f.Mic[i] != float32(n)/(1<<20) || n < 3000 && f.Far[i] != f.Mic[i] || n >= 3000 && f.Far[i] != 0 {
					t.Fatalf("frame %d, sample %d: %v and %v", k, i, f.Mic[i], f.Far[i])
				}
			}
		}
		if l.Played() != 3000 || l.Queued() != 0 {
			t.Errorf("played %d, queued %d", l.Played(), l.Queued())
		}
	}
}

// Where each direction has a clock of its own, they are late in turns and stay
// side by side all the same.
func TestDirectionsWithClocksOfTheirOwnStaySideBySide(t *testing.T) {
	l := NewLine()
	l.Push(ramp(0, 700)) // the microphone is first: it heard nothing of what plays
	l.Play(ramp(0, 9600))
	heard, offset := 700, -1
	for step := range 40 {
		if step%3 == 2 { // the loudspeaker comes three times every third step
			for range 3 {
				l.Pull(make([]float32, 480))
			}
		}
		if step%2 == 1 { // and the microphone every second time
			l.Push(ramp(heard, 960))
			heard += 960
		}
		for len(l.frames) > 0 {
			f := <-l.Frames()
			for i, v := range f.Far {
				if at := int(v*(1<<20) + 0.5); v != 0 {
					if is := int(f.Mic[i]*(1<<20)+0.5) - at; offset < 0 {
						offset = is
					} else if is != offset {
						t.Fatalf("sample %d played is beside sample %d heard, %d before", at, at+is, at+offset)
					}
				}
			}
		}
	}
	if offset < 0 || offset > slack {
		t.Errorf("the loudspeaker is %d samples behind", offset)
	}
	for range 10 { // the loudspeaker stops
		l.Push(ramp(heard, 960))
	}
	if len(l.mic) > slack+960 {
		t.Errorf("%d samples wait for a loudspeaker that has stopped", len(l.mic))
	}
}

func TestClearDropsWhatWasNotPlayed(t *testing.T) {
	l := NewLine()
	l.Play(ramp(0, 1000))
	l.Exchange(make([]float32, 300), make([]float32, 300))
	if n := l.Clear(); n != 700 || l.Queued() != 0 || l.Played() != 300 {
		t.Errorf("cleared %d, queued %d, played %d", n, l.Queued(), l.Played())
	}
	out := ramp(5, 100)
	l.Exchange(make([]float32, 100), out)
	for _, v := range out {
		if v != 0 {
			t.Fatal("cleared sound is played")
		}
	}
}

func TestLateFramesAreDroppedOldestFirst(t *testing.T) {
	l := NewLine()
	for range Ahead + 7 {
		l.Exchange(make([]float32, FrameSamples), make([]float32, FrameSamples))
	}
	if f := <-l.Frames(); f.Start != 7*FrameSamples || l.Dropped() != 7 {
		t.Errorf("the first frame starts at %d, %d were dropped", f.Start, l.Dropped())
	}
}

func TestClockKeepsItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, ticks, played := NewLine(), 0, 0
		l.Play(ramp(0, 10*FrameSamples))
		done := make(chan error)
		go func() {
			done <- l.RunClock(ctx, func([]float32) error { ticks++; return nil }, func(out []float32) error {
				if out[1] != 0 {
					played++
				}
				return nil
			})
		}()
		<-time.After(time.Second - time.Millisecond)
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || ticks != 50 || played != 10 {
			t.Errorf("%v after %d ticks, %d with sound", err, ticks, played)
		}
		broken := errors.New("broken")
		if err := l.RunClock(t.Context(), func([]float32) error { return broken }, nil); err != broken {
			t.Errorf("%v, want the error of the microphone", err)
		}
	})
}

// A device of another rate hears and plays the same, without a gap.
func TestBothDirectionsAreBroughtToTheRateOfTheDevice(t *testing.T) {
	for _, rate := range []int{16000, 24000, 44100, 48000} {
		l := NewLine()
		tone := func(i, rate int) float32 { return float32(0.5 * math.Sin(2*math.Pi*440*float64(i)/float64(rate))) }
		said := make([]float32, 2*int(Rate))
		for i := range said {
			said[i] = tone(i, int(Rate))
		}
		l.Play(said)
		e, err := newEar(l, rate)
		if err != nil {
			t.Fatal(err)
		}
		m, err := newMouth(l, rate)
		if err != nil {
			t.Fatal(err)
		}
		var played, heard []float32
		for at := 0; at < rate; at += 256 {
			in, out := make([]float32, 256), make([]float32, 256)
			for i := range in {
				in[i] = tone(at+i, rate)
			}
			m.pull(out)
			e.push(in)
			played = append(played, out...)
			for len(l.frames) > 0 {
				heard = append(heard, (<-l.Frames()).Mic...)
			}
		}
		for name, x := range map[string][]float32{"played": played[rate/10 : rate*9/10], "heard": heard[2400:21600]} {
			sum := 0.0
			for _, v := range x {
				sum += float64(v) * float64(v)
			}
			if rms := math.Sqrt(sum / float64(len(x))); math.Abs(rms-0.3535) > 0.005 {
				t.Errorf("%d Hz, %s: %v, want 0.3535: there are gaps", rate, name, rms)
			}
		}
	}
}

func TestDevicesAreNamed(t *testing.T) {
	all := []Device{
		{Number: 0, Name: "HDA Intel: ALC295 (hw:0,0)", Inputs: 2, Outputs: 2, DefaultInput: true},
		{Number: 1, Name: "USB Microphone", Inputs: 1},
		{Number: 2, Name: "USB Speaker", Outputs: 2, DefaultOutput: true},
	}
	for _, c := range []struct {
		name  string
		input bool
		want  int // -1: an error
	}{
		{"", true, 0}, {"", false, 2}, {"1", true, 1}, {"usb", true, 1}, {"USB speaker", false, 2}, {"hda", false, 0},
		{"1", false, -1}, {"none", true, -1}, {"7", true, -1},
	} {
		d, err := pick(all, c.name, c.input)
		if (err != nil) != (c.want < 0) || err == nil && d.Number != c.want || err != nil && !errors.Is(err, ErrNoDevice) {
			t.Errorf("%q, input %v: %v, %v, want %d", c.name, c.input, d, err, c.want)
		}
	}
	if _, err := pick(all[1:], "u", false); err != nil {
		t.Errorf("the only loudspeaker: %v", err)
	}
	if _, err := pick(append(all, all[1]), "usb m", true); !errors.Is(err, ErrNoDevice) {
		t.Errorf("two of one name: %v", err)
	}
	if _, err := pick(nil, "", true); !errors.Is(err, ErrNoDevice) {
		t.Errorf("no devices: %v", err)
	}
}
