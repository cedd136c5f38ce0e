package speech

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plain is text as it is spoken: without the marks of Markdown, without what
// has no sound. It remembers where each byte of it stands in the source.
type plain struct {
	text string
	at   []int // for each byte of text the byte of the source
	end  []int // for each byte of text the end of its character in the source
}

// source returns where text[from:to] stands in the source.
func (p *plain) source(from, to int) (int, int) { return p.at[from], p.end[to-1] }

// toPlain takes a piece of a Splitter apart line by line. Headings, items and
// rows of tables end like sentences; rules and addresses of pictures are not
// spoken.
func toPlain(source string) *plain {
	w := &writer{source: source}
	for start := 0; start < len(source); {
		stop := len(source)
		if i := strings.IndexByte(source[start:], '\n'); i >= 0 {
			stop = start + i + 1
		}
		w.line(start, stop)
		start = stop
	}
	w.trim()
	return &plain{string(w.out), w.at, w.end}
}

// writer makes a plain.
type writer struct {
	source  string
	out     []byte
	at, end []int
	last    rune // the last character but spaces, 0 at first
}

// put writes a character that stands in source[from:to].
func (w *writer) put(r rune, from, to int) {
	space := unicode.IsSpace(r)
	if space {
		if n := len(w.out); n == 0 || w.out[n-1] == ' ' {
			return
		}
		r = ' '
	} else {
		w.last = r
	}
	w.out = utf8.AppendRune(w.out, r)
	for len(w.at) < len(w.out) {
		w.at, w.end = append(w.at, from), append(w.end, to)
	}
}

// pause writes a mark unless there is one already.
func (w *writer) pause(mark rune, at int) {
	if w.last == 0 || !unicode.IsLetter(w.last) && !unicode.IsDigit(w.last) && !strings.ContainsRune(")\"'”’»%", w.last) {
		return
	}
	w.trim()
	w.put(mark, at, at)
}

// trim takes a space at the end back.
func (w *writer) trim() {
	if n := len(w.out); n > 0 && w.out[n-1] == ' ' {
		w.out, w.at, w.end = w.out[:n-1], w.at[:n-1], w.end[:n-1]
	}
}

// line writes the line source[start:stop].
func (w *writer) line(start, stop int) {
	from, to := start, start+len(strings.TrimRight(w.source[start:stop], " \t\r\n"))
	structured := stop > to && strings.HasSuffix(w.source[start:stop], "\n")
	from += len(w.source[from:to]) - len(strings.TrimLeft(w.source[from:to], " \t>"))
	body := w.source[from:to]
	switch {
	case isRule(body):
		w.pause('.', from)
		w.put(' ', to, to)
		return
	case strings.HasPrefix(body, "#"):
		from += len(body) - len(strings.TrimLeft(body, "#"))
	case strings.HasPrefix(body, "|"):
		from++
		to = start + len(strings.TrimRight(w.source[start:to], "|"))
		to = max(to, from)
	default:
		if n := bullet(body); n > 0 {
			w.pause('.', from)
			from += n
		}
	}
	w.inline(from, to)
	if structured {
		w.pause('.', to)
	}
	if stop > to {
		w.put(' ', to, stop)
	}
}

// isRule reports whether a line only draws: a rule, or the line under the head
// of a table.
func isRule(line string) bool {
	return len(line) >= 3 && strings.Trim(line, "-*_=|: \t") == ""
}

// bullet returns the length of an item's mark. Numbers of items are spoken.
func bullet(line string) int {
	for _, mark := range []string{"- ", "* ", "+ ", "• ", "– ", "◦ "} {
		if strings.HasPrefix(line, mark) {
			n := len(mark)
			for _, box := range []string{"[ ] ", "[x] ", "[X] "} {
				if strings.HasPrefix(line[n:], box) {
					n += len(box)
				}
			}
			return n
		}
	}
	return 0
}

// inline writes source[from:to] without the marks inside lines.
func (w *writer) inline(from, to int) {
	for i := from; i < to; {
		rest := w.source[i:to]
		if n := w.special(i, rest); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(rest)
		if s := sayable(r); s != 0 {
			w.put(s, i, i+n)
		}
		i += n
	}
}

// special takes what is more than a character, and returns its length.
func (w *writer) special(i int, rest string) int {
	switch rest[0] {
	case '!':
		if strings.HasPrefix(rest, "![") {
			return 1 // a picture is its description
		}
	case '[':
		return 1
	case ']':
		if strings.HasPrefix(rest, "](") {
			if n := strings.IndexByte(rest, ')'); n > 0 {
				return n + 1
			}
			return len(rest) // the rest of an address
		}
		return 1
	case '<':
		if n := strings.IndexByte(rest[:min(len(rest), 100)], '>'); n > 1 && (isLetter(rest[1]) || rest[1] == '/') && !strings.Contains(rest[:n], "://") {
			return n + 1
		}
	case '|':
		w.pause(',', i)
		w.put(' ', i, i+1)
		return 1
	case '_':
		if len(rest) > 1 && i > 0 && isLetter(w.source[i-1]) && isLetter(rest[1]) {
			w.put(' ', i, i+1) // within_a_name
		}
		return 1
	case 'h', 'H':
		return w.address(i, rest)
	}
	return 0
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// address speaks of a URL only the host.
func (w *writer) address(i int, rest string) int {
	scheme := 0
	for _, s := range []string{"https://", "http://"} {
		if len(rest) > len(s) && strings.EqualFold(rest[:len(s)], s) {
			scheme = len(s)
		}
	}
	if scheme == 0 || i > 0 && isLetter(w.source[i-1]) {
		return 0
	}
	end := strings.IndexAny(rest, " \t<>\"')]|*")
	if end < 0 {
		end = len(rest)
	}
	end -= len(rest[:end]) - len(strings.TrimRight(rest[:end], ".,;:!?"))
	from := scheme
	if strings.HasPrefix(rest[from:end], "www.") {
		from += len("www.")
	}
	for j := from; j < end && !strings.ContainsRune("/?#:", rune(rest[j])); j++ {
		if s := sayable(rune(rest[j])); s != 0 && rest[j] < utf8.RuneSelf && rest[j] != '[' {
			w.put(s, i+j, i+j+1)
		}
	}
	return end
}

// sayable returns the character that a voice reads for r, or 0 for none.
func sayable(r rune) rune {
	switch r {
	case '*', '`', '~', '#', '{', '}', '\\', utf8.RuneError:
		return 0
	case '→', '⇒', '—', '–', '―':
		return ','
	case '\u00a0', '\u202f', '\u2009':
		return ' '
	case '°', '©', '®', '™', '№', '℃', '℉', '¦':
		return r
	case '\u200c', '\u200d': // they shape letters in some scripts, and join emoji
		return 0
	}
	switch {
	case r >= 0x1f000 && r < 0x20000, unicode.Is(unicode.So, r), unicode.Is(unicode.Sk, r),
		unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
		return 0
	case unicode.IsControl(r) && !unicode.IsSpace(r):
		return 0
	}
	return r
}

// silent reports whether text has nothing to say.
func (p *plain) silent() bool {
	return !strings.ContainsFunc(p.text, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Sc, r) || strings.ContainsRune("%+=&@√∞½¼¾²³", r)
	})
}
