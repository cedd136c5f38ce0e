package speech

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Piece is a part of a text that is spoken in one go.
type Piece struct {
	Text   string // with the spaces behind it
	Silent bool   // there is nothing to say in it: code, or a line without text
}

// The lengths of pieces, in columns: a character counts one, of the scripts
// that write a syllable with each character three.
const (
	firstClause = 12  // the first piece may end with a clause of that length,
	nextClause  = 60  // later ones with such a clause,
	firstWords  = 60  // the first one between words,
	nextWords   = 180 // later ones between words,
	longest     = 260 // and any anywhere
)

// Splitter cuts text that comes in bits into pieces which can be spoken before
// the rest is there. The pieces together are the text. Where they end depends
// on the text alone, not on the bits in which it came.
//
// A piece ends with a sentence, a line or, when it is long, with a clause; the
// first one sooner than others, because somebody waits for it. A mark counts
// only when what follows shows what it is: "3.5", "Dr. No", "3. Oktober",
// "example.com" and "U.S. dollars" stay whole. No piece is longer than some 260
// characters, whatever the text.
//
// The zero value is ready. It is not safe for concurrent use.
type Splitter struct {
	text    string // not handed out
	scan    int    // text[:scan] holds no end of a piece
	columns int    // of text[:scan]
	space   int    // behind the last space in text[:scan], 0 for none
	spoken  bool   // a piece was handed out that is not silent
	inline  bool   // the piece begins within a line
	fence   string // the mark that ends the code in progress, "" outside
	part    string // the beginning of a character whose rest has not come
}

// Push adds a bit of text and returns the pieces that it completes.
func (s *Splitter) Push(text string) []Piece {
	text = s.part + text
	n := len(text)
	for i := max(n-utf8.UTFMax+1, 0); i < n; i++ {
		if utf8.RuneStart(text[i]) && !utf8.FullRuneInString(text[i:]) {
			n = i
		}
	}
	s.text += text[:n]
	s.part = text[n:]
	return s.cut(false)
}

// Flush ends the text and returns what is left. The splitter is as new.
func (s *Splitter) Flush() []Piece {
	s.text += s.part
	s.part = ""
	pieces := s.cut(true)
	if s.text != "" {
		pieces = append(pieces, s.take(len(s.text), s.fence != "" || !s.inline && fenceOf(s.text) != ""))
	}
	*s = Splitter{}
	return pieces
}

// cut takes pieces off the text as long as their ends are sure.
func (s *Splitter) cut(last bool) (pieces []Piece) {
	for {
		n, silent := s.end(last)
		if n == 0 {
			return pieces
		}
		pieces = append(pieces, s.take(n, silent))
	}
}

// take takes a piece off the text.
func (s *Splitter) take(n int, silent bool) Piece {
	p := Piece{s.text[:n], silent || strings.TrimSpace(s.text[:n]) == ""}
	s.inline = !strings.HasSuffix(p.Text, "\n")
	s.text = s.text[n:]
	s.scan, s.columns, s.space = 0, 0, 0
	s.spoken = s.spoken || !p.Silent
	return p
}

// end returns where the first piece ends, 0 if that is not known yet.
func (s *Splitter) end(last bool) (n int, silent bool) {
	if n, code := s.code(last); code {
		return n, true
	}
	for s.scan < len(s.text) {
		rest := s.text[s.scan:]
		r, size := utf8.DecodeRuneInString(rest)
		n, known := s.mark(r, size)
		if !known && !last {
			return 0, false
		}
		if n > 0 {
			return n, false
		}
		s.scan += size
		if s.columns += columns(r); unicode.IsSpace(r) {
			s.space = s.scan
		}
		if n := s.tooLong(); n > 0 {
			return n, false
		}
	}
	return 0, false
}

// code finds the code between fences, line by line. It reports true if the text
// begins with such a line, or with what may become one; n is its length, 0
// while that is not known.
func (s *Splitter) code(last bool) (n int, code bool) {
	if s.inline && s.fence == "" {
		return 0, false
	}
	n = strings.IndexByte(s.text[:min(len(s.text), longest+1)], '\n') + 1
	if n == 0 && len(s.text) > longest {
		n = whole(s.text, longest)
	}
	begin := strings.TrimLeft(s.text, " \t")
	if n == 0 && !last && len(begin) < 3 && strings.Trim(begin, "`~") == "" {
		return 0, true // it may become a fence
	}
	mark := ""
	if !s.inline {
		if mark = fenceOf(s.text); n > 0 {
			mark = fenceOf(s.text[:n])
		}
	}
	if s.fence == "" && mark == "" {
		return 0, false
	}
	if n > 0 {
		switch s.fence {
		case "":
			s.fence = mark
		case mark:
			s.fence = ""
		}
	}
	return n, true
}

// fenceOf returns the mark of a line that begins or ends code, "" for others.
func fenceOf(line string) string {
	line = strings.TrimLeft(line, " \t")
	switch {
	case strings.HasPrefix(line, "~~~"):
		return "~~~"
	case strings.HasPrefix(line, "```") && !strings.Contains(strings.TrimLeft(line, "`"), "`"):
		return "```"
	}
	return ""
}

// whole returns the largest n up to limit that does not cut a character.
func whole(text string, limit int) int {
	n := min(limit, len(text))
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

// columns returns how much of a piece's length a character takes.
func columns(r rune) int {
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) {
		return 3
	}
	return 1
}

// tooLong returns where a piece without any mark ends.
func (s *Splitter) tooLong() int {
	words := nextWords
	if !s.spoken {
		words = firstWords
	}
	switch {
	case s.columns >= words && s.space == s.scan:
		return s.scan
	case s.columns >= longest && s.space > 0:
		return s.space
	case s.columns >= longest:
		return s.scan
	}
	return 0
}
