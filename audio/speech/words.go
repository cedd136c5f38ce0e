package speech

import (
	"unicode"
	"unicode/utf8"
)

// estimate says where the words of a text are in so many samples of sound: as
// if each letter took the same time, and a word's end a letter more.
func estimate(text string, samples int64) []Word {
	var words []Word
	var weights []int64
	var total int64
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if unicode.IsSpace(r) {
			i += n
			continue
		}
		from, letters := i, int64(1)
		for i < len(text) && !unicode.IsSpace(r) {
			i += n
			letters++
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		words = append(words, Word{Text: text[from:i], From: from, To: i})
		weights = append(weights, letters)
		total += letters
	}
	var before int64
	for i := range words {
		words[i].Start = before * samples / total
		before += weights[i]
		words[i].End = before * samples / total
	}
	return words
}
