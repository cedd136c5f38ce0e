package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// gemma4Marks are the special tokens at the ids that all sizes of Gemma 4 have
// them at. Source: specification of Gemma 4, section 5.
var gemma4Marks = map[int]string{
	0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 46: "<|tool>", 47: "<tool|>", 48: "<|tool_call>", 49: "<tool_call|>",
	50: "<|tool_response>", 51: "<tool_response|>", 52: `<|"|>`, 98: "<|think|>", 100: "<|channel>", 101: "<channel|>",
	105: "<|turn>", 106: "<turn|>", 255999: "<|image>", 256000: "<|audio>", 258880: "<|image|>", 258881: "<|audio|>",
	258882: "<image|>", 258883: "<audio|>", 258884: "<|video|>",
}

// gemma3Marks are those of Gemma 3.
var gemma3Marks = map[int]string{
	0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 4: "<mask>", 105: "<start_of_turn>", 106: "<end_of_turn>",
}

func (s *shape) marks() map[int]string {
	if s.gemma3 {
		return gemma3Marks
	}
	return gemma4Marks
}

// roles is tokenizer_config.json.
func (s *shape) roles() object {
	return object{
		"tokenizer_class": "GemmaTokenizer", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>",
		"extra_special_tokens": slices.Sorted(maps.Values(s.marks())),
	}
}

// tokenizer returns a tokenizer.json whose vocabulary is as long as that of the
// model: the special tokens, bytes, single characters, and made-up words, each
// merged of a shorter word and a letter. It encodes any text.
func (s *shape) tokenizer() []byte {
	marks := s.marks()
	var w strings.Builder
	w.WriteString(`{"version":"1.0","added_tokens":[`)
	for i, id := range slices.Sorted(maps.Keys(marks)) {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(&w, `{"id":%d,"content":%s,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}`, id, quote(marks[id]))
	}
	w.WriteString(`],"normalizer":{"type":"Replace","pattern":{"String":" "},"content":"▁"},` +
		`"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]},` +
		`"model":{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{`)
	pieces, merges := words(s.text.vocab - len(marks))
	for id, next := 0, 0; id < s.text.vocab; id++ {
		piece, special := marks[id]
		if !special {
			piece = pieces[next]
			next++
		}
		if id > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(&w, "%s:%d", quote(piece), id)
	}
	w.WriteString(`},"merges":[`)
	for i, m := range merges {
		if i > 0 {
			w.WriteByte(',')
		}
		fmt.Fprintf(&w, "[%s,%s]", quote(m[0]), quote(m[1]))
	}
	w.WriteString("]}}\n")
	return []byte(w.String())
}

// words returns n pieces, and the merges that make the longer ones. n must
// hold the bytes and the single characters.
func words(n int) (pieces []string, merges [][2]string) {
	for b := range 256 {
		pieces = append(pieces, fmt.Sprintf("<0x%02X>", b))
	}
	pieces = append(pieces, "\n", "▁")
	for c := '!'; c <= '~'; c++ {
		pieces = append(pieces, string(c))
	}
	const letters = "etaoinshrdlcumwfgypbvkjxqz"
	roots := []string{"▁"}
	for _, c := range letters {
		roots = append(roots, string(c))
	}
	for len(pieces) < n {
		var longer []string
		for _, root := range roots {
			for _, c := range letters {
				if len(pieces) == n {
					return pieces, merges
				}
				longer = append(longer, root+string(c))
				pieces = append(pieces, root+string(c))
				merges = append(merges, [2]string{root, string(c)})
			}
		}
		roots = longer
	}
	return pieces, merges
}

var escapes = strings.NewReplacer("\\", "\\\\", `"`, `\"`, "\n", `\n`)

// quote returns s, which has no control characters but line ends, as a JSON
// string.
func quote(s string) string { return `"` + escapes.Replace(s) + `"` }
