package pipe

import (
	"errors"
	"io"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"hark/internal/leak"
	"hark/media"
	"hark/media/mediatest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// far is a program as the suite of connections wants it. A process cannot
// vanish from itself: instead the session's end breaks.
type far struct {
	*Program
	conn *Conn
}

func (f far) Vanish() { f.conn.Close(1006, "") }

func TestConn(t *testing.T) {
	mediatest.TestConn(t, func(*testing.T) (media.Conn, mediatest.Client) {
		conn, program := New(nil)
		return conn, far{program, conn}
	})
}

func TestSoundAndPicturesArriveAsTheyAre(t *testing.T) {
	conn, program := New(nil)
	defer conn.Close(1000, "")
	if err := errors.Join(program.Hear(media.Audio{Rate: 48000, Samples: []float32{1, 2}}), program.See(media.Picture("JPEG"))); err != nil {
		t.Fatal(err)
	}
	p, err := conn.Recv(t.Context())
	if a, ok := p.(media.Audio); !ok || err != nil || a.Rate != 48000 || len(a.Samples) != 2 {
		t.Errorf("first packet = %v, %v, want the sound", p, err)
	}
	p, err = conn.Recv(t.Context())
	if frame, ok := p.(media.Picture); !ok || err != nil || string(frame) != "JPEG" {
		t.Errorf("second packet = %v, %v, want the picture", p, err)
	}
}

func TestReadGivesTheVoiceAtTheRateOfTheProgram(t *testing.T) {
	conn, program := New(&Options{Rate: 48000})
	defer conn.Close(1000, "")
	tone := make([]float32, 2400) // 0.1 s of 440 Hz
	for i := range tone {
		tone[i] = float32(math.Sin(2 * math.Pi * 440 * float64(i) / 24000))
	}
	for _, part := range [][]float32{tone[:1000], tone[1000:]} {
		if err := conn.Play(media.Audio{Rate: 24000, Samples: part}); err != nil {
			t.Fatal(err)
		}
	}
	if q := conn.Queued(); q < 95*time.Millisecond || q > 100*time.Millisecond {
		t.Errorf("Queued = %v, want 0.1 s less the filter", q)
	}
	buffer := make([]float32, 480)
	read := 0
	for n := program.Read(buffer); n > 0; n = program.Read(buffer) {
		for i, got := range buffer[:n] {
			at := read + i
			want := math.Sin(2 * math.Pi * 440 * float64(at) / 48000)
			if at > 200 && at < 4600 && math.Abs(float64(got)-want) > 0.01 {
				t.Fatalf("sample %d = %v, want %v", at, got, want)
			}
		}
		read += n
	}
	if read < 4600 || read > 4800 {
		t.Errorf("read %d samples, want about 4800", read)
	}
	if err := conn.Play(media.Audio{Rate: 100, Samples: tone}); err == nil {
		t.Error("a rate of 100 is no error")
	}
}

func TestClearDropsWhatWasNotRead(t *testing.T) {
	conn, program := New(nil)
	defer conn.Close(1000, "")
	if err := conn.Play(media.Audio{Rate: 24000, Samples: make([]float32, 24000)}); err != nil {
		t.Fatal(err)
	}
	program.Read(make([]float32, 6000))
	if left := conn.Clear(); left != 750*time.Millisecond {
		t.Errorf("Clear = %v, want 0.75 s", left)
	}
	if n := program.Read(make([]float32, 10)); n != 0 || conn.Queued() != 0 {
		t.Errorf("%d samples are left", n)
	}
}

func TestAProgramThatDoesNotReadIsTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, program := New(nil)
		for range Queue {
			if err := conn.Send(t.Context(), media.Event("{}")); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		if err := conn.Send(t.Context(), media.Event("{}")); !errors.Is(err, ErrSlow) || time.Since(begin) != SlowAfter {
			t.Errorf("Send = %v after %v, want %v after %v", err, time.Since(begin), ErrSlow, SlowAfter)
		}
		conn.Close(1008, "slow")
		if err := program.Send([]byte("{}")); !errors.Is(err, ErrClosed) {
			t.Errorf("Send after the end = %v", err)
		}
		for range Queue {
			if _, err := program.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := program.Recv(); err != io.EOF {
			t.Errorf("Recv = %v, want io.EOF", err)
		}
	})
}

func TestAProgramThatLeftGetsNothing(t *testing.T) {
	conn, program := New(nil)
	program.Close()
	if _, err := program.Recv(); !errors.Is(err, ErrClosed) {
		t.Errorf("Recv = %v, want %v", err, ErrClosed)
	}
	if err := conn.Send(t.Context(), media.Event("{}")); !errors.Is(err, ErrClosed) {
		t.Errorf("Send = %v, want %v", err, ErrClosed)
	}
	if err := conn.Send(t.Context(), media.Audio{}); err == nil {
		t.Error("sound is sent as an event")
	}
}
