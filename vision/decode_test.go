package vision

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"os"
	"strings"
	"testing"
)

// picture is one case of testdata/pictures.json.
type picture struct {
	Name          string
	File          []byte
	Width, Height int
	SHA256        string // of the pixels, where they must be equal
	RGB           []byte // the pixels, where they may differ a little
}

// pictures returns the cases written by tools/goldens/leaf.py.
func pictures(t testing.TB) []picture {
	t.Helper()
	data, err := os.ReadFile("testdata/pictures.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []picture
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 40 {
		t.Fatalf("%d cases, want all", len(cases))
	}
	return cases
}

// TestDecodeEqualsPillow demands equal pixels, and for JPEG, whose inverse
// transform rounds otherwise, differences of at most 3 levels and 0.5 on average.
func TestDecodeEqualsPillow(t *testing.T) {
	t.Parallel()
	for _, c := range pictures(t) {
		img, err := Decode(c.File, nil)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		if img.Width != c.Width || img.Height != c.Height || len(img.Pix) != c.Width*c.Height*3 {
			t.Errorf("%s: %dx%d in %d bytes, want %dx%d", c.Name, img.Width, img.Height, len(img.Pix), c.Width, c.Height)
			continue
		}
		if c.SHA256 != "" {
			if digest := sha256.Sum256(img.Pix); hex.EncodeToString(digest[:]) != c.SHA256 {
				t.Errorf("%s: pixels differ", c.Name)
			}
			continue
		}
		worst, sum := 0, 0
		for i, v := range img.Pix {
			d := int(v) - int(c.RGB[i])
			worst, sum = max(worst, d, -d), sum+max(d, -d)
		}
		mean := float64(sum) / float64(len(img.Pix))
		t.Logf("%s: largest difference %d, mean %.3f", c.Name, worst, mean)
		if worst > 3 || mean > 0.5 {
			t.Errorf("%s: largest difference %d, mean %.3f, want at most 3 and 0.5", c.Name, worst, mean)
		}
	}
}

func TestDecodeChecksSizesFirst(t *testing.T) {
	t.Parallel()
	encode := func(w, h int) []byte {
		var out bytes.Buffer
		if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	small := encode(40, 30)
	for _, c := range []struct {
		name    string
		data    []byte
		options *Options
		want    error
	}{
		{"at the limits", small, &Options{MaxBytes: len(small), MaxPixels: 1200}, nil},
		{"one byte more", small, &Options{MaxBytes: len(small) - 1}, ErrTooLarge},
		{"one pixel more", small, &Options{MaxPixels: 1199}, ErrTooLarge},
		{"51 megapixels", header(10000, 5100), nil, ErrTooLarge},
		{"a long stripe", header(1, 65536), nil, ErrTooLarge},
		{"as long as may be", encode(65535, 1), nil, nil},
		{"20 MB and a byte", append(small, make([]byte, 20_000_001-len(small))...), nil, ErrTooLarge},
	} {
		img, err := Decode(c.data, c.options)
		if !errors.Is(err, c.want) || (img == nil) != (c.want != nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// header returns the beginning of a PNG of the given size, without pixels.
func header(w, h uint32) []byte {
	body := []byte("IHDR")
	body = binary.BigEndian.AppendUint32(body, w)
	body = binary.BigEndian.AppendUint32(body, h)
	body = append(body, 8, 2, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "0 bytes are neither"},
		{"text", "hello, picture", "14 bytes are neither"},
		{"cut png", "\x89PNG\r\n\x1a\n", "png: unexpected EOF"},
		{"no pixels", string(header(3, 3)), "png: "},
		{"cut jpeg", "\xff\xd8\xff\xe0", "jpeg: "},
		{"cut gif", "GIF89a", "gif: "},
		{"cut webp", "RIFF\x00\x00\x00\x00WEBP", "webp: "},
		{"empty gif", "GIF89a\x00\x00\x00\x00\x00\x00\x00", "gif: 0 by 0 pixels"},
	} {
		img, err := Decode([]byte(c.data), nil)
		if !errors.Is(err, ErrInvalid) || img != nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "vision: ") {
			t.Errorf("%s: %v, want ErrInvalid with %q", c.name, err, c.want)
		}
	}
}

// TestDecodeRefusesBrokenTails cuts each file at many places: there is an
// error, or, where only an ending was lost, the picture.
func TestDecodeRefusesBrokenTails(t *testing.T) {
	t.Parallel()
	for _, c := range pictures(t) {
		for n := 0; n < len(c.File); n += 7 {
			img, err := Decode(c.File[:n], nil)
			if err == nil && len(img.Pix) != img.Width*img.Height*3 {
				t.Errorf("%s, %d bytes: %dx%d in %d bytes", c.Name, n, img.Width, img.Height, len(img.Pix))
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Errorf("%s, %d bytes: %v, want ErrInvalid", c.Name, n, err)
			}
		}
	}
}

// FuzzDecode demands an error of a known kind or a whole picture, whatever the
// bytes.
func FuzzDecode(f *testing.F) {
	for _, c := range pictures(f) {
		f.Add(c.File)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := Decode(data, &Options{MaxPixels: 1 << 16})
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) {
				t.Fatalf("%v is of no known kind", err)
			}
			return
		}
		if img.Width < 1 || img.Height < 1 || img.Width*img.Height > 1<<16 || len(img.Pix) != img.Width*img.Height*3 {
			t.Fatalf("%dx%d in %d bytes", img.Width, img.Height, len(img.Pix))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	img := image.NewRGBA(image.Rect(0, 0, 1280, 720))
	for i := range img.Pix {
		img.Pix[i] = byte(i >> 5)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	var asPNG, asJPEG bytes.Buffer
	if err := errors.Join(png.Encode(&asPNG, img), jpeg.Encode(&asJPEG, img, nil)); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
	}{{"png", asPNG.Bytes()}, {"jpeg", asJPEG.Bytes()}} {
		b.Run("format="+c.name+"/size=1280x720", func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(c.data, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
