package video

import (
	"bytes"
	"image"
	"image/jpeg"
	_ "image/png"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// keyframe is a picture in VP8: ffmpeg -i picture-spoken-5.png -pix_fmt yuv420p
// -c:v libvpx -crf 20 -b:v 1M -frames:v 1.
func keyframe(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/keyframe.vp8")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packets cuts a frame into packets of at most size bytes.
func packets(frame []byte, size int, extension []byte) (out [][]byte) {
	for at := 0; at < len(frame); at += size {
		head := byte(0)
		if at == 0 {
			head = 0x10
		}
		p := []byte{head}
		if extension != nil {
			p = append([]byte{head | 0x80}, extension...)
		}
		out = append(out, append(p, frame[at:min(at+size, len(frame))]...))
	}
	return out
}

// In whatever order the packets come, the frame is whole, once.
func TestKeyframesArePutTogether(t *testing.T) {
	frame := keyframe(t)
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		extension := [][]byte{nil, {0x80, 5}, {0x80, 0x85, 6}, {0xf0, 0x85, 6, 1, 2}, {0x20, 9}}[r.IntN(5)]
		parts := packets(frame, 100+r.IntN(1000), extension)
		first, time := uint16(r.Uint32()), r.Uint32()
		var k Keyframes
		plain := []byte{0x10, 1, 2, 3} // a frame that is no keyframe, all the time
		got := 0
		order := r.Perm(len(parts))
		order = append(order, order[0]) // one comes twice
		for _, i := range order {
			k.Push(first+uint16(len(parts)), time+3000, true, plain)
			if out := k.Push(first+uint16(i), time, i == len(parts)-1, parts[i]); out != nil {
				got++
				if !bytes.Equal(out, frame) {
					t.Fatalf("seed %d: another frame", seed)
				}
			}
		}
		if got != 1 {
			t.Fatalf("seed %d: %d frames", seed, got)
		}
	}
}

func TestFrameWithAHoleIsNone(t *testing.T) {
	var k Keyframes
	parts := packets(keyframe(t), 500, nil)
	for i, p := range parts {
		if i != 2 && k.Push(uint16(i), 9, i == len(parts)-1, p) != nil {
			t.Error("a frame with a hole")
		}
	}
	for time := range uint32(20) { // later ones push it out
		k.Push(100+uint16(time), 10000+time, true, []byte{0x10, 1})
	}
	if k.Push(2, 9, false, parts[2]) != nil || len(k.frames) > together {
		t.Errorf("%d frames are kept", len(k.frames))
	}
}

// The colours are those of the picture that was encoded: with the planes as
// they are they would be pale.
func TestColoursAreRight(t *testing.T) {
	file, err := os.Open("../../testdata/samples/picture-spoken-5.png")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	psnr := func(full bool) float64 {
		data, err := Decode(keyframe(t), full)
		if err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil || got.Bounds().Dx() != want.Bounds().Dx() || got.Bounds().Dy() != want.Bounds().Dy() {
			t.Fatalf("%v, %v, want %v", got.Bounds(), err, want.Bounds())
		}
		sum, n := 0.0, 0
		for y := range want.Bounds().Dy() {
			for x := range want.Bounds().Dx() {
				r1, g1, b1, _ := got.At(x, y).RGBA()
				r2, g2, b2, _ := want.At(x, y).RGBA()
				for _, d := range []float64{float64(r1) - float64(r2), float64(g1) - float64(g2), float64(b1) - float64(b2)} {
					sum, n = sum+d*d/257/257, n+1
				}
			}
		}
		return 10 * math.Log10(255*255*float64(n)/sum)
	}
	limited, full := psnr(false), psnr(true)
	t.Logf("PSNR %.1f dB, without stretching %.1f dB", limited, full)
	if limited < 30 || limited < full+5 {
		t.Errorf("PSNR %.1f dB, without stretching %.1f dB", limited, full)
	}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	frame := keyframe(t)
	huge := bytes.Clone(frame)
	copy(huge[6:], []byte{0xff, 0x3f, 0xff, 0x3f})
	for name, data := range map[string][]byte{"empty": nil, "short": frame[:9], "huge": huge, "inter frame": append([]byte{frame[0] | 1}, frame[1:]...), "text": []byte("not a picture at all")} {
		if _, err := Decode(data, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzPush: whatever comes, what is kept is bounded.
func FuzzPush(f *testing.F) {
	f.Add([]byte{0x90, 0x80, 0x85, 6, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		var k Keyframes
		for ; len(data) > 3; data = data[3:] {
			k.Push(uint16(data[0]), uint32(data[1]), data[2]&1 != 0, data[3:])
		}
		if len(k.frames) > together {
			t.Errorf("%d frames", len(k.frames))
		}
	})
}

// FuzzDecode: no keyframe is a fault of ours.
func FuzzDecode(f *testing.F) {
	f.Add(keyframe(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Decode(data, false); err == nil && len(data) < 10 {
			t.Error("a picture of nothing")
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	frame := keyframe(b)
	for b.Loop() {
		if _, err := Decode(frame, false); err != nil {
			b.Fatal(err)
		}
	}
}
