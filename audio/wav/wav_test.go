package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// chunk returns a chunk with the given size field, padded to even length.
func chunk(id string, size uint32, body []byte) []byte {
	out := append([]byte(id), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(out[4:], size)
	out = append(out, body...)
	if len(body)%2 == 1 {
		out = append(out, 0)
	}
	return out
}

// sized is chunk with its true size.
func sized(id string, body []byte) []byte { return chunk(id, uint32(len(body)), body) }

// file joins chunks to a file.
func file(chunks ...[]byte) []byte {
	return append([]byte("RIFF\xff\xff\xff\xffWAVE"), bytes.Join(chunks, nil)...)
}

// header returns a chunk "fmt "; extensible gives it the long form.
func header(format, channels, rate, bits int, extensible bool) []byte {
	le := binary.LittleEndian
	tag := format
	if extensible {
		tag = formatExtensible
	}
	width := channels * ((bits + 7) / 8)
	out := le.AppendUint16(nil, uint16(tag))
	out = le.AppendUint16(out, uint16(channels))
	out = le.AppendUint32(out, uint32(rate))
	out = le.AppendUint32(out, uint32(rate*width))
	out = le.AppendUint16(out, uint16(width))
	out = le.AppendUint16(out, uint16(bits))
	if extensible {
		out = le.AppendUint16(out, 22)
		out = le.AppendUint16(out, uint16(bits))
		out = le.AppendUint32(out, 4)
		out = le.AppendUint16(out, uint16(format))
		out = append(out, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"...)
	}
	return sized("fmt ", out)
}

func float64s(values ...float64) (out []byte) {
	for _, v := range values {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
	}
	return out
}

func float32s(values ...float32) (out []byte) {
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func TestDecodeFormats(t *testing.T) {
	t.Parallel()
	list := sized("LIST", []byte("INFOISFT\x03\x00\x00\x00abc")) // odd length
	two := []byte{0x00, 0x40, 0x00, 0xc0, 0xff, 0x7f}
	for _, c := range []struct {
		name string
		data []byte
		want []float32
	}{
		{"8 bits", file(header(1, 1, 8000, 8, false), sized("data", []byte{0, 128, 192})), []float32{-1, 0, 0.5}},
		{"mu-law", file(header(formatMuLaw, 1, 8000, 8, false), sized("data", []byte{0xff, 0x80, 0x00})), []float32{0, 32124.0 / 32768, -32124.0 / 32768}},
		{"A-law", file(header(formatALaw, 1, 8000, 8, true), sized("data", []byte{0xd5, 0xaa})), []float32{8.0 / 32768, 32256.0 / 32768}},
		{"16 bits", file(header(1, 1, 8000, 16, false), sized("data", two)), []float32{0.5, -0.5, 32767.0 / 32768}},
		{"24 bits", file(header(1, 1, 8000, 24, false), sized("data", []byte{0, 0, 0x80, 0, 0, 0x20, 1, 0, 0})), []float32{-1, 0.25, 1.0 / (1 << 23)}},
		{"32 bits", file(header(1, 1, 8000, 32, false), sized("data", []byte{0, 0, 0, 0xe0, 0, 0, 0, 0x40})), []float32{-0.25, 0.5}},
		{"float32", file(header(3, 1, 8000, 32, false), sized("data", float32s(0.1, -1.5))), []float32{0.1, -1.5}},
		{"float64", file(header(3, 1, 8000, 64, false), sized("data", float64s(0.1, -1))), []float32{0.1, -1}},
		{"extensible", file(header(1, 1, 8000, 16, true), sized("data", two)), []float32{0.5, -0.5, 32767.0 / 32768}},
		{"extensible float", file(header(3, 1, 8000, 32, true), sized("data", float32s(0.25))), []float32{0.25}},
		{"three channels", file(header(3, 3, 8000, 32, false), sized("data", float32s(1, 0.5, 0, -1, -1, -1))), []float32{0.5, -1}},
		{"other chunks", file(list, header(1, 1, 8000, 16, false), list, sized("fact", []byte{1}), sized("data", two), list), []float32{0.5, -0.5, 32767.0 / 32768}},
		{"size 0", file(header(1, 1, 8000, 16, false), chunk("data", 0, two)), []float32{0.5, -0.5, 32767.0 / 32768}},
		{"size -1", file(header(1, 1, 8000, 16, false), chunk("data", math.MaxUint32, two)), []float32{0.5, -0.5, 32767.0 / 32768}},
		{"cut short", file(header(1, 1, 8000, 16, false), chunk("data", 1000, two[:5])), []float32{0.5, -0.5, 0}},
		{"half a sample", file(header(1, 1, 8000, 16, false), sized("data", two[:3])), []float32{0.5}},
		{"empty", file(header(1, 1, 8000, 16, false), sized("data", nil)), nil},
		{"empty with a tail", file(header(1, 1, 8000, 16, false), sized("data", nil), list), nil},
	} {
		if c.name == "cut short" {
			c.data = c.data[:len(c.data)-1] // without the padding
			c.want = c.want[:2]
		}
		clip, err := Decode(c.data, nil)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(clip.Samples, c.want) || clip.Rate != 8000 {
			t.Errorf("%s: %v at %d, want %v at 8000", c.name, clip.Samples, clip.Rate, c.want)
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	data := sized("data", []byte{1, 2})
	bad := header(1, 1, 8000, 16, false)
	bad[8+12] = 7 // bytes a frame
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"nothing", "0 bytes do not begin with RIFF", nil},
		{"other file", "do not begin with RIFF", []byte("ID3 and some more bytes")},
		{"no format", "no chunk fmt", file()},
		{"no data", "no chunk data", file(header(1, 1, 8000, 16, false))},
		{"data first", "before chunk fmt", file(data)},
		{"short format", "want at least 16", file(sized("fmt ", make([]byte, 14)), data)},
		{"format past the end", "14 are left", file(chunk("fmt ", 16, make([]byte, 14)))},
		{"short extensible", "want 40", file(sized("fmt ", append([]byte{0xfe, 0xff}, make([]byte, 16)...)), data)},
		{"ADPCM", "format 0x0011 of 4 bits", file(header(0x11, 1, 8000, 4, false), data)},
		{"48 bits", "format 0x0001 of 48 bits", file(header(1, 1, 8000, 48, false), data)},
		{"float16", "format 0x0003 of 16 bits", file(header(3, 1, 8000, 16, false), data)},
		{"no channels", "0 channels", file(header(1, 0, 8000, 16, false), data)},
		{"many channels", "65 channels", file(header(1, 65, 8000, 16, false), data)},
		{"no rate", "rate 0", file(header(1, 1, 0, 16, false), data)},
		{"frame size", "7 bytes a frame", file(bad, data)},
		{"not a number", "sample 1 is NaN", file(header(3, 1, 8000, 32, false), sized("data", float32s(0, float32(math.NaN()))))},
		{"infinite", "sample 0 is +Inf", file(header(3, 1, 8000, 64, false), sized("data", float64s(math.Inf(1))))},
	} {
		clip, err := Decode(c.data, nil)
		if err == nil || clip != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "wav: ") {
			t.Errorf("%s: %v, %v, want an error with %q", c.name, clip, err, c.want)
		}
	}
}

func TestDecodeLimitsTheDuration(t *testing.T) {
	t.Parallel()
	data := Encode(8000, make([]float32, 16001))
	if _, err := Decode(data, &Options{MaxSeconds: 2}); !errors.Is(err, ErrTooLong) {
		t.Errorf("2.0001 s with a limit of 2 s: %v, want ErrTooLong", err)
	}
	for _, limit := range []float64{0, 2.1, -1} {
		if _, err := Decode(data, &Options{MaxSeconds: limit}); err != nil {
			t.Errorf("limit %g: %v", limit, err)
		}
	}
	if _, err := Decode(Encode(1, make([]float32, 601)), nil); !errors.Is(err, ErrTooLong) {
		t.Errorf("601 s with the default limit: %v, want ErrTooLong", err)
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	t.Parallel()
	samples := []float32{0, 0.5, -1, 32767.0 / 32768, -0.25}
	clip, err := Decode(Encode(24000, samples), nil)
	if err != nil {
		t.Fatal(err)
	}
	if clip.Rate != 24000 || clip.Channels != 1 || !slices.Equal(clip.Samples, samples) {
		t.Errorf("%v becomes %+v", samples, clip)
	}
	clip, err = Decode(Encode(24000, []float32{2, -2, float32(math.NaN()), 1}), nil)
	if err != nil || !slices.Equal(clip.Samples, []float32{32767.0 / 32768, -1, 0, 32767.0 / 32768}) {
		t.Errorf("clipped samples become %+v, %v", clip, err)
	}
}

func TestStreamingHeaderEndsWithTheFile(t *testing.T) {
	t.Parallel()
	data := AppendHeader(nil, 16000, Streaming)
	if len(data) != HeaderBytes {
		t.Fatalf("header of %d bytes, want %d", len(data), HeaderBytes)
	}
	clip, err := Decode(append(data, 0, 0x40), nil)
	if err != nil || !slices.Equal(clip.Samples, []float32{0.5}) {
		t.Errorf("%+v, %v", clip, err)
	}
}

// FuzzDecode demands an error or a clip that fits into the file, whatever the
// bytes.
func FuzzDecode(f *testing.F) {
	f.Add(Encode(16000, []float32{0, 0.5, -0.5}))
	f.Add(file(sized("LIST", []byte{1, 2, 3}), header(3, 2, 48000, 32, true), chunk("data", math.MaxUint32, float32s(1, 2, 3, 4))))
	f.Add(file(header(1, 6, 44100, 24, true), chunk("data", 0, make([]byte, 18))))
	f.Fuzz(func(t *testing.T, data []byte) {
		clip, err := Decode(data, nil)
		if err != nil {
			return
		}
		if len(clip.Samples) > len(data) || clip.Rate < 1 || clip.Channels < 1 {
			t.Fatalf("%d bytes become %d samples at %d, %d channels", len(data), len(clip.Samples), clip.Rate, clip.Channels)
		}
		for i, v := range clip.Samples {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("sample %d = %g", i, v)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := Encode(16000, make([]float32, 16000))
	for b.Loop() {
		if _, err := Decode(data, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
}
