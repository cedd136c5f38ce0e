package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// tokenizer makes the tables of everything but the merges. marked are the
// tokens that the configuration calls special.
func (f *file) tokenizer(marked []addedToken) (*Tokenizer, error) {
	t := &Tokenizer{
		runes: map[rune]ID{}, unknown: none, merges: newPairs(0), whole: f.whole, fuse: f.fuse,
		normalize: f.normalize, restore: f.restore,
	}
	if err := t.place(f); err != nil {
		return nil, err
	}
	if err := t.mark(f.added, marked); err != nil {
		return nil, err
	}
	for id, piece := range t.pieces {
		if f.bytes && isByte(piece) {
			t.flags[id] |= raw
		}
	}
	for i := range t.ascii {
		t.ascii[i] = none
	}
	for _, e := range f.vocab {
		piece := t.pieces[e.id]
		if c, size := utf8.DecodeRuneInString(piece); size == len(piece) && size > 0 && t.flags[e.id]&special == 0 {
			if c < utf8.RuneSelf {
				t.ascii[c] = e.id
			} else {
				t.runes[c] = e.id
			}
		}
	}
	for b := range t.bytes {
		t.bytes[b] = none
		if id, ok := t.ids[fmt.Sprintf("<0x%02X>", b)]; ok && f.fallback && t.flags[id]&special == 0 {
			t.bytes[b] = id
		}
	}
	if f.unknown != "" {
		id, ok := t.ids[f.unknown]
		if !ok {
			return nil, fmt.Errorf("unk_token %q is not in the vocabulary", f.unknown)
		}
		t.unknown = id
	}
	return t, nil
}

// place gives every id its piece. Ids may have gaps, but not many: what a file
// can make us allocate depends on its length.
func (t *Tokenizer) place(f *file) error {
	top := none
	for _, e := range f.vocab {
		top = max(top, e.id)
	}
	for _, a := range f.added {
		top = max(top, a.id)
	}
	if n := len(f.vocab) + len(f.added); int(top) > 2*n+4096 {
		return fmt.Errorf("id %d in a vocabulary of %d", top, n)
	}
	t.pieces, t.flags = make([]string, top+1), make([]flag, top+1)
	t.ids = make(map[string]ID, len(f.vocab)+len(f.added))
	all, start := string(f.pieces), 0
	for _, e := range f.vocab {
		piece := all[start:e.end]
		start = e.end
		if err := t.put(piece, e.id); err != nil {
			return err
		}
	}
	for _, a := range f.added {
		if id, ok := t.ids[a.content]; ok && id == a.id {
			continue
		}
		if err := t.put(a.content, a.id); err != nil {
			return err
		}
	}
	return nil
}

// put notes that piece and id belong together.
func (t *Tokenizer) put(piece string, id ID) error {
	if other, ok := t.ids[piece]; ok {
		return fmt.Errorf("%q has the ids %d and %d", piece, other, id)
	}
	if t.flags[id]&present != 0 {
		return fmt.Errorf("id %d is %q and %q", id, t.pieces[id], piece)
	}
	t.ids[piece] = id
	t.pieces[id] = piece
	t.flags[id] |= present
	return nil
}

// mark makes the table of added tokens and says which are special. Of those
// that only the configuration names, the ones the vocabulary lacks are left
// out: no row of any matrix belongs to them.
func (t *Tokenizer) mark(fromFile, marked []addedToken) error {
	at := map[string]int{}
	for _, a := range fromFile {
		at[a.content] = len(t.added.list)
		t.added.list = append(t.added.list, a)
	}
	for _, m := range marked {
		id, ok := t.ids[m.content]
		if !ok {
			continue
		}
		i, ok := at[m.content]
		if !ok {
			i = len(t.added.list)
			at[m.content] = i
			t.added.list = append(t.added.list, addedToken{m.content, id, false})
		}
		t.added.list[i].special = true
	}
	for _, a := range t.added.list {
		if a.special {
			t.flags[a.id] |= special
		}
	}
	return t.added.index()
}

// parseConfig returns the tokens that a tokenizer_config.json calls special:
// the roles ("bos_token"), and the lists and maps of further ones.
func parseConfig(config []byte) ([]addedToken, error) {
	if len(config) == 0 {
		return nil, nil
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(config, &keys); err != nil {
		return nil, err
	}
	var marked []addedToken
	take := func(raw json.RawMessage) {
		if content := contentOf(raw); content != "" {
			marked = append(marked, addedToken{content: content, special: true})
		}
	}
	for key, raw := range keys {
		switch {
		case strings.HasSuffix(key, "_token"):
			take(raw)
		case key == "extra_special_tokens" || key == "additional_special_tokens":
			var list []json.RawMessage
			var byRole map[string]json.RawMessage
			if json.Unmarshal(raw, &list) != nil && json.Unmarshal(raw, &byRole) != nil {
				return nil, fmt.Errorf("%s: %.40s, want a list or an object", key, raw)
			}
			for _, raw := range list {
				take(raw)
			}
			for _, raw := range byRole {
				take(raw)
			}
		case key == "added_tokens_decoder":
			var byID map[string]struct {
				Content string
				Special bool
			}
			if err := json.Unmarshal(raw, &byID); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
			for _, a := range byID {
				if a.Special && a.Content != "" {
					marked = append(marked, addedToken{content: a.Content, special: true})
				}
			}
		}
	}
	return marked, nil
}

// contentOf returns a token that is written as a string or as an object with
// a content; it is "" for anything else.
func contentOf(raw json.RawMessage) string {
	var content string
	if json.Unmarshal(raw, &content) == nil {
		return content
	}
	var object struct{ Content string }
	if json.Unmarshal(raw, &object) == nil {
		return object.Content
	}
	return ""
}

// readMerges reads the list of merges, "a b" or ["a", "b"], the most wanted
// first. Those that would make a special token of text are left out.
func (t *Tokenizer) readMerges(r *reader) error {
	t.merges = newPairs(min(len(t.pieces)*2, (len(r.data)-r.pos)/6))
	rank := -1
	var joined []byte
	one := func(left, right []byte) error {
		a, okLeft := t.ids[string(left)]
		b, okRight := t.ids[string(right)]
		joined = append(append(joined[:0], left...), right...)
		c, ok := t.ids[string(joined)]
		if !okLeft || !okRight || !ok {
			return r.fail("merge %d, %q and %q, is not in the vocabulary", rank, left, right)
		}
		if t.flags[c]&special == 0 {
			t.merges.set(a, b, rank, c)
		}
		return nil
	}
	var left []byte
	return r.array(func() error {
		rank++
		if r.peek() == '"' {
			both, err := r.str()
			if err != nil {
				return err
			}
			left, right, ok := bytes.Cut(both, []byte(" "))
			if !ok || bytes.Contains(right, []byte(" ")) {
				return r.fail("merge %d, %q, want two pieces", rank, both)
			}
			return one(left, right)
		}
		n := 0
		err := r.array(func() error {
			piece, err := r.str()
			if err != nil {
				return err
			}
			if n++; n == 1 {
				left = append(left[:0], piece...)
				return nil
			}
			if n > 2 {
				return r.fail("merge %d has %d pieces", rank, n)
			}
			return one(left, piece)
		})
		if err == nil && n != 2 {
			err = r.fail("merge %d has %d pieces", rank, n)
		}
		return err
	})
}
