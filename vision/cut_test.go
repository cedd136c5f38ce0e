package vision

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"hark/vision/resize"
)

// gemma returns the geometry of every Gemma 4 model with a budget of tokens.
func gemma(tokens int) Geometry { return Geometry{Patch: 16, Pool: 3, Tokens: tokens} }

// TestTargetSize holds the examples of gemma4.md 9.2 and the edges.
func TestTargetSize(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tokens, width, height, newWidth, newHeight, soft int }{
		{280, 640, 480, 912, 672, 266},
		{280, 1920, 1080, 1056, 576, 264},
		{280, 100, 100, 768, 768, 256},
		{280, 3000, 100, 4368, 144, 273},
		{70, 640, 480, 432, 336, 63},
		{70, 1920, 1080, 528, 288, 66},
		{70, 7, 7, 384, 384, 64},
		{1120, 500, 500, 1584, 1584, 1089},
		{280, 1, 1, 768, 768, 256},
		{280, 1000, 1, 13440, 48, 280},
		{280, 1, 1000, 48, 13440, 280},
		{280, 290, 1, 13440, 48, 280},
		{1, 50, 50, 48, 48, 1},
		{1, 50, 49, 48, 48, 1},
	} {
		w, h, err := TargetSize(c.width, c.height, gemma(c.tokens))
		n, err2 := SoftTokens(c.width, c.height, gemma(c.tokens))
		if err != nil || err2 != nil || w != c.newWidth || h != c.newHeight || n != c.soft {
			t.Errorf("%dx%d, %d tokens: %dx%d, %d tokens, %v, %v, want %dx%d, %d",
				c.width, c.height, c.tokens, w, h, n, err, err2, c.newWidth, c.newHeight, c.soft)
		}
	}
}

// TestTargetSizeKeepsItsPromises tries random sizes.
func TestTargetSizeKeepsItsPromises(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5000) {
		random := rand.New(rand.NewPCG(seed, 4))
		tokens := []int{1, 70, 140, 280, 560, 1120}[random.IntN(6)]
		w, h := 1+random.IntN(1<<(1+random.IntN(16))), 1+random.IntN(1<<(1+random.IntN(16)))
		newWidth, newHeight, err := TargetSize(w, h, gemma(tokens))
		if err != nil && tokens > 1 {
			t.Fatalf("seed %d: %dx%d, %d tokens: %v", seed, w, h, tokens, err)
		}
		if err == nil && (newWidth < 48 || newHeight < 48 || newWidth%48 != 0 || newHeight%48 != 0 || newWidth*newHeight > tokens*48*48) {
			t.Fatalf("seed %d: %dx%d, %d tokens: %dx%d", seed, w, h, tokens, newWidth, newHeight)
		}
	}
}

func TestCutRefusesNonsense(t *testing.T) {
	t.Parallel()
	good := newImage(20, 10)
	for _, c := range []struct {
		img  *Image
		g    Geometry
		want string
	}{
		{good, Geometry{0, 3, 280}, "Patch 0"},
		{good, Geometry{16, 17, 280}, "Pool 17"},
		{good, Geometry{16, 3, -1}, "Tokens -1"},
		{&Image{}, gemma(280), "0 by 0 pixels"},
		{&Image{Width: 20, Height: -1}, gemma(280), "20 by -1 pixels"},
		{&Image{Width: 2, Height: 2, Pix: make([]byte, 11)}, gemma(280), "11 bytes for 2 by 2 pixels, want 12"},
	} {
		for _, cut := range []func(*Image, Geometry) (Patches, error){Cut, CutBlocks} {
			if p, err := cut(c.img, c.g); err == nil || p.Data != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: %v, want an error with %q", c.g, err, c.want)
			}
		}
	}
	if _, err := SoftTokens(0, 5, gemma(70)); !errors.Is(err, ErrInvalid) {
		t.Errorf("SoftTokens of 0 by 5 pixels: %v, want ErrInvalid", err)
	}
}

