package speech

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// espeak-ng's program does not say when it speaks a word. Its phonemes do so
// well enough: a word takes as long as they usually do, and where a clause
// ends is heard from the silence behind it. Against the library's own events,
// on English sentences that the numbers below were not made from, the
// beginnings of words are off by 42 ms in the median and by 125 ms at most in
// nine of ten words. Letters in the place of phonemes do half as well.

// How long phonemes and letters last at the normal speed, in milliseconds: the
// least squares for the durations that espeak-ng's library tells of.
const (
	vowelMS, stressMS, lengthMS     = 39, 14, 27
	stopMS, fricativeMS, sonorantMS = 85, 90, 72

	letterMS, digitMS, symbolMS, syllableMS = 55, 97, 400, 200

	shortestMS = 40
	clauseEnd  = 1.15 // a clause's last word is that much longer
)

// quiet is the amplitude below which there is no voice.
const quiet = 60. / 32768

// field is a word of a plain text: text[from:to].
type field struct{ from, to int }

// fields returns the words of a plain text: what stands between spaces, and
// each character of scripts that have none.
func fields(text string) (list []field) {
	from := -1
	end := func(at int) {
		if from >= 0 {
			list = append(list, field{from, at})
		}
		from = -1
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			end(i)
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			end(i)
			from = i
		case from < 0:
			from = i
		}
	}
	end(len(text))
	return list
}

// phonemeMS estimates how long a word lasts from its phonemes in the
// International Phonetic Alphabet.
func phonemeMS(ipa string) (ms float64) {
	for _, r := range ipa {
		switch {
		case strings.ContainsRune("ˈˌ", r):
			ms += stressMS
		case r == 'ː':
			ms += lengthMS
		case strings.ContainsRune("aeiouyɐɑɒæəɚɛɜɪɔʊʌʉøœɨᵻɯɤɵɘ", r):
			ms += vowelMS
		case strings.ContainsRune("ptkbdɡʔɾcɟqʈɖ", r):
			ms += stopMS
		case strings.ContainsRune("fvszʃʒθðhxçɣχʁʂʐɕʑβɸħ", r):
			ms += fricativeMS
		case unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r):
			ms += sonorantMS
		}
	}
	return max(ms, shortestMS)
}

// letterwiseMS estimates it from the letters.
func letterwiseMS(word string) (ms float64) {
	for _, r := range word {
		switch {
		case columns(r) > 1:
			ms += syllableMS
		case unicode.IsDigit(r):
			ms += digitMS
		case unicode.IsLetter(r):
			ms += letterMS
		case unicode.Is(unicode.Sc, r) || strings.ContainsRune("%&+=@", r):
			ms += symbolMS
		}
	}
	return max(ms, shortestMS)
}

// span is a stretch of sound, in samples.
type span struct{ from, to int }

// place says where the words of a piece are in its sound. milliseconds has the
// estimated length of each field.
func place(p *plain, list []field, milliseconds []float64, samples []float32, rate int) []Word {
	voice := voiced(samples)
	clauses := clausesOf(p.text, list)
	spans := anchor(samples, voice, clauses, milliseconds, rate)
	if spans == nil {
		clauses, spans = [][]int{allOf(list)}, []span{voice}
	}
	words := make([]Word, 0, len(list))
	for c, clause := range clauses {
		total := 0.
		for k, i := range clause {
			if k == len(clause)-1 {
				milliseconds[i] *= clauseEnd
			}
			total += milliseconds[i]
		}
		at, length := float64(spans[c].from), float64(spans[c].to-spans[c].from)
		for _, i := range clause {
			from, to := p.source(list[i].from, list[i].to)
			w := Word{From: from, To: to, Start: int64(at)}
			at += milliseconds[i] / total * length
			w.End = int64(at)
			words = append(words, w)
		}
	}
	return words
}

func allOf(list []field) []int {
	all := make([]int, len(list))
	for i := range all {
		all[i] = i
	}
	return all
}

// clausesOf groups words by the marks behind them.
func clausesOf(text string, list []field) (clauses [][]int) {
	var clause []int
	for i, f := range list {
		clause = append(clause, i)
		last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(text[f.from:f.to], closers))
		if i == len(list)-1 || strings.ContainsRune(sentenceMarks+clauseMarks+wideSentence+wideClause, last) {
			clauses, clause = append(clauses, clause), nil
		}
	}
	return clauses
}

// voiced returns where the voice begins and ends.
func voiced(samples []float32) span {
	loud := func(x float32) bool { return x > quiet || x < -quiet }
	from := max(slices.IndexFunc(samples, loud), 0)
	to := len(samples)
	for to > from && !loud(samples[to-1]) {
		to--
	}
	return span{from, to}
}

// anchor finds the clauses between the longest silences. It returns nil where
// they do not fit the estimates, as with a comma that was not spoken.
func anchor(samples []float32, voice span, clauses [][]int, milliseconds []float64, rate int) []span {
	if len(clauses) < 2 {
		return nil
	}
	var silences []span
	for i := voice.from; i < voice.to; i++ {
		from := i
		for i < voice.to && samples[i] <= quiet && samples[i] >= -quiet {
			i++
		}
		if i-from > rate/40 {
			silences = append(silences, span{from, i})
		}
	}
	if len(silences) < len(clauses)-1 {
		return nil
	}
	slices.SortStableFunc(silences, func(a, b span) int { return (b.to - b.from) - (a.to - a.from) })
	silences = silences[:len(clauses)-1]
	slices.SortFunc(silences, func(a, b span) int { return a.from - b.from })
	spans := make([]span, len(clauses))
	at, voiceLength, total := voice.from, 0., 0.
	for c := range clauses {
		spans[c] = span{at, voice.to}
		if c < len(silences) {
			spans[c].to, at = silences[c].from, silences[c].to
		}
		voiceLength += float64(spans[c].to - spans[c].from)
		for _, i := range clauses[c] {
			total += milliseconds[i]
		}
	}
	for c, s := range spans {
		want := 0.
		for _, i := range clauses[c] {
			want += milliseconds[i] / total * voiceLength
		}
		got := float64(s.to - s.from)
		if off := max(got-want, want-got); off > float64(rate)/3 && (got < want/2 || got > want*2) {
			return nil
		}
	}
	return spans
}
