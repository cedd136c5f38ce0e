package token

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxID bounds ids in a file of any size.
const maxID = 1 << 26

// file is what Load keeps of a tokenizer.json until the Tokenizer is made.
type file struct {
	vocab    []entry // in the order of the file
	pieces   []byte  // the pieces of vocab, one behind the other
	merges   int     // where the list of merges starts; 0 if there is none
	added    []addedToken
	unknown  string
	fallback bool // code points that are no token become bytes
	bytes    bool // the decoder makes bytes of <0xNN>
	split    string

	whole, fuse        bool
	normalize, restore substitution
}

// entry is one entry of the vocabulary, whose piece ends at end.
type entry struct {
	end int
	id  ID
}

// Load makes a Tokenizer of the contents of tokenizer.json and
// tokenizer_config.json; the latter may be nil, it only tells of more tokens
// that are special. The contents are not needed afterwards. Errors say what
// in the files is broken, or that they are of another kind of tokenizer.
//
// Source: gemma4.md 5.
func Load(tokenizerJSON, tokenizerConfigJSON []byte) (*Tokenizer, error) {
	if !utf8.Valid(tokenizerJSON) {
		return nil, errors.New("token: tokenizer.json: not UTF-8")
	}
	r := &reader{data: tokenizerJSON}
	var f file
	err := r.object(func(key []byte) error { return f.section(r, string(key)) })
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, fmt.Errorf("token: tokenizer.json: %w", err)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("token: tokenizer.json: %w", err)
	}
	marked, err := parseConfig(tokenizerConfigJSON)
	if err != nil {
		return nil, fmt.Errorf("token: tokenizer_config.json: %w", err)
	}
	t, err := f.tokenizer(marked)
	if err == nil && f.merges > 0 {
		r.pos, r.depth = f.merges, 0
		err = t.readMerges(r)
	}
	if err != nil {
		return nil, fmt.Errorf("token: tokenizer.json: %w", err)
	}
	return t, nil
}

// section reads one value of the top level.
func (f *file) section(r *reader, key string) error {
	if r.null() {
		return nil
	}
	switch key {
	case "added_tokens":
		return r.array(func() error { return f.readAdded(r) })
	case "normalizer":
		return f.readNormalizer(r)
	case "pre_tokenizer":
		return f.readSplit(r)
	case "decoder":
		return f.readDecoder(r)
	case "model":
		return r.object(func(key []byte) error { return f.readModel(r, string(key)) })
	}
	return r.skip()
}

// readModel reads one value of the object "model".
func (f *file) readModel(r *reader, key string) (err error) {
	switch key {
	case "type":
		kind, err := r.optional()
		if err == nil && kind != "BPE" {
			err = fmt.Errorf("model %q, want BPE", kind)
		}
		return err
	case "unk_token":
		f.unknown, err = r.optional()
		return err
	case "continuing_subword_prefix", "end_of_word_suffix":
		mark, err := r.optional()
		if err == nil && mark != "" {
			err = fmt.Errorf("model: %s %q, want none", key, mark)
		}
		return err
	case "fuse_unk":
		f.fuse, err = r.boolean()
		return err
	case "byte_fallback":
		f.fallback, err = r.boolean()
		return err
	case "ignore_merges":
		f.whole, err = r.boolean()
		return err
	case "vocab":
		if f.vocab != nil {
			return errors.New("model: vocab stands twice")
		}
		f.vocab = make([]entry, 0, len(r.data)/128)
		return r.object(func(piece []byte) error {
			f.pieces = append(f.pieces, piece...)
			id, err := r.number(maxID)
			f.vocab = append(f.vocab, entry{len(f.pieces), ID(id)})
			return err
		})
	case "merges":
		r.peek()
		f.merges = r.pos
	}
	return r.skip()
}

// readAdded reads one element of added_tokens.
func (f *file) readAdded(r *reader) error {
	t := addedToken{id: none}
	err := r.object(func(key []byte) (err error) {
		switch k := string(key); k {
		case "id":
			id, err := r.number(maxID)
			t.id = ID(id)
			return err
		case "content":
			t.content, err = r.optional()
			return err
		case "special":
			t.special, err = r.boolean()
			return err
		case "single_word", "lstrip", "rstrip":
			on, err := r.boolean()
			if err == nil && on {
				err = fmt.Errorf("added token %q: %s is not supported", t.content, k)
			}
			return err
		}
		return r.skip()
	})
	if err == nil && t.id == none {
		err = fmt.Errorf("added token %q: no id", t.content)
	}
	f.added = append(f.added, t)
	return err
}

// step is a normalizer, a splitter or a decoder.
type step struct {
	kind, pattern, content, behavior string
	literal                          bool // pattern is a string, not an expression
}

// steps reads one of those, or the elements of a Sequence of them.
func (r *reader) steps() ([]step, error) {
	var own step
	var all []step
	err := r.object(func(key []byte) (err error) {
		switch string(key) {
		case "type":
			own.kind, err = r.optional()
		case "content":
			own.content, err = r.optional()
		case "behavior":
			own.behavior, err = r.optional()
		case "pattern":
			err = r.object(func(key []byte) (err error) {
				own.literal = string(key) == "String"
				own.pattern, err = r.optional()
				return err
			})
		case "normalizers", "decoders", "pretokenizers":
			err = r.array(func() error {
				some, err := r.steps()
				all = append(all, some...)
				return err
			})
		default:
			err = r.skip()
		}
		return err
	})
	if own.kind != "Sequence" {
		all = append(all, own)
	}
	return all, err
}

// readNormalizer accepts a single replacement of one string.
func (f *file) readNormalizer(r *reader) error {
	all, err := r.steps()
	for _, s := range all {
		if s.kind != "Replace" || !s.literal || s.pattern == "" || f.normalize.from != "" {
			return fmt.Errorf("normalizer %+v, want one Replace of a string", all)
		}
		f.normalize = substitution{s.pattern, s.content}
	}
	return err
}

// readSplit accepts a split at a string; check makes sure it never occurs.
func (f *file) readSplit(r *reader) error {
	all, err := r.steps()
	for _, s := range all {
		if s.kind != "Split" || !s.literal || s.pattern == "" || f.split != "" {
			return fmt.Errorf("pre_tokenizer %+v, want one Split at a string", all)
		}
		f.split = s.pattern
	}
	return err
}

// readDecoder accepts a replacement, the bytes, and joining.
func (f *file) readDecoder(r *reader) error {
	all, err := r.steps()
	for _, s := range all {
		switch {
		case s.kind == "Replace" && s.literal && s.pattern != "" && f.restore.from == "" && !f.bytes:
			f.restore = substitution{s.pattern, s.content}
		case s.kind == "ByteFallback":
			f.bytes = true
		case s.kind == "Fuse":
		default:
			return fmt.Errorf("decoder %+v, want Replace, ByteFallback, Fuse", all)
		}
	}
	return err
}

// check refuses what would need a splitter before the merges.
func (f *file) check() error {
	if f.vocab == nil {
		return errors.New("no model with a vocab")
	}
	if f.split != "" && (f.split != f.normalize.from || bytes.Contains([]byte(f.normalize.to), []byte(f.split))) {
		return fmt.Errorf("pre_tokenizer splits at %q, which the normalizer leaves", f.split)
	}
	return nil
}
