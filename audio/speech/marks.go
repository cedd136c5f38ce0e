package speech

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The marks of many scripts. Those of the second kind need no space behind
// them.
const (
	sentenceMarks = ".!?…।॥؟۔։።"
	wideSentence  = "。！？｡"
	clauseMarks   = ",;:،؛፣—–"
	wideClause    = "，、；："
	closers       = "\"'”’»)]}*_`>」』）】》"
)

// look is how many bytes from a mark on are looked at: no run of marks,
// brackets and spaces makes a piece wait for longer.
const look = 64

// mark returns where the piece ends if the character at scan ends it, 0 if it
// does not. It is known once what follows has shown it.
func (s *Splitter) mark(r rune, size int) (n int, known bool) {
	text := s.text
	seen := len(text) >= s.scan+look+utf8.UTFMax
	if seen {
		text = text[:whole(text, s.scan+look)]
	}
	behind := s.scan + size
	switch {
	case r == '\n':
		return behind, true
	case strings.ContainsRune(wideSentence, r) || strings.ContainsRune(wideClause, r) && s.enough():
		end := skip(text, behind, closers)
		return end, seen || end < len(text)
	case strings.ContainsRune(sentenceMarks, r):
		before, _ := utf8.DecodeLastRuneInString(text[:s.scan])
		if strings.ContainsRune(sentenceMarks, before) {
			break // the first of them has decided
		}
		end := skip(text, skip(text, behind, sentenceMarks), closers)
		n, known := s.sentence(text, r, end)
		return n, seen || known
	case strings.ContainsRune(clauseMarks, r) && s.enough():
		end := skip(text, behind, closers)
		return afterSpace(text, end), seen || end < len(text)
	case unicode.IsSpace(r) && s.enough() && s.spaceless():
		return behind, true
	}
	return 0, true
}

// enough reports whether a clause is long enough to be a piece.
func (s *Splitter) enough() bool {
	if !s.spoken {
		return s.columns >= firstClause
	}
	return s.columns >= nextClause
}

// spaceless reports whether the text before scan is of a script that puts
// spaces between clauses only.
func (s *Splitter) spaceless() bool {
	r, _ := utf8.DecodeLastRuneInString(s.text[:s.scan])
	return unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// skip returns where the characters of a set that begin at text[i:] end.
func skip(text string, i int, set string) int {
	return i + len(text[i:]) - len(strings.TrimLeft(text[i:], set))
}

// afterSpace returns the end of the space at text[i:], 0 if there is none.
func afterSpace(text string, i int) int {
	r, size := utf8.DecodeRuneInString(text[i:])
	if size == 0 || !unicode.IsSpace(r) {
		return 0
	}
	return i + size
}

// sentence returns where a piece ends whose sentence may end before end, and
// whether that is known.
func (s *Splitter) sentence(text string, mark rune, end int) (n int, known bool) {
	n = afterSpace(text, end)
	if n == 0 {
		return 0, end < len(text)
	}
	// What begins the next sentence, behind spaces and what opens it.
	next := text[end:]
	next = next[len(next)-len(strings.TrimLeft(next, " \t\r\u00a0\"'“‘«([*_")):]
	word := text[:s.scan]
	word = word[strings.LastIndexFunc(word, unicode.IsSpace)+1:]
	word = strings.TrimLeft(word, "\"'“‘«([*_")
	known = next != ""
	if number(word) { // the longest beginning of a month
		known = len(next) >= 4 || strings.Contains(next, "\n")
	}
	if !s.ends(mark, word, next) {
		n = 0
	}
	return n, known
}

// ends reports whether a mark with a space behind it ends a sentence. word
// stands before it, and next begins with what comes then.
func (s *Splitter) ends(mark rune, word, next string) bool {
	first, _ := utf8.DecodeRuneInString(next)
	switch {
	case first == '\n':
		return true
	case mark == '…' || mark != '.' || strings.HasPrefix(s.text[s.scan:], ".."):
		return !unicode.IsLower(first) || s.enough()
	case number(word):
		return !s.lineStart(word) && (len(word) > 2 || !unicode.IsLower(first) && !month(next))
	}
	return word != "" && !shortened(word, first)
}

// lineStart reports whether word is all that stands before scan in its line.
func (s *Splitter) lineStart(word string) bool {
	before := strings.TrimRight(s.text[:s.scan-len(word)], " \t*_>-")
	return before == "" && !s.inline || strings.HasSuffix(before, "\n")
}

func number(word string) bool {
	return word != "" && strings.Trim(word, "0123456789") == ""
}

// months are the beginnings of the months' names in languages that write "3."
// for the third.
var months = []string{"jan", "jän", "feb", "mär", "mar", "apr", "mai", "maj", "jun", "jul", "aug", "sep", "okt", "nov", "dez", "des", "dec"}

func month(text string) bool {
	for _, m := range months {
		if len(text) >= len(m) && strings.EqualFold(text[:len(m)], m) {
			return true
		}
	}
	return false
}

// Words before a dot that ends no sentence: the first kind never does, the
// second not before a small letter, the third not before a number.
var (
	titles = set("dr mr mrs ms prof st vs gen gov hon jr lt rev sen sgt capt col cf e.g i.e eg ie approx al ed eds " +
		"mt messrs mme mlle sr sra srta ud uds dña hr fr frl str tel bzw z.b d.h u.a o.ä i.d.r sog evtl ggf usf vgl ca p.ex av bd ing dott sig avv т.е т.к г ул")
	endings = set("etc inc ltd co corp usw a.m p.m am pm jan feb mar apr jun jul aug sep sept oct nov dec u.s u.k")
	counted = set("no nos nr vol pp p fig art kap abs cap n")
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// shortened reports whether word is cut short by a dot. next is what the next
// word begins with.
func shortened(word string, next rune) bool {
	lower, small := strings.ToLower(word), unicode.IsLower(next)
	switch {
	case titles[lower]:
		return true
	case endings[lower]:
		return small
	case counted[lower]:
		return unicode.IsDigit(next)
	case utf8.RuneCountInString(word) == 1: // initials, but not "So do I."
		r, _ := utf8.DecodeRuneInString(word)
		return unicode.IsUpper(r) && word != "I" || small && unicode.IsLetter(r)
	}
	for i, letter := range strings.Split(word, ".") { // J.R.R
		if i > 0 && small {
			return true
		}
		if r, size := utf8.DecodeRuneInString(letter); size != len(letter) || !unicode.IsLetter(r) {
			return false
		}
	}
	return true
}