// TestCutOrder compares each value with the pixel that it must come from.
func TestCutOrder(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 8))
	img := newImage(50, 31)
	for i := range img.Pix {
		img.Pix[i] = byte(random.Uint32())
	}
	before := bytes.Clone(img.Pix)
	g := gemma(70)
	w, h, err := TargetSize(img.Width, img.Height, g)
	if err != nil {
		t.Fatal(err)
	}
	pix := resize.Bicubic(img.Pix, img.Width, img.Height, w, h)
	for side, cut := range map[int]func(*Image, Geometry) (Patches, error){16: Cut, 48: CutBlocks} {
		p, err := cut(img, g)
		if err != nil {
			t.Fatal(err)
		}
		if p.Rows != h/side || p.Cols != w/side || p.Width != side*side*3 || len(p.Data) != w*h*3 {
			t.Fatalf("side %d: %d by %d patches of %d, %d values", side, p.Rows, p.Cols, p.Width, len(p.Data))
		}
		for i, v := range pix {
			y, x, channel := i/3/w, i/3%w, i%3
			patch := y/side*p.Cols + x/side
			at := patch*p.Width + (y%side*side+x%side)*3 + channel
			if want := float32(v) / 255; p.Data[at] != want {
				t.Fatalf("side %d: pixel %d,%d = %g, want %g", side, x, y, p.Data[at], want)
			}
		}
	}
	if !bytes.Equal(img.Pix, before) {
		t.Error("Cut changed its input")
	}
}

func BenchmarkCut(b *testing.B) {
	for _, c := range []struct {
		name          string
		width, height int
		tokens        int
	}{{"640x480", 640, 480, 280}, {"640x480", 640, 480, 70}, {"1920x1080", 1920, 1080, 280}} {
		b.Run("size="+c.name+"/tokens="+map[int]string{70: "70", 280: "280"}[c.tokens], func(b *testing.B) {
			img := newImage(c.width, c.height)
			for b.Loop() {
				if _, err := Cut(img, gemma(c.tokens)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// load reads a golden that tools/goldens/leaf.py wrote.
func load(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestTargetSizeEqualsTheReference(t *testing.T) {
	t.Parallel()
	var cases [][5]int // tokens, width, height, new width, new height
	load(t, "testdata/sizes.json", &cases)
	if len(cases) < 100 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		w, h, err := TargetSize(c[1], c[2], gemma(c[0]))
		if err != nil || w != c[3] || h != c[4] {
			t.Errorf("%dx%d, %d tokens: %dx%d, %v, want %dx%d", c[1], c[2], c[0], w, h, err, c[3], c[4])
		}
	}
}

// TestCutEqualsTheReference compares patches with those of transformers' image
// processors, as 8-bit levels.
func TestCutEqualsTheReference(t *testing.T) {
	t.Parallel()
	var cases []struct {
		Name          string
		Width, Height int
		Seed          uint32
		Shape         [2]int
		SHA256        string
	}
	load(t, "testdata/patches.json", &cases)
	cuts := map[string]func(*Image, Geometry) (Patches, error){"cut": Cut, "blocks": CutBlocks}
	if len(cases) != len(cuts) {
		t.Fatalf("%d cases, want %d", len(cases), len(cuts))
	}
	for _, c := range cases {
		img, state := newImage(c.Width, c.Height), c.Seed
		for i := range img.Pix {
			state = state*1664525 + 1013904223
			img.Pix[i] = byte(state >> 24)
		}
		p, err := cuts[c.Name](img, gemma(c.Width*c.Height/48/48)) // keeps the size
		if err != nil {
			t.Fatal(err)
		}
		if shape := [2]int{p.Rows * p.Cols, p.Width}; shape != c.Shape {
			t.Fatalf("%s: %v patches, want %v", c.Name, shape, c.Shape)
		}
		levels := make([]byte, len(p.Data))
		for i, v := range p.Data {
			levels[i] = byte(math.Round(float64(v) * 255))
		}
		if digest := sha256.Sum256(levels); hex.EncodeToString(digest[:]) != c.SHA256 {
			t.Errorf("%s: patches differ from the reference", c.Name)
		}
	}
}
