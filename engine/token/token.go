// Package token turns text into token ids and ids into text, as a
// tokenizer.json of the Gemma family says: byte-pair merges over code points,
// bytes for what the vocabulary lacks, and special tokens that stand for
// themselves.
//
// A stretch of text between special tokens is one word, however long, so
// merging takes n log n steps. Encode is for text whose author may write
// special tokens; EncodeText is for everybody else's: nothing in it can become
// one. A Decoder gives text while ids come in and holds back half characters.
//
// Source: gemma4.md 5.
//
// Start reading at Tokenizer.
package token

// ID is the number of a token, the row of the embedding table.
type ID int32

// none is no token.
const none ID = -1

// Tokenizer knows one vocabulary. It does not change after Load, and any
// number of goroutines may use it.
type Tokenizer struct {
	pieces []string      // by id, as in the file; "" where the file has no such id
	flags  []flag        // by id
	ids    map[string]ID // the whole vocabulary, added tokens included
	added  added

	merges  pairs
	ascii   [128]ID     // the token of a code point, none if it is not a token
	runes   map[rune]ID // the same above ASCII
	bytes   [256]ID     // the token <0xNN> of a byte, or none
	unknown ID          // stands for what has neither, or none
	whole   bool        // a run that is a token as a whole is not merged
	fuse    bool        // unknown tokens side by side become one

	normalize substitution
	restore   substitution
}

// flag says what is special about a token.
type flag uint8

const (
	present flag = 1 << iota // the id exists
	special                  // text of a user never becomes it
	raw                      // it is one byte, in the last two digits of <0xNN>
)

// substitution replaces all occurrences of one string, which may be "" for no
// substitution.
type substitution struct{ from, to string }

// Encode returns the tokens of text. The text of a special token becomes that
// token; of several that begin at one place the longest wins.
func (t *Tokenizer) Encode(text string) []ID { return t.encode(nil, text, true) }

// EncodeText appends the tokens of plain text to dst. Nothing in the text
// becomes a special token: where Encode would find one, its characters are
// text. Everything else is as Encode has it.
func (t *Tokenizer) EncodeText(dst []ID, text string) []ID { return t.encode(dst, text, false) }

func (t *Tokenizer) encode(dst []ID, text string, specials bool) []ID {
	var w word
	for {
		at, length, id := t.added.find(text, specials)
		dst = t.run(dst, text[:at], &w)
		if id == none {
			return dst
		}
		dst = append(dst, id)
		text = text[at+length:]
	}
}

// Special returns the id of a special token, "<|turn>" for one, and whether
// the vocabulary has it.
func (t *Tokenizer) Special(content string) (ID, bool) {
	id, ok := t.ids[content]
	if !ok || t.flags[id]&special == 0 {
		return none, false
	}
	return id, true
}

// IsSpecial reports whether id is a special token.
func (t *Tokenizer) IsSpecial(id ID) bool { return t.has(id) && t.flags[id]&special != 0 }

// Len returns one more than the greatest id.
func (t *Tokenizer) Len() int { return len(t.pieces) }

// Piece returns a token as the file spells it: "▁the", "<0x0A>", "<|turn>". It
// is "" for an id that does not exist.
func (t *Tokenizer) Piece(id ID) string {
	if !t.has(id) {
		return ""
	}
	return t.pieces[id]
}

func (t *Tokenizer) has(id ID) bool {
	return id >= 0 && int(id) < len(t.pieces) && t.flags[id]&present != 0
}
