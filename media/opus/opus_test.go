package opus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"testing"

	"hark/media/jitter"
)

// sine returns n samples of a tone.
func sine(n, rate int, hz float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(0.5 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
	}
	return out
}

func power(s []float32) (sum float64) {
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(s))
}

// What is encoded at 48 kHz is heard at 16 kHz, in packets of one length.
func TestVoiceIsHeard(t *testing.T) {
	e, err := NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	tone := sine(50*FrameSamples, EncodedRate, 440)
	var heard []float32
	for i := 0; i < len(tone); i += FrameSamples {
		packet, err := e.Encode(tone[i : i+FrameSamples])
		if err != nil {
			t.Fatal(err)
		}
		if want := Bitrate / 50 / 8; len(packet) != want {
			t.Fatalf("packet of %d bytes, want %d", len(packet), want)
		}
		if n, err := Ticks(packet); err != nil || n != FrameSamples {
			t.Fatalf("%d ticks, %v", n, err)
		}
		s, err := d.Decode(packet)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, s...)
	}
	if len(heard) != len(tone)/3 {
		t.Fatalf("%d samples, want %d", len(heard), len(tone)/3)
	}
	// Fit the tone to a steady stretch: what is left is noise.
	stretch := heard[4000:12000]
	var re, im float64
	for i, v := range stretch {
		w := 2 * math.Pi * 440 * float64(i) / DecodedRate
		re, im = re+float64(v)*math.Cos(w), im+float64(v)*math.Sin(w)
	}
	n := float64(len(stretch))
	noise := power(stretch) - (re*re+im*im)*2/n/n
	if snr := 10 * math.Log10(power(stretch)/noise); snr < 30 || math.Abs(power(stretch)-0.125) > 0.02 {
		t.Errorf("SNR %.1f dB, power %.3f, want above 30 and about 0.125", snr, power(stretch))
	}
}

// Silence becomes one packet, again and again: it need not be encoded anew.
func TestSilenceSettles(t *testing.T) {
	e, err := NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(sine(FrameSamples, EncodedRate, 440)); err != nil {
		t.Fatal(err)
	}
	var last []byte
	for i := range 100 {
		packet, err := e.Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		if i > 50 && !bytes.Equal(packet, last) {
			t.Fatalf("packet %d of silence is not like the one before", i)
		}
		last = bytes.Clone(packet)
	}
}

// recording returns packets of libopus with a copy of each packet in the next:
// ffmpeg -i question-0.wav -c:a libopus -application voip -b:a 20k -fec 1
// -packet_loss 30, each packet behind its length in 16 bits.
func recording(t testing.TB) (packets [][]byte) {
	t.Helper()
	data, err := os.ReadFile("testdata/fec.packets")
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 2 {
		n := int(binary.LittleEndian.Uint16(data))
		packets, data = append(packets, data[2:2+n]), data[2+n:]
	}
	return packets
}

// A lost packet is better recovered from the next than concealed, and either
// way nothing moves in time.
func TestLostPacketsAreRecovered(t *testing.T) {
	packets := recording(t)
	decode := func(lose func(d *Decoder, next []byte) []float32) (out []float32) {
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range packets {
			if lose != nil && i%6 == 3 && i+1 < len(packets) {
				out = append(out, lose(d, packets[i+1])...)
				continue
			}
			out = append(out, d.Piece(jitter.Piece{Kind: jitter.Frame, Payload: p, Ticks: FrameSamples})...)
		}
		return out
	}
	whole := decode(nil)
	worse := func(got []float32) float64 {
		if len(got) != len(whole) {
			t.Fatalf("%d samples, want %d", len(got), len(whole))
		}
		diff := make([]float32, len(got))
		for i := range got {
			diff[i] = got[i] - whole[i]
		}
		return power(diff) / power(whole)
	}
	recovered := worse(decode(func(d *Decoder, next []byte) []float32 {
		return d.Piece(jitter.Piece{Kind: jitter.Lost, Payload: next, Ticks: FrameSamples})
	}))
	concealed := worse(decode(func(d *Decoder, _ []byte) []float32 {
		return d.Piece(jitter.Piece{Kind: jitter.Lost, Ticks: FrameSamples})
	}))
	silenced := worse(decode(func(d *Decoder, _ []byte) []float32 {
		return d.Piece(jitter.Piece{Kind: jitter.Silence, Ticks: FrameSamples})
	}))
	t.Logf("error by the power of the sound: recovered %.3f, concealed %.3f, silence %.3f", recovered, concealed, silenced)
	if recovered > concealed/2 || concealed > silenced {
		t.Errorf("recovered %.3f, concealed %.3f, silence %.3f", recovered, concealed, silenced)
	}
}

func TestConcealmentFadesAndHasItsLength(t *testing.T) {
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range recording(t)[20:40] {
		if _, err := d.Decode(p); err != nil {
			t.Fatal(err)
		}
	}
	for _, ticks := range []int{120, 480, 960, 2880, 5760, 9600, 999} {
		if got := len(d.Conceal(ticks)); got != ticks/ticksPerSample {
			t.Errorf("%d ticks became %d samples", ticks, got)
		}
	}
	if p := power(d.Conceal(4800)); p > 1e-4 {
		t.Errorf("power %g after half a second of loss", p)
	}
}

// FuzzDecode: no packet makes the decoder fail, nor what it makes be of another
// length than the packet says.
func FuzzDecode(f *testing.F) {
	for i, p := range recording(f) {
		if i%20 == 0 {
			f.Add(p)
		}
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, packet []byte) {
		d, err := NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		n, bad := Ticks(packet)
		s, err := d.Decode(packet)
		if err == nil && (bad != nil || len(s) != n/ticksPerSample) || err != nil && !errors.Is(err, ErrPacket) {
			t.Errorf("%d samples of %d ticks, %v, %v", len(s), n, err, bad)
		}
		if got := d.Recover(FrameSamples, packet); len(got) != FrameSamples/ticksPerSample {
			t.Errorf("recovered %d samples", len(got))
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	e, err := NewEncoder()
	if err != nil {
		b.Fatal(err)
	}
	tone := sine(FrameSamples, EncodedRate, 440)
	for b.Loop() {
		if _, err := e.Encode(tone); err != nil {
			b.Fatal(err)
		}
	}
}
