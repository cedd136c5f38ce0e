package main

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// screen shows a conversation in a terminal: what was said scrolls up as in
// any program, and the lines at the bottom, the newest words, what goes on and
// what is being written, are drawn anew as they change.
type screen struct {
	out     io.Writer
	columns func() int
	colour  bool
	began   time.Time
	now     func() time.Time

	lines int // at the bottom, drawn
	drawn string
	last  time.Time // when they were
	newer bool      // what they show has changed since
	s     state
	open  []*exchange // begun to be shown
}

// drawEvery is the least time between two drawings of the bottom.
const drawEvery = 60 * time.Millisecond

func newScreen(out io.Writer, columns func() int, colour bool) *screen {
	return &screen{out: out, columns: columns, colour: colour, now: time.Now}
}

// The colours of ANSI terminals.
const (
	dim    = "2"
	bold   = "1"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	red    = "31"
)

// in returns text in a colour.
func (s *screen) in(colour, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func (s *screen) begin(at time.Time) { s.began = at }

// tell writes what stays, and keeps what the bottom shows.
func (s *screen) tell(h happening) {
	switch h.Type {
	case "ready":
		s.print(s.in(dim, "hark talk: "+h.Text))
	case "notice":
		s.print(s.in(yellow, "! "+h.Text))
	case "exchange":
		s.exchange(h)
	}
	s.newer = true
}

// exchange writes both sides.
func (s *screen) exchange(h happening) {
	if h.User != "" {
		s.print(s.side("you ", cyan, h.User))
	}
	if h.Status == "" {
		return
	}
	answer := s.side("hark", green, h.said())
	if d := h.delays(); d != "" {
		answer += "\n" + s.in(dim, "      "+d)
	}
	s.print(answer)
}

// side lays out what one side said, wrapped, behind its name.
func (s *screen) side(name, colour, text string) string {
	lines := wrap(text, max(10, s.columns()-7))
	for i, line := range lines {
		lead := "      "
		if i == 0 {
			lead = s.in(colour, name) + "  "
		}
		lines[i] = lead + line
	}
	return strings.Join(lines, "\n")
}

// print writes lines above the bottom.
func (s *screen) print(text string) {
	s.erase()
	io.WriteString(s.out, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
	s.draw()
}

// erase takes the bottom away.
func (s *screen) erase() {
	if s.lines == 0 {
		return
	}
	up := ""
	if s.lines > 1 {
		up = fmt.Sprintf("\x1b[%dA", s.lines-1)
	}
	io.WriteString(s.out, "\r"+up+"\x1b[J")
	s.lines, s.drawn = 0, ""
}

// state draws the bottom if something has changed.
func (s *screen) state(st state) {
	s.s = st
	if now := s.now(); now.Sub(s.last) >= drawEvery {
		s.last = now
		s.draw()
	}
}

// draw draws the bottom.
func (s *screen) draw() {
	if s.began.IsZero() || s.s.what == "" {
		return
	}
	lines := s.bottom()
	text := strings.Join(lines, "\r\n")
	if text == s.drawn {
		return
	}
	s.erase()
	io.WriteString(s.out, text)
	s.lines, s.drawn = len(lines), text
}

// bottom returns the lines at the bottom, none wider than the terminal.
func (s *screen) bottom() []string {
	width := max(20, s.columns()-1)
	var lines []string
	if x := s.s.open; x != nil {
		if user := x.user.String(); user != "" {
			lines = append(lines, s.in(cyan, "you ")+"  "+tail(user, width-6))
		}
		if answer := strings.Join(strings.Fields(x.answer.String()), " "); answer != "" {
			lines = append(lines, s.in(green, "hark")+"  "+tail(answer, width-6))
		}
	}
	lines = append(lines, s.stateLine(width))
	if s.s.typing != nil {
		lines = append(lines, s.in(bold, ">")+" "+tail(string(*s.s.typing), width-3)+s.in(dim, "_"))
	}
	return lines
}

// stateLine says what goes on, with the meter and the keys.
func (s *screen) stateLine(width int) string {
	colour := map[string]string{"hearing you": cyan, "speaking": green, "thinking": yellow, "muted": red}[s.s.what]
	if colour == "" {
		colour = bold
	}
	what := fmt.Sprintf("%-11s", s.s.what)
	clock := length(s.now().Sub(s.began).Seconds())
	space := "Space mute"
	if s.s.push {
		space = "Space talk"
	}
	keys := space + "  Enter write  Esc stop  q quit"
	const fixed = 2 + meterCells + 2
	line := s.in(colour, "\u25cf "+what) + " " + s.meter()
	used := 2 + wide(what) + 1 + meterCells
	if used+2+len(clock) <= width {
		line += "  " + s.in(dim, clock)
		used += 2 + len(clock)
	}
	if used+2+len(keys) <= width {
		line += "  " + s.in(dim, keys)
	}
	return line
}

// meterCells is the width of the meter, which begins at meterFloor dB.
const (
	meterCells = 12
	meterFloor = -60.0
)

// meter draws the level of the microphone in eighths of a cell.
func (s *screen) meter() string {
	share := min(1, max(0, (s.s.mic-meterFloor)/-meterFloor))
	eighths := int(share * meterCells * 8)
	var b strings.Builder
	for i := range meterCells {
		switch n := eighths - 8*i; {
		case n >= 8:
			b.WriteRune('\u2588')
		case n > 0:
			b.WriteRune('\u2590' - rune(n)) // from an eighth to seven eighths, left to right
		default:
			b.WriteRune('\u00b7')
		}
	}
	colour := green
	if s.s.mic > -3 {
		colour = red
	}
	return s.in(colour, b.String())
}

func (s *screen) end(st talkStats) {
	s.erase()
	io.WriteString(s.out, s.in(dim, st.String())+"\r\n")
	s.began = time.Time{} // nothing is drawn any more
}

func (s *screen) close() { s.erase() }

// wide returns the columns that a text takes.
func wide(text string) (n int) {
	for _, r := range text {
		n += cells(r)
	}
	return n
}

// cells returns the columns of a rune: East Asian scripts and emoji take two,
// marks that go on top of others none.
func cells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// printable replaces what would move a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// tail returns the end of a text that fits into so many columns.
func tail(text string, columns int) string {
	runes := []rune(printable(text))
	used, from := 0, len(runes)
	for from > 0 && used+cells(runes[from-1]) <= columns {
		from--
		used += cells(runes[from])
	}
	if from == 0 {
		return string(runes)
	}
	for used >= columns && from < len(runes) { // room for the ellipsis
		used -= cells(runes[from])
		from++
	}
	return "\u2026" + string(runes[from:])
}

// wrap cuts a text into lines of so many columns at most, between words where
// that can be.
func wrap(text string, columns int) []string {
	var lines []string
	for _, paragraph := range strings.Split(text, "\n") {
		line, used := "", 0
		for _, word := range strings.Fields(printable(paragraph)) {
			for wide(word) > columns {
				if line != "" {
					lines = append(lines, line)
					line, used = "", 0
				}
				runes, n, w := []rune(word), 0, 0
				for w+cells(runes[n]) <= columns {
					w += cells(runes[n])
					n++
				}
				lines = append(lines, string(runes[:n]))
				word = string(runes[n:])
			}
			if line != "" && used+1+wide(word) > columns {
				lines = append(lines, line)
				line, used = "", 0
			}
			if line != "" {
				line, used = line+" ", used+1
			}
			line, used = line+word, used+wide(word)
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return []string{""}
	}
	return lines
}
