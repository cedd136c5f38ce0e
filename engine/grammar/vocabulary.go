package grammar

import (
	"slices"
	"strconv"
	"strings"

	"hark/engine/token"
)

// Vocabulary is a tokenizer's tokens by their bytes. It is made once and may
// be shared.
type Vocabulary struct {
	root   node
	pieces []string
	marker []bool // a special token
}

// node is a place in the tree of all tokens' bytes.
type node struct {
	ids  []token.ID // tokens that end here
	next []edge     // sorted by byte
}

type edge struct {
	b  byte
	to *node
}

// NewVocabulary reads the tokens of t.
func NewVocabulary(t *token.Tokenizer) *Vocabulary {
	v := &Vocabulary{pieces: make([]string, t.Len()), marker: make([]bool, t.Len())}
	for i := range v.pieces {
		id := token.ID(i)
		if t.IsSpecial(id) {
			v.marker[i] = true
			continue
		}
		v.pieces[i] = spelled(t.Piece(id))
		if v.pieces[i] != "" {
			v.root.add(v.pieces[i], id)
		}
	}
	return v
}

// spelled is the bytes that a piece stands for: ▁ is a space, <0xE4> a byte.
func spelled(piece string) string {
	if len(piece) == 6 && strings.HasPrefix(piece, "<0x") && piece[5] == '>' {
		if b, err := strconv.ParseUint(piece[3:5], 16, 8); err == nil {
			return string([]byte{byte(b)})
		}
	}
	return strings.ReplaceAll(piece, "▁", " ")
}

func (n *node) add(piece string, id token.ID) {
	for i := range len(piece) {
		at, found := slices.BinarySearchFunc(n.next, piece[i], func(e edge, b byte) int { return int(e.b) - int(b) })
		if !found {
			n.next = slices.Insert(n.next, at, edge{piece[i], &node{}})
		}
		n = n.next[at].to
	}
	n.ids = append(n.ids, id)
}

// symbols are what a token adds to the text.
func (v *Vocabulary) symbols(id token.ID) []symbol {
	if id < 0 || int(id) >= len(v.pieces) {
		return []symbol{special(int32(id))}
	}
	if v.marker[id] {
		return []symbol{special(int32(id))}
	}
	p := v.pieces[id]
	out := make([]symbol, len(p))
	for i := range len(p) {
		out[i] = symbol(p[i])
	}
	if len(out) == 0 {
		return []symbol{special(int32(id))}
	}
	return out
}
