package token

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// read returns a file of testdata.
func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// small returns the tokenizer of the test checkpoints, 640 tokens.
func small(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := Load(read(t, "tokenizer.json"), read(t, "tokenizer_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// TestGoldens compares with the reference's own tokenizer.
func TestGoldens(t *testing.T) {
	t.Parallel()
	tok := small(t)
	var cases struct {
		Encode []struct {
			Text    string
			IDs     []ID
			Decoded string
		}
		DecodeOnly []struct {
			IDs     []ID
			Decoded string
		} `json:"decode_only"`
	}
	if err := json.Unmarshal(read(t, "cases.json"), &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases.Encode) < 10 || len(cases.DecodeOnly) < 4 {
		t.Fatalf("%d and %d cases", len(cases.Encode), len(cases.DecodeOnly))
	}
	for _, c := range cases.Encode {
		if got := tok.Encode(c.Text); !slices.Equal(got, c.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", c.Text, got, c.IDs)
		}
		if got := tok.Decode(c.IDs); got != c.Decoded {
			t.Errorf("Decode(%v) = %q, want %q", c.IDs, got, c.Decoded)
		}
	}
	for _, c := range cases.DecodeOnly {
		if got := tok.Decode(c.IDs); got != c.Decoded {
			t.Errorf("Decode(%v) = %q, want %q", c.IDs, got, c.Decoded)
		}
	}
}
