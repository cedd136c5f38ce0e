package resize

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

// noise is noise_bytes of tools/goldens/leaf.py.
func noise(n int, seed uint32) []byte {
	out := make([]byte, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = byte(seed >> 24)
	}
	return out
}

func TestBicubicEqualsPillow(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/pillow.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Width, Height int
		NewWidth      int `json:"new_width"`
		NewHeight     int `json:"new_height"`
		Seed          uint32
		SHA256        string
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		pix := noise(c.Width*c.Height*3, c.Seed)
		before := bytes.Clone(pix)
		out := Bicubic(pix, c.Width, c.Height, c.NewWidth, c.NewHeight)
		digest := sha256.Sum256(out)
		if len(out) != c.NewWidth*c.NewHeight*3 || hex.EncodeToString(digest[:]) != c.SHA256 {
			t.Errorf("%dx%d to %dx%d differs from Pillow", c.Width, c.Height, c.NewWidth, c.NewHeight)
		}
		if !bytes.Equal(pix, before) {
			t.Errorf("%dx%d to %dx%d changed its input", c.Width, c.Height, c.NewWidth, c.NewHeight)
		}
	}
}

// TestBicubicKeepsOneColour: weights sum to 1 within their rounding, which
// never shows in 8 bits.
func TestBicubicKeepsOneColour(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 9))
		w, h, nw, nh := 1+random.IntN(90), 1+random.IntN(90), 1+random.IntN(90), 1+random.IntN(90)
		colour := noise(3, uint32(seed))
		out := Bicubic(bytes.Repeat(colour, w*h), w, h, nw, nh)
		if !bytes.Equal(out, bytes.Repeat(colour, nw*nh)) {
			t.Fatalf("seed %d: %dx%d to %dx%d changes a plain colour", seed, w, h, nw, nh)
		}
	}
}

func BenchmarkBicubic(b *testing.B) {
	for _, c := range [][4]int{{640, 480, 912, 672}, {640, 480, 432, 336}, {1920, 1080, 1056, 576}, {4000, 3000, 912, 672}} {
		b.Run(fmt.Sprintf("from=%dx%d/to=%dx%d", c[0], c[1], c[2], c[3]), func(b *testing.B) {
			pix := noise(c[0]*c[1]*3, 1)
			for b.Loop() {
				Bicubic(pix, c[0], c[1], c[2], c[3])
			}
		})
	}
}
