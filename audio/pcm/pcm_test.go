package pcm

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

func newDecoder(t testing.TB, f Format) *Decoder {
	t.Helper()
	d, err := NewDecoder(f)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestPCM16RoundTripIsExact(t *testing.T) {
	t.Parallel()
	var data []byte
	for v := math.MinInt16; v <= math.MaxInt16; v++ {
		data = binary.LittleEndian.AppendUint16(data, uint16(v))
	}
	samples := newDecoder(t, PCM16).Push(data)
	if len(samples) != 65536 || samples[0] != -1 || samples[32768] != 0 || samples[65535] != 32767.0/32768 {
		t.Fatalf("%d samples, first %g, last %g", len(samples), samples[0], samples[len(samples)-1])
	}
	if !bytes.Equal(Append(nil, PCM16, samples), data) {
		t.Error("bytes changed on the way to samples and back")
	}
}

func TestAppendClipsAndRounds(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	inf := float32(math.Inf(1))
	in := []float32{0, 1, -1, 2, -2, inf, -inf, nan, 0.4 / 32768, 0.6 / 32768, -0.6 / 32768, 0.5 / 32768}
	want := []int16{0, 32767, -32768, 32767, -32768, 32767, -32768, 0, 0, 1, -1, 1}
	data := Append([]byte{9}, PCM16, in)
	if data[0] != 9 || len(data) != 1+2*len(in) {
		t.Fatalf("Append wrote % x", data)
	}
	for i, w := range want {
		if got := int16(binary.LittleEndian.Uint16(data[1+2*i:])); got != w {
			t.Errorf("%g becomes %d, want %d", in[i], got, w)
		}
	}
}

func TestPushPiecesEqualWhole(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{PCM16, MuLaw, ALaw} {
		for seed := range uint64(50) {
			random := rand.New(rand.NewPCG(seed, 5))
			data := make([]byte, random.IntN(300))
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			whole := newDecoder(t, format).Push(data)
			d := newDecoder(t, format)
			var pieces []float32
			for rest := data; len(rest) > 0; {
				n := random.IntN(min(len(rest), 7) + 1)
				pieces = append(pieces, d.Push(rest[:n])...)
				rest = rest[n:]
			}
			if !slices.Equal(whole, pieces) || len(whole) != len(data)/format.Bytes() {
				t.Fatalf("%v, seed %d: pieces differ from the whole", format, seed)
			}
			if got, want := d.Flush(), len(data)%format.Bytes(); got != want {
				t.Fatalf("%v: %d bytes left over, want %d", format, got, want)
			}
			if got := d.Push(nil); len(got) != 0 {
				t.Fatalf("%v: %d samples out of nothing", format, len(got))
			}
		}
	}
}

// TestKnownCodes checks the ends of both tables of G.711.
func TestKnownCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format Format
		code   byte
		step   float32
	}{
		{MuLaw, 0xff, 0}, {MuLaw, 0x7f, 0}, {MuLaw, 0x80, 32124}, {MuLaw, 0x00, -32124}, {MuLaw, 0xfe, 8},
		{ALaw, 0xd5, 8}, {ALaw, 0x55, -8}, {ALaw, 0xaa, 32256}, {ALaw, 0x2a, -32256},
	} {
		if got := newDecoder(t, c.format).Push([]byte{c.code})[0] * 32768; got != c.step {
			t.Errorf("%v %#02x = %g, want %g", c.format, c.code, got, c.step)
		}
	}
}

// TestEncodePicksTheIntervalOfTheStep walks over all 16-bit steps: the code's
// value is at most half an interval away, or the code is the last one.
func TestEncodePicksTheIntervalOfTheStep(t *testing.T) {
	t.Parallel()
	for v := math.MinInt16; v <= math.MaxInt16; v++ {
		magnitude := max(v, -v)
		code := encodeMuLaw(int16(v))
		far, half := 4*decodeMuLaw(code)-v, 4<<(^code>>4&7)
		if max(far, -far) > half && (magnitude < 4*muMax || code&0x7f != 0) {
			t.Fatalf("mu-law: %d becomes %#02x, %d away, half an interval is %d", v, code, far, half)
		}
		code = encodeALaw(int16(v))
		far, half = 8*decodeALaw(code)-v, 8
		if exponent := (code ^ aInvert) >> 4 & 7; exponent > 1 {
			half = 4 << exponent
		}
		if max(far, -far) > half {
			t.Fatalf("a-law: %d becomes %#02x, %d away, half an interval is %d", v, code, far, half)
		}
	}
}

func TestCodesSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	for _, format := range []Format{MuLaw, ALaw} {
		for code := range 256 {
			value := newDecoder(t, format).Push([]byte{byte(code)})[0]
			back := newDecoder(t, format).Push(Append(nil, format, []float32{value}))[0]
			if back != value {
				t.Errorf("%v %#02x: %g becomes %g", format, code, value, back)
			}
		}
	}
}

func TestNewDecoderRefusesUnknownFormats(t *testing.T) {
	t.Parallel()
	for _, f := range []Format{-1, 3} {
		if d, err := NewDecoder(f); err == nil || d != nil {
			t.Errorf("NewDecoder(%v) = %v, %v", f, d, err)
		}
	}
}

func TestPushDoesNotAllocateOnceWarm(t *testing.T) {
	d, data := newDecoder(t, PCM16), make([]byte, 960)
	d.Push(data)
	if n := testing.AllocsPerRun(100, func() { d.Push(data) }); n != 0 {
		t.Errorf("Push allocates %g times", n)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(0, []byte{1, 2, 3}, 1)
	f.Fuzz(func(t *testing.T, format int, data []byte, cut int) {
		d, err := NewDecoder(Format(format))
		if err != nil {
			return
		}
		cut = min(max(cut, 0), len(data))
		samples := slices.Clone(d.Push(data[:cut]))
		samples = append(samples, d.Push(data[cut:])...)
		if got, want := len(samples), len(data)/Format(format).Bytes(); got != want {
			t.Fatalf("%d samples from %d bytes of %v, want %d", got, len(data), Format(format), want)
		}
		for i, v := range samples {
			if !(v >= -1 && v < 1) {
				t.Fatalf("sample %d = %g", i, v)
			}
		}
	})
}

func BenchmarkPush(b *testing.B) {
	d, data := newDecoder(b, PCM16), make([]byte, 960)
	for b.Loop() {
		d.Push(data)
	}
	b.ReportMetric(float64(b.N)*0.02/b.Elapsed().Seconds(), "x-realtime")
}

// TestCodesEqualTheReference compares all codes with Python's audioop.
func TestCodesEqualTheReference(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/g711.json")
	if err != nil {
		t.Fatal(err)
	}
	var steps [2][256]float32
	if err := json.Unmarshal(data, &steps); err != nil {
		t.Fatal(err)
	}
	for code := range 256 {
		if got := muLaw[code] * 32768; got != steps[0][code] {
			t.Errorf("mu-law %#02x = %g, want %g", code, got, steps[0][code])
		}
		if got := aLaw[code] * 32768; got != steps[1][code] {
			t.Errorf("a-law %#02x = %g, want %g", code, got, steps[1][code])
		}
	}
}
