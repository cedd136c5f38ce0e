//go:build talk

package echo_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hark/audio"
	"hark/audio/echo"
	"hark/audio/echo/echotest"
	"hark/audio/resample"
	"hark/audio/sound"
	"hark/audio/vad"
)

// spoken returns samples of testdata one after another, at the canceller's
// rate.
func spoken(t testing.TB, names ...string) (all []float32) {
	t.Helper()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "samples", name+".wav"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := sound.Decode(data, &sound.Options{Rate: echo.Rate})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s...)
	}
	return all[:len(all)/echo.FrameSamples*echo.FrameSamples]
}

var agent = []string{"kiosk-0", "kiosk-1", "kiosk-2", "kiosk-3", "kiosk-4"}

func open(t testing.TB, o echo.Options) *echo.Canceller {
	t.Helper()
	c, err := echo.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// desk is a loudspeaker beside a microphone, louder there than the user.
func desk(delay float64) echotest.Options {
	return echotest.Options{Rate: int(echo.Rate), Delay: delay, Gain: 0.8, Decay: 0.25, Drive: 0.3, Noise: 0.0005, Seed: 7}
}

// mix plays far in a room while the user says near, and returns what the
// microphone heard and what is left of it.
func mix(c *echo.Canceller, room *echotest.Room, far, near []float32) (mic, clean []float32) {
	for i := 0; i+echo.FrameSamples <= len(far); i += echo.FrameSamples {
		m := room.Hear(far[i : i+echo.FrameSamples])
		for j := range m {
			if i+j < len(near) {
				m[j] += near[i+j]
			}
		}
		mic = append(mic, m...)
		clean = append(clean, c.Process(m, far[i:i+echo.FrameSamples])...)
	}
	return mic, clean
}

func decibel(x []float32) float64 {
	sum := 1e-12
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(len(x)))
}

// starts counts the runs of two or more frames that a server would take for
// the beginning of speech.
func starts(t testing.TB, x []float32) (n int) {
	t.Helper()
	r, err := resample.New(echo.Rate, audio.ModelRate)
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, f := range vad.New().Push(r.Push(x)) {
		if run++; f.Probability < 0.5 {
			run = 0
		}
		if run == 2 {
			n++
		}
	}
	return n
}

func TestEchoIsTakenOutAtAnyDelay(t *testing.T) {
	far := spoken(t, append(agent, agent...)...)
	half := len(far) / 2
	for _, delay := range []float64{0.003, 0.2, 0.8} {
		c := open(t, echo.Options{})
		mic, clean := mix(c, echotest.New(desk(delay)), far, nil)
		if off := c.Delay().Seconds() - delay; off < -0.01 || off > 0.035 {
			t.Errorf("delay %v is taken for %v", delay, c.Delay())
		}
		whole, erle := decibel(mic)-decibel(clean), decibel(mic[half:])-decibel(clean[half:])
		t.Logf("delay %v s: found %v, %.1f dB less in the second half, %.1f over all, speech begins %d times of %d", delay, c.Delay(), erle, whole, starts(t, clean), starts(t, mic))
		if erle < 25 {
			t.Errorf("delay %v s: %.1f dB less echo, want 25", delay, erle)
		}
		if n := starts(t, clean); n != 0 {
			t.Errorf("delay %v s: the rest of the echo begins speech %d times", delay, n)
		}
	}
}

func TestUserIsHeardOverTheVoice(t *testing.T) {
	far := spoken(t, append(agent, agent...)...)
	user := spoken(t, "question-0", "question-3")
	for i := range user {
		user[i] *= 0.7
	}
	c := open(t, echo.Options{})
	at := len(far) / 2 / echo.FrameSamples * echo.FrameSamples
	near := append(make([]float32, at), user...)
	_, clean := mix(c, echotest.New(desk(0.2)), far, near)
	said := clean[at : at+len(user)]
	loss := decibel(user) - decibel(said)
	t.Logf("the user is %.1f dB quieter; speech begins %d times, %d alone", loss, starts(t, said), starts(t, user))
	if loss > 8 || starts(t, said) == 0 {
		t.Errorf("the user is %.1f dB quieter and begins to speak %d times", loss, starts(t, said))
	}
}

func TestWithoutVoiceTheMicrophoneStaysAsItIs(t *testing.T) {
	user := spoken(t, "question-0")
	c := open(t, echo.Options{})
	_, clean := mix(c, echotest.New(echotest.Options{Rate: int(echo.Rate), Decay: 0.01}), make([]float32, len(user)), user)
	if off := decibel(user) - decibel(clean); math.Abs(off) > 0.5 {
		t.Errorf("the user alone is %.1f dB quieter", off)
	}
}

func TestLibraryThatIsNoneIsNamed(t *testing.T) {
	_, err := echo.New(echo.Options{Library: filepath.Join(t.TempDir(), "none.so")})
	if !errors.Is(err, echo.ErrNoLibrary) {
		t.Errorf("%v, want ErrNoLibrary", err)
	}
}

func BenchmarkProcess(b *testing.B) {
	far := spoken(b, agent...)
	c := open(b, echo.Options{})
	b.ReportAllocs()
	start, n := time.Now(), 0
	for b.Loop() {
		at := n * echo.FrameSamples % (len(far) - echo.FrameSamples)
		at -= at % echo.FrameSamples
		c.Process(far[at:at+echo.FrameSamples], far[at:at+echo.FrameSamples])
		n++
	}
	b.ReportMetric(float64(n)*0.02/time.Since(start).Seconds(), "x-realtime")
}
