package camera

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hark/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// next waits for a frame.
func next(t *testing.T, c *Camera) []byte {
	t.Helper()
	select {
	case f := <-c.Frames():
		return f
	case err := <-c.Failed():
		t.Fatal(err)
	case <-time.After(10 * time.Second):
		t.Fatal("no frame within 10 s")
	}
	return nil
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFolderIsSeenInOrderAndNewPicturesFollow(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "b.png", "second")
	put(t, dir, "a.jpg", "first")
	put(t, dir, "notes.txt", "no picture")
	c, err := Open(dir, Options{Every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	seen := map[string]bool{}
	for len(seen) < 2 {
		seen[string(next(t, c))] = true
	}
	if !seen["first"] || !seen["second"] {
		t.Errorf("saw %v", seen)
	}
	for string(next(t, c)) != "second" { // the last one stays
	}
	put(t, dir, "c.webp", "third")
	for string(next(t, c)) != "third" {
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-c.Failed():
		if !errors.Is(err, ErrLost) {
			t.Errorf("%v, want ErrLost", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody says that the folder is gone")
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
}

func TestOnlyTheNewestFrameWaits(t *testing.T) {
	c := &Camera{frames: make(chan []byte, 1)}
	for _, f := range []string{"1", "2", "3"} {
		c.hand([]byte(f))
	}
	if f := <-c.Frames(); string(f) != "3" {
		t.Errorf("frame %s, want 3", f)
	}
}

func TestWhatIsNoCameraIsAnError(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.jpg")
	if err := os.WriteFile(big, make([]byte, MaxFrame+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none"), t.TempDir(), "/dev/null"} {
		if c, err := Open(path, Options{}); err == nil {
			c.Close()
			t.Errorf("%s is a camera", path)
		} else if !errors.Is(err, ErrNoCamera) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := readPicture(big); err == nil {
		t.Error("a frame may be too large")
	}
}

// chart is a picture of four colours.
func chart() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 64, 32))
	colours := []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}}
	for y := range 32 {
		for x := range 64 {
			img.SetRGBA(x, y, colours[x/16])
		}
	}
	return img
}

// near reports whether two colours are the same but for rounding.
func near(a, b color.Color, off int) bool {
	r, g, bl, _ := a.RGBA()
	r2, g2, bl2, _ := b.RGBA()
	d := func(x, y uint32) bool { return int(x>>8)-int(y>>8) <= off && int(y>>8)-int(x>>8) <= off }
	return d(r, r2) && d(g, g2) && d(bl, bl2)
}

// yuyv is the chart as a webcam sends it: BT.601, limited range.
func yuyv(img image.Image, stride int) []byte {
	b := img.Bounds()
	out := make([]byte, stride*b.Dy())
	for y := range b.Dy() {
		for x := range b.Dx() {
			r, g, bl, _ := img.At(x, y).RGBA()
			fr, fg, fb := float64(r>>8)/255, float64(g>>8)/255, float64(bl>>8)/255
			out[y*stride+2*x] = byte(16.5 + 65.481*fr + 128.553*fg + 24.966*fb)
			if x%2 == 0 {
				out[y*stride+2*x+1] = byte(128.5 - 37.797*fr - 74.203*fg + 112*fb)
				out[y*stride+2*x+3] = byte(128.5 + 112*fr - 93.786*fg - 18.214*fb)
			}
		}
	}
	return out
}

func TestYUYVHasTheRightColours(t *testing.T) {
	for _, stride := range []int{128, 160} {
		data, err := fromYUYV(yuyv(chart(), stride), 64, 32, stride)
		if err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			if x := 16*i + 8; !near(got.At(x, 16), chart().At(x, 16), 12) {
				t.Errorf("stride %d: %v at %d, want %v", stride, got.At(x, 16), x, chart().At(x, 16))
			}
		}
	}
	for _, c := range [][4]int{{10, 64, 32, 128}, {4096, 63, 32, 126}, {4096, 0, 32, 128}, {4096, 64, 32, 100}} {
		if _, err := fromYUYV(make([]byte, c[0]), c[1], c[2], c[3]); err == nil {
			t.Errorf("%v is a frame", c)
		}
	}
}

// withoutTables takes the Huffman tables out, as many cameras do. Go's encoder
// uses those of the standard.
func withoutTables(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, chart(), nil); err != nil {
		t.Fatal(err)
	}
	data := b.Bytes()
	i := bytes.Index(data, []byte{0xff, 0xc4})
	n := 2 + int(data[i+2])<<8 + int(data[i+3])
	return append(bytes.Clone(data[:i]), data[i+n:]...)
}

func TestMJPEGGetsTheTablesThatItLacks(t *testing.T) {
	bare := withoutTables(t)
	if _, err := jpeg.Decode(bytes.NewReader(bare)); err == nil {
		t.Fatal("it decodes without tables: the test is of no use")
	}
	whole, err := fromMJPEG(append(bare, make([]byte, 100)...)) // drivers fill up
	if err != nil {
		t.Fatal(err)
	}
	got, err := jpeg.Decode(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if !near(got.At(8, 16), color.RGBA{255, 0, 0, 255}, 12) {
		t.Errorf("%v, want red", got.At(8, 16))
	}
	again, err := fromMJPEG(whole)
	if err != nil || !bytes.Equal(again, whole) {
		t.Errorf("with tables it changes: %v", err)
	}
}

func FuzzMJPEG(f *testing.F) {
	f.Add([]byte{0xff, 0xd8, 0xff, 0xff, 0xda, 0, 4, 0, 0})
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xda})
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := fromMJPEG(data)
		if err == nil && len(out) > len(data)+len(standardTables) {
			t.Errorf("%d bytes become %d", len(data), len(out))
		}
	})
}
