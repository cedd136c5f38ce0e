package main

import (
	"time"

	"hark/audio/pcm"
	"hark/media/duplex"
)

// playback is the voice of the answer that is being played. Positions are
// samples that the line has played.
type playback struct {
	line  *duplex.Line
	of    *exchange // whose answer it is
	item  string    // "" for none
	base  int64     // where the item begins
	words []timedWords
	over  bool // all of the item is queued
	cut   string
	odd   []byte // half a sample
}

// timedWords are words of an answer and where they begin to be said.
type timedWords struct {
	text string
	at   int64
}

// playing reports whether something of it is still to be heard.
func (p *playback) playing() bool { return p.line.Queued() > 0 || len(p.words) > 0 }

// left returns how long it is still to be heard.
func (p *playback) left() time.Duration {
	return time.Duration(p.line.Queued()) * time.Second / time.Duration(duplex.Rate)
}

// begin makes room for an item. Behind an item that is still being said the
// next one waits in the line.
func (p *playback) begin(x *exchange, item string) bool {
	if item == p.cut {
		return false
	}
	if item != p.item {
		p.of, p.item, p.over, p.odd = x, item, false, nil
		p.base = p.line.Played() + int64(p.line.Queued())
	}
	return true
}

// add queues sound of an item, PCM16.
func (p *playback) add(x *exchange, item string, data []byte) {
	if !p.begin(x, item) {
		return
	}
	data = append(p.odd, data...)
	even := len(data) / 2 * 2
	p.odd = append([]byte(nil), data[even:]...)
	decoder, err := pcm.NewDecoder(pcm.PCM16)
	if err != nil || even == 0 {
		return
	}
	p.line.Play(decoder.Push(data[:even]))
}

// say has words shown when they are heard, seconds into the item's sound.
func (p *playback) say(x *exchange, item, text string, seconds float64) {
	if p.begin(x, item) {
		p.words = append(p.words, timedWords{text, p.base + int64(seconds*float64(duplex.Rate))})
	}
}

// stop falls silent. It returns how much of the item was heard, if any of it
// was not.
func (p *playback) stop() (item string, heard time.Duration, unheard bool) {
	item, played := p.item, p.line.Played()
	unheard = p.line.Clear() > 0 && item != ""
	heard = max(0, time.Duration(played-p.base)*time.Second/time.Duration(duplex.Rate))
	if unheard {
		p.cut = item
	}
	p.item, p.words, p.odd, p.of = "", nil, nil, nil
	return item, heard, unheard
}

// playOn shows the words that have begun to be heard, and when the first
// sound was.
func (t *talk) playOn(now time.Time) {
	p := &t.voice
	played := p.line.Played()
	for len(p.words) > 0 && (p.words[0].at <= played || p.line.Queued() == 0 && p.over) {
		if x := p.of; x != nil {
			t.answered(x, p.words[0].text)
		}
		p.words = p.words[1:]
	}
	if x := p.of; x != nil && x.firstSound.IsZero() && played > p.base {
		x.firstSound = now
	}
	t.settle()
}

// interrupt stops the voice, and tells the server how much of it was heard.
func (t *talk) interrupt(now time.Time) {
	x := t.voice.of
	item, heard, unheard := t.voice.stop()
	if !unheard {
		return
	}
	t.stats.Interruptions++
	if x != nil {
		x.cut = true
	}
	t.send(map[string]any{"type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": heard.Milliseconds()})
	t.show.tell(happening{Type: "interrupted", At: t.since(now), HeardMS: heard.Milliseconds()})
}
