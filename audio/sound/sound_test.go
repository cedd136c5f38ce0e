package sound

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"hark/audio/flac"
	"hark/audio/ogg"
	"hark/audio/wav"
)

func load(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The files of testdata are the sample question from 0.25 s to 1 s (FLAC: to
// 0.55 s) as ffmpeg 5.1 encodes it.
var files = []struct {
	name        string
	format      Format
	correlation float64 // with the original, at least
}{
	{"speech.mp3", MP3, 0.95},
	{"speech.flac", FLAC, 0.99999},
	{"speech.ogg", Vorbis, 0.95},
	{"speech.opus", Opus, 0.95},
}

func TestEveryFormatSoundsAsTheOriginal(t *testing.T) {
	whole, err := Decode(load(t, "../../testdata/samples/question-0.wav"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		file := load(t, "testdata/"+f.name)
		if got := Sniff(file); got != f.format {
			t.Errorf("%s: format %q", f.name, got)
		}
		got, err := Decode(file, nil)
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		best, at := 0.0, 0
		for late := 0; late < 2400; late++ {
			want := whole[4000:]
			n := min(len(got)-late, 4800)
			var ab, aa, bb float64
			for i := range n {
				a, b := float64(got[late+i]), float64(want[i])
				ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
			}
			if c := ab / math.Sqrt(aa*bb+1e-30); c > best {
				best, at = c, late
			}
		}
		t.Logf("%s: %d samples, correlation %.4f, %d late", f.name, len(got), best, at)
		if best < f.correlation {
			t.Errorf("%s: correlation %.4f, want %.4f", f.name, best, f.correlation)
		}
	}
}

func TestRateAndLimit(t *testing.T) {
	for _, f := range files {
		file := load(t, "testdata/"+f.name)
		at16, err := Decode(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		at24, err := Decode(file, &Options{Rate: 24000})
		if err != nil || math.Abs(float64(len(at24))/float64(len(at16))-1.5) > 0.001 {
			t.Errorf("%s: %d samples at 16 kHz, %d at 24, %v", f.name, len(at16), len(at24), err)
		}
	}
	long := wav.Encode(16000, make([]float32, 2*16000))
	if _, err := Decode(long, &Options{MaxSeconds: 1}); !errors.Is(err, ErrTooLong) {
		t.Errorf("2 s of at most 1: %v", err)
	}
	if got, err := Decode(long, &Options{MaxSeconds: 2}); err != nil || len(got) != 2*16000 {
		t.Errorf("2 s of at most 2: %d, %v", len(got), err)
	}
	// A FLAC file that says it has 0.3 s, played again and again.
	file := load(t, "testdata/speech.flac")
	frames := bytes.Index(file, []byte{0xff, 0xf8})
	repeated := append(bytes.Clone(file[:frames]), bytes.Repeat(file[frames:], 5)...)
	if _, err := Decode(repeated, &Options{MaxSeconds: 1}); !errors.Is(err, ErrTooLong) {
		t.Errorf("1.5 s of at most 1: %v", err)
	}
}

func TestOtherFormatsAreNamed(t *testing.T) {
	for start, want := range map[string]Format{
		"\x00\x00\x00\x1cftypM4A ":      MP4,
		"\x1a\x45\xdf\xa3\x01":          Matroska,
		"\xff\xf1\x50\x80":              AAC,
		"\xff\xfb\x90\x00":              MP3,
		"FORM\x00\x00\x00\x00AIFF":      AIFF,
		"#!AMR\n":                       AMR,
		"RIFF\x00\x00\x00\x00AVI LIST":  AVI,
		"OggS" + strings.Repeat("x", 9): OtherOgg,
		"%PDF":                          "",
		"":                              "",
	} {
		if got := Sniff([]byte(start)); got != want {
			t.Errorf("Sniff(%q) = %q, want %q", start, got, want)
		}
	}
	if _, err := Decode([]byte("\x00\x00\x00\x1cftypM4A "), nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "MP4") {
		t.Errorf("an MP4: %v", err)
	}
}

// A page of Vorbis headers with a code book of a million entries of 1000
// dimensions: 4 GB, from 60 bytes.
func TestVorbisTablesAreBounded(t *testing.T) {
	file := load(t, "testdata/speech.ogg")
	at := bytes.Index(file, []byte("\x05vorbis"))
	bomb := bytes.Clone(file)
	book := bomb[at+8:]
	binary.LittleEndian.PutUint16(book[3:], 1000)
	book[5], book[6], book[7] = 0, 0, 0x10
	if _, err := Decode(bomb, nil); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "entries") {
		t.Errorf("a bomb: %v", err)
	}
}

// damage breaks a file in a few places.
func damage(r *rand.Rand, file []byte) []byte {
	file = bytes.Clone(file)
	for range 1 + r.IntN(8) {
		switch at := r.IntN(len(file)); r.IntN(4) {
		case 0:
			file = file[:at+1]
		case 1:
			file = append(file[:at], file[min(len(file), at+r.IntN(40)):]...)
		default:
			file[at] = byte(r.Uint32())
		}
		if len(file) == 0 {
			return file
		}
	}
	return file
}

func TestBrokenFilesAreErrorsOrShorter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range files {
		file := load(t, "testdata/"+f.name)
		for range 300 {
			check(t, damage(r, file))
		}
	}
}

// seal makes the page sums of an Ogg file right, so that what is broken comes
// before the decoder.
func seal(file []byte) {
	for at := 0; ; {
		next := bytes.Index(file[at:], []byte("OggS"))
		if next < 0 || len(file) < at+next+27 {
			return
		}
		page := file[at+next:]
		size := 27 + int(page[26])
		for _, segment := range page[min(27, len(page)):min(size, len(page))] {
			size += int(segment)
		}
		page = page[:min(size, len(page))]
		clear(page[22:26])
		sum := uint32(0)
		for _, b := range page {
			sum ^= uint32(b) << 24
			for range 8 {
				sum = sum<<1 ^ 0x04c11db7&-(sum>>31)
			}
		}
		binary.LittleEndian.PutUint32(page[22:], sum)
		at += next + len(page)
	}
}

// check decodes a file of unknown quality.
func check(t *testing.T, file []byte) {
	t.Helper()
	seal(file)
	samples, err := Decode(file, &Options{MaxSeconds: 5})
	if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLong) {
		t.Errorf("error %v of no kind", err)
	}
	if len(samples) > 5*16000+1 {
		t.Errorf("%d samples, want at most 5 s", len(samples))
	}
}

func FuzzDecode(f *testing.F) {
	for _, file := range files {
		f.Add(load(f, "testdata/"+file.name))
	}
	f.Add(wav.Encode(8000, make([]float32, 100)))
	f.Fuzz(func(t *testing.T, file []byte) { check(t, bytes.Clone(file)) })
}

func TestEncodedFilesSoundAsTheOriginal(t *testing.T) {
	want, err := Decode(load(t, "../../testdata/samples/question-0.wav"), &Options{Rate: ogg.OpusRate})
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(want))
	for i, v := range want {
		pcm[i] = int16(max(-32768, min(32767, v*32768)))
	}
	lossless, err := flac.Encode(ogg.OpusRate, pcm)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(lossless, &Options{Rate: ogg.OpusRate})
	if err != nil || len(got) != len(pcm) {
		t.Fatalf("FLAC: %d samples, want %d, %v", len(got), len(pcm), err)
	}
	for i, v := range got {
		if int16(v*32768) != pcm[i] {
			t.Fatalf("FLAC: sample %d is %v, want %d", i, v, pcm[i])
		}
	}
	var file bytes.Buffer
	w, err := ogg.NewWriter(&file)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(pcm, 1000) {
		if err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err = Decode(file.Bytes(), &Options{Rate: ogg.OpusRate})
	if err != nil || len(got) < len(want)-960 || len(got) > len(want)+960 {
		t.Fatalf("Opus: %d samples, want %d, %v", len(got), len(want), err)
	}
	var ab, aa, bb float64
	for i := range min(len(got), len(want)) {
		a, b := float64(got[i]), float64(want[i])
		ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
	}
	if c := ab / math.Sqrt(aa*bb); c < 0.9 || file.Len() > len(lossless)/2 {
		t.Errorf("Opus: correlation %.3f, %d bytes, FLAC %d", c, file.Len(), len(lossless))
	}
}
