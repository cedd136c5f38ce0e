package conversation

import (
	"strings"
	"testing"

	"hark/session/realtime"
)

// said makes items of words: s1, u1, a1 are messages of the system, a user and
// the assistant, c1 a call and o1 its output.
func said(words string) (items []*Item) {
	for _, w := range strings.Fields(words) {
		it := &Item{Item: realtime.Item{ID: w, Type: realtime.Message}}
		switch w[0] {
		case 's':
			it.Role = realtime.RoleSystem
		case 'u':
			it.Role = realtime.RoleUser
		case 'a':
			it.Role = realtime.RoleAssistant
		case 'c':
			it.Type, it.CallID = realtime.FunctionCall, w[1:]
		case 'o':
			it.Type, it.CallID = realtime.FunctionCallOutput, w[1:]
		}
		items = append(items, it)
	}
	return items
}

func ids(items []*Item) string {
	var words []string
	for _, it := range items {
		words = append(words, it.ID)
	}
	return strings.Join(words, " ")
}

func TestOldestLeavesTurnByTurn(t *testing.T) {
	for _, tt := range []struct {
		items string
		want  string // what leaves, step by step
	}{
		{"", ""},
		{"u1", ""},
		{"s1 u1", ""},
		{"u1 u2 a1 s1 u3 a2 u4", "u1 u2 a1, u3 a2"},
		{"a0 u1 a1 u2", "a0, u1 a1"},
		{"u1 c1 o1 a1 u2", "u1 c1 o1 a1"},
		{"u1 c1 u2 a2 u3 o1", "u1, u2 a2, u3"},
		{"u1 c1 u2 o1 a1 u3", "u1, c1 u2 o1 a1"},
		{"u1 c1 o1 c2 o2 a2 c3 o3", "c1 o1, c2 o2, a2, u1"},
		{"u1 c1 c2 o1 o2", "u1"},
		{"u1 c1 c2 c3 o1 o2 o3 a1", "c1 o1, c2 o2, c3 o3, u1"},
		{"u1 u2 u3", "u1, u2"},
		{"u1 a1", "u1"},
		{"u1 o9 a1", "o9, u1"},
		{"u1 c1 a1 u2", "u1 c1 a1"},
	} {
		items := said(tt.items)
		var steps []string
		for gone := Oldest(items); len(gone) > 0; gone = Oldest(items) {
			steps = append(steps, ids(gone))
			for _, it := range gone {
				it.Forgotten = true
			}
		}
		if got := strings.Join(steps, ", "); got != tt.want {
			t.Errorf("%s: %q leave, want %q", tt.items, got, tt.want)
		}
	}
}
