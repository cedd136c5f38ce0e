package rtc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/jpeg"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"

	"hark/internal/leak"
	"hark/media"
	"hark/media/jitter"
	"hark/media/mediatest"
	"hark/media/opus"
	"hark/media/rtc/phone"
)

func TestMain(m *testing.M) { leak.Main(m) }

// open opens a host on loopback until the test ends.
func open(t *testing.T, o Options) *Host {
	t.Helper()
	if o.Addr == "" && o.net == nil {
		o.Addr = "127.0.0.1:0"
	}
	h, err := NewHost(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// connect makes a call.
func connect(t *testing.T, h *Host, o phone.Options) (*Conn, *phone.Phone) {
	t.Helper()
	var conn *Conn
	o.Exchange = func(ctx context.Context, offer string) (answer string, err error) {
		conn, answer, err = h.Answer(ctx, offer)
		return answer, err
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	p, err := phone.Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.Close(), conn.Close(closeNormal, "")); err != nil {
			t.Error(err)
		}
	})
	return conn, p
}

// far is the client's end, as the suite of transports wants it.
type far struct {
	p      *phone.Phone
	mu     sync.Mutex
	code   int
	reason string
}

func (f *far) Send(event []byte) error { return f.p.Send(event) }

func (f *far) Recv() ([]byte, error) {
	data, err := f.p.Recv(context.Background())
	var last errorEvent
	if err == nil && json.Unmarshal(data, &last) == nil && last.Error.Code == "session_closed" {
		f.mu.Lock()
		f.code, f.reason = last.Error.Close, last.Error.Message
		f.mu.Unlock()
		return f.Recv()
	}
	return data, err
}

func (f *far) Close() error { return f.p.Close() }

// Vanish is a machine that is switched off: nothing more comes of it.
func (f *far) Vanish() { f.p.Vanish() }

func (f *far) CloseCode() (int, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.code, f.reason
}

func TestConn(t *testing.T) {
	h := open(t, Options{QuietAfter: 500 * time.Millisecond, GoneAfter: 500 * time.Millisecond})
	mediatest.TestConn(t, func(t *testing.T) (media.Conn, mediatest.Client) {
		conn, p := connect(t, h, phone.Options{MaxEvent: MaxEvent})
		return conn, &far{p: p}
	})
}

func TestClientThatNeverComesIsGivenUp(t *testing.T) {
	h := open(t, Options{ConnectTimeout: 50 * time.Millisecond})
	offer, err := os.ReadFile("testdata/offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := h.Answer(t.Context(), string(offer))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := conn.Recv(t.Context()); !errors.Is(err, ErrNever) {
		t.Errorf("Recv = %v, %v, want ErrNever", p, err)
	}
	if err := conn.Close(1001, "too late"); err != nil {
		t.Error(err)
	}
}

