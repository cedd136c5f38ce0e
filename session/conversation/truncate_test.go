package conversation

import (
	"slices"
	"testing"

	"hark/engine/token"
	"hark/session/realtime"
)

func TestTruncateKeepsTheIDsOfWhatIsLeft(t *testing.T) {
	// "Hé", " you", "!" where é comes in two ids.
	whole := func() *Item {
		return &Item{
			Item: realtime.Item{Content: []realtime.Content{{Type: realtime.OutputAudio, Transcript: "Hé you!"}}},
			IDs:  []token.ID{10, 11, 12, 13, 14},
			Ends: []int{1, 1, 3, 7, 8},
		}
	}
	for _, tt := range []struct {
		n    int
		text string
		ids  []token.ID
		cut  bool
	}{
		{100, "Hé you!", []token.ID{10, 11, 12, 13, 14}, false},
		{8, "Hé you!", []token.ID{10, 11, 12, 13, 14}, false},
		{7, "Hé you", []token.ID{10, 11, 12, 13}, true},
		{5, "Hé y", []token.ID{10, 11, 12}, true},
		{3, "Hé", []token.ID{10, 11, 12}, true},
		{2, "H", []token.ID{10}, true},
		{1, "H", []token.ID{10}, true},
		{0, "", []token.ID{}, true},
		{-1, "", []token.ID{}, true},
	} {
		it := whole()
		if cut := it.Truncate(tt.n); cut != tt.cut || it.Said() != tt.text || !slices.Equal(it.IDs, tt.ids) || len(it.Ends) != len(it.IDs) {
			t.Errorf("Truncate(%d) = %v: %q %v %v, want %v: %q %v", tt.n, cut, it.Said(), it.IDs, it.Ends, tt.cut, tt.text, tt.ids)
		}
	}
}

func TestTruncateDropsIDsThatItCannotPlace(t *testing.T) {
	it := &Item{Item: realtime.Item{Content: []realtime.Content{{Text: "one "}, {Text: "two"}}}, IDs: []token.ID{1, 2}}
	if !it.Truncate(5) || it.Said() != "one t" || it.IDs != nil {
		t.Errorf("%q %v", it.Said(), it.IDs)
	}
}
