package engine

import (
	"strings"

	"hark/engine/token"
)

// text turns ids into text and watches for stop strings: what may be the
// beginning of one is held back until it is decided.
type text struct {
	decoder *token.Decoder
	stops   []string
	held    string
	stopped bool
}

func newText(t *token.Tokenizer, stops []string) *text {
	return &text{decoder: t.NewDecoder(), stops: stops}
}

// push returns the text that id completes. last: nothing will follow.
func (t *text) push(id token.ID, last bool) string {
	s := t.held + t.decoder.Push(id)
	t.held = ""
	if last {
		s += t.decoder.Flush()
	}
	end, hold := len(s), 0
	for _, stop := range t.stops {
		if stop == "" {
			continue
		}
		if i := strings.Index(s, stop); i >= 0 && i <= end {
			end, t.stopped = i, true
		}
		for n := min(len(stop)-1, len(s)); n > hold; n-- {
			if strings.HasSuffix(s, stop[:n]) {
				hold = n
			}
		}
	}
	if t.stopped {
		return s[:end]
	}
	if last {
		return s
	}
	t.held = s[len(s)-hold:]
	return s[:len(s)-hold]
}