// A browser that hides its addresses behind names of mDNS is reached
// nevertheless: it is the one that comes.
func TestOffersOfBrowsersAreAnswered(t *testing.T) {
	h := open(t, Options{})
	data, err := os.ReadFile("testdata/offer.sdp")
	if err != nil {
		t.Fatal(err)
	}
	offer := string(data)
	hidden := "a=candidate:1 1 udp 2113937151 3b4c5d6e-0000-4000-8000-123456789abc.local 54321 typ host\r\n"
	for name, sdp := range map[string]string{
		"as it is":       offer,
		"mDNS":           strings.ReplaceAll(offer, "a=ice-options", hidden+"a=ice-options"),
		"sound alone":    strings.Replace(offer[:strings.Index(offer, "m=video")], "BUNDLE 0 1 2", "BUNDLE 0", 1),
		"events alone":   strings.Replace(offer[:strings.Index(offer, "m=audio")]+offer[strings.Index(offer, "m=application"):], "BUNDLE 0 1 2", "BUNDLE 2", 1),
		"receiving only": strings.ReplaceAll(offer, "a=sendrecv", "a=recvonly"),
	} {
		conn, answer, err := h.Answer(t.Context(), sdp)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(answer, " typ host") || strings.Contains(answer, ".local") {
			t.Errorf("%s: answer\n%s", name, answer)
		}
		if err := conn.Close(closeNormal, ""); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "v=0\r\n", strings.Repeat("x", MaxOffer+1), strings.ReplaceAll(offer, "a=ice-ufrag", "a=x"), strings.ReplaceAll(offer, "a=fingerprint", "a=x"),
		offer + strings.Repeat(hidden, maxCandidates+1), offer + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", 20)} {
		if _, _, err := h.Answer(t.Context(), bad); !errors.Is(err, ErrOffer) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

// An event that is longer than the client takes is not sent; the client is
// told which it was.
func TestEventsKeepToTheClientsLimit(t *testing.T) {
	conn, p := connect(t, open(t, Options{}), phone.Options{MaxEvent: 64 << 10})
	large := append([]byte(`{"type":"conversation.item.retrieved","event_id":"e1","x":"`), bytes.Repeat([]byte("a"), 70<<10)...)
	if err := errors.Join(conn.Send(t.Context(), media.Event(append(large, `"}`...))), conn.Send(t.Context(), media.Event(`{"type":"after"}`))); err != nil {
		t.Fatal(err)
	}
	first, err := p.Recv(t.Context())
	if err != nil || !strings.Contains(string(first), `"code":"event_too_large"`) || !strings.Contains(string(first), "conversation.item.retrieved has") {
		t.Errorf("%s, %v", first, err)
	}
	if second, err := p.Recv(t.Context()); err != nil || string(second) != `{"type":"after"}` {
		t.Errorf("%s, %v", second, err)
	}
}

// There is one channel of events; a further one is closed, and harms nobody.
func TestSecondChannelIsClosed(t *testing.T) {
	conn, p := connect(t, open(t, Options{}), phone.Options{})
	second, err := p.PC.CreateDataChannel("more", nil)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	second.OnClose(func() { close(closed) })
	<-closed
	for _, text := range []string{"one", strings.Repeat("a", large+1), strings.Repeat("b", large+1)} {
		go p.Send([]byte(text))
		if got, err := conn.Recv(t.Context()); err != nil || string(got.(media.Event)) != text {
			t.Errorf("%d bytes, %v", len(text), err)
		}
	}
}

// A client that takes nothing is closed: nothing is dropped, and nobody waits
// for it for ever.
func TestSlowClientIsClosed(t *testing.T) {
	conn, _ := connect(t, open(t, Options{SlowAfter: 100 * time.Millisecond}), phone.Options{MaxEvent: MaxEvent, Deaf: true})
	event := media.Event(`"` + strings.Repeat("a", 100<<10) + `"`)
	for range 1000 {
		if err := conn.Send(t.Context(), event); err != nil {
			if !errors.Is(err, ErrSlow) {
				t.Error(err)
			}
			return
		}
	}
	t.Error("100 MB were sent to a client that reads nothing")
}

// What is played goes out at the pace of the clock, silence before and after
// it; Clear drops what has not been sent.
func TestVoiceIsPaced(t *testing.T) {
	var mu sync.Mutex
	loud := 0
	conn, _ := connect(t, open(t, Options{}), phone.Options{Heard: func(s []float32) {
		mu.Lock()
		defer mu.Unlock()
		for _, v := range s {
			if v > 0.1 || v < -0.1 {
				loud++
			}
		}
	}})
	square := make([]float32, 24000)
	for i := range square {
		square[i] = 0.5 * float32(1-2*(i/60%2))
	}
	if err := conn.Play(media.Audio{Rate: 24000, Samples: square}); err != nil {
		t.Fatal(err)
	}
	if q := conn.Queued(); q < 900*time.Millisecond || q > time.Second {
		t.Errorf("%v are queued", q)
	}
	began := time.Now()
	for conn.Queued() > 500*time.Millisecond {
		<-time.After(5 * time.Millisecond)
	}
	if d := time.Since(began); d < 400*time.Millisecond {
		t.Errorf("half a second was sent in %v", d)
	}
	if left := conn.Clear(); left < 300*time.Millisecond || left > 500*time.Millisecond || conn.Queued() != 0 {
		t.Errorf("%v were dropped, %v are left", left, conn.Queued())
	}
	<-time.After(300 * time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	if heard := time.Duration(loud) * time.Second / opus.DecodedRate; heard < 400*time.Millisecond || heard > 750*time.Millisecond {
		t.Errorf("%v were heard", heard)
	}
	if conn.Play(media.Audio{Rate: 1}) == nil {
		t.Error("a rate of 1 is played")
	}
}

// A camera is asked for keyframes, and the newest is a picture.
func TestCameraIsSeen(t *testing.T) {
	conn, p := connect(t, open(t, Options{}), phone.Options{Camera: true})
	frame, err := os.ReadFile("../video/testdata/keyframe.vp8")
	if err != nil {
		t.Fatal(err)
	}
	conn.Watch(true)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		number := uint16(0)
		for time := uint32(0); ; time += 3000 {
			for at := 0; at < len(frame); at += 1000 {
				head := byte(0)
				if at == 0 {
					head = 0x10
				}
				end := min(at+1000, len(frame))
				number++
				if p.Show(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: number, Timestamp: time, Marker: end == len(frame)},
					Payload: append([]byte{head}, frame[at:end]...)}) != nil {
					return
				}
			}
			select {
			case <-p.Wanted(): // a keyframe
			case <-stop:
				return
			}
		}
	})
	began, n := time.Now(), 0
	for n < 4 {
		packet, err := conn.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		picture, ok := packet.(media.Picture)
		if !ok {
			continue
		}
		n++
		if c, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || c.Width != 528 || c.Height != 288 {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if d := time.Since(began); d < 700*time.Millisecond {
		t.Errorf("4 pictures in %v, at most three a second are asked for", d)
	}
}

// A microphone's sound comes as it is sent, and as silence where nothing is.
func TestMicrophoneIsHeard(t *testing.T) {
	conn, p := connect(t, open(t, Options{}), phone.Options{})
	tone := make([]float32, opus.FrameSamples)
	for i := range tone {
		tone[i] = 0.5 * float32(1-2*(i/60%2))
	}
	for range 25 { // half a second, then nothing
		if err := p.Say(tone); err != nil {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
	loud, all := 0, 0
	for all < opus.DecodedRate {
		packet, err := conn.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if a, ok := packet.(media.Audio); ok {
			for _, v := range a.Samples {
				all++
				if v > 0.1 || v < -0.1 {
					loud++
				}
			}
		}
	}
	if d := time.Duration(loud) * time.Second / opus.DecodedRate; d < 400*time.Millisecond || d > 520*time.Millisecond {
		t.Errorf("%v of half a second were heard", d)
	}
	p.Close()
	for {
		if _, err := conn.Recv(t.Context()); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzOffer: whatever is offered is refused as such, or answered.
func FuzzOffer(f *testing.F) {
	data, err := os.ReadFile("testdata/offer.sdp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add("v=0\r\n")
	h, err := NewHost(Options{Addr: "127.0.0.1:0"})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { h.Close() })
	f.Fuzz(func(t *testing.T, offer string) {
		conn, answer, err := h.Answer(t.Context(), offer)
		if err != nil {
			if !errors.Is(err, ErrOffer) {
				t.Error(err)
			}
			return
		}
		if !strings.HasPrefix(answer, "v=0") {
			t.Errorf("answer %q", answer)
		}
		if err := conn.Close(closeNormal, ""); err != nil {
			t.Error(err)
		}
	})
}

// FuzzSoundPacket: whatever comes as RTP, its sound is as long as it says.
func FuzzSoundPacket(f *testing.F) {
	head := []byte{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}
	f.Add(append(head, 0xfc, 1, 2), false)
	f.Add(append(head, 0x80|111, 0x0f, 0, 3, 111, 0xfc, 1, 2, 0xfc, 3), true)
	f.Fuzz(func(t *testing.T, data []byte, red bool) {
		b := jitter.New(opus.Clock)
		b.Push(jitter.Packet{Ticks: 960, Payload: []byte{0xfc}}, 0)
		pushSound(b, data, red, 0)
		for {
			p, ok := b.Pop(time.Second)
			if !ok {
				return
			}
			if p.Ticks < 1 || p.Kind == jitter.Frame && (p.Ticks > 5760 || len(p.Payload) == 0) {
				t.Fatalf("%+v", p)
			}
		}
	})
}
