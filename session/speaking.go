package session

import (
	"context"
	"strings"
	"time"
	"unicode"

	"hark/audio"
	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/session/realtime"
)

// How sound is sent.
const (
	// chunkLength is the most sound of one event.
	chunkLength = 200 * time.Millisecond
	// soundAhead is how much sound may be sent that cannot have been played
	// yet. Clients keep it and drop it when they are interrupted. What lies
	// beyond it somebody who interrupts will never hear, and a slow
	// connection would carry it before the news of the interruption.
	soundAhead = 15 * time.Second
)

// runVoice carries out orders until there are no more, or ctx ends.
func runVoice(ctx context.Context, v *voice, out chan<- step) {
	p := &speaking{
		v:    v,
		wait: func(d time.Duration) bool { return pause(ctx, d) },
		say:  func(c chunk) { out <- step{voice: v, chunk: c} }, // the session takes steps until the last one came
	}
	defer func() { p.say(chunk{last: true}) }()
	for {
		select {
		case <-ctx.Done():
			return
		case o, more := <-v.orders:
			if !more {
				if v.track && p.wait(time.Until(p.until)) {
					p.say(chunk{played: true})
				}
				return
			}
			if err := p.carryOut(ctx, o); err != nil && ctx.Err() == nil {
				p.say(chunk{err: err})
			}
			p.say(chunk{done: true})
		}
	}
}

// pause waits, and reports false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// speaking is the state of runVoice.
type speaking struct {
	v    *voice
	wait func(time.Duration) bool // false: nobody listens any more
	say  func(chunk)

	until time.Time // when what was said so far has been played, at the soonest
	held  *chunk    // said once the next is there or the piece ends

	// Of the message being said.
	bytes  int              // its text before the piece
	taken  int64            // samples of the speaker
	given  int64            // samples in chunks
	stream *resample.Stream // nil before the first sound, and on a track

	// Of the piece being said.
	text string
	told int // bytes of it in chunks
}

// carryOut says a piece, or ends the message. Whatever happens, all words of
// the piece are told.
func (p *speaking) carryOut(ctx context.Context, o order) (err error) {
	p.text, p.told = o.text, 0
	if o.end {
		if p.stream != nil {
			p.give(p.stream.Flush(), nil)
		}
		p.release("")
		p.bytes, p.taken, p.given, p.stream = 0, 0, 0, nil
		return nil
	}
	if !o.silent {
		err = p.pronounce(ctx, o)
	}
	p.release(p.text[p.told:])
	p.bytes += len(p.text)
	return err
}

// pronounce makes the sound of a piece.
func (p *speaking) pronounce(ctx context.Context, o order) error {
	options := p.v.options
	if o.language != "" {
		options.Language = o.language
	}
	for sound, err := range p.v.speaker.Say(ctx, o.text, options) {
		if err != nil {
			return err
		}
		words := make([]placed, len(sound.Words))
		for i, w := range sound.Words {
			words[i] = placed{w.From, w.To, p.lasts(p.taken + w.Start), p.lasts(p.taken + w.End)}
		}
		p.taken += int64(len(sound.Samples))
		samples, err := p.convert(sound.Samples)
		if err != nil {
			return err
		}
		p.give(samples, words)
	}
	return nil
}

// placed is a word of the piece: its bytes, and where it is in the message's
// sound.
type placed struct {
	from, to   int
	start, end time.Duration
}

// lasts returns how long samples of the speaker last.
func (p *speaking) lasts(samples int64) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(p.v.speaker.Rate())
}

// rate returns the samples a second of chunks.
func (p *speaking) rate() int {
	if p.v.track {
		return p.v.speaker.Rate()
	}
	return p.v.format.Rate
}

// convert brings sound to the rate of the response's format. A track takes it
// as it is.
func (p *speaking) convert(samples []float32) ([]float32, error) {
	if p.v.track {
		return samples, nil
	}
	if p.stream == nil {
		var err error
		if p.stream, err = resample.New(audio.Rate(p.v.speaker.Rate()), audio.Rate(p.v.format.Rate)); err != nil {
			return nil, err
		}
	}
	return p.stream.Push(samples), nil
}

// give cuts sound into chunks. Each has the words that begin in it, with what
// stands before and between them; the last has all that are left.
func (p *speaking) give(samples []float32, words []placed) {
	at := func(sample int64) time.Duration {
		return time.Duration(sample) * time.Second / time.Duration(p.rate())
	}
	for len(samples) > 0 {
		n := min(len(samples), int(chunkLength.Seconds()*float64(p.rate())))
		from, to := at(p.given), at(p.given+int64(n))
		c := &chunk{start: from, length: to - from}
		told := p.told
		for len(words) > 0 && (words[0].start < to || n == len(samples)) {
			w := words[0]
			words = words[1:]
			if c.ends == nil {
				c.start = w.start
			}
			c.ends = append(c.ends, wordEnd{w.end, p.bytes + w.to})
			// What stands behind a word goes with it.
			if told = w.to; len(words) > 0 {
				told = words[0].from
			} else {
				told += len(p.text[told:]) - len(strings.TrimLeftFunc(p.text[told:], unicode.IsSpace))
			}
		}
		c.words = p.text[p.told:told]
		p.told = told
		if p.v.track {
			c.samples = samples[:n:n]
		} else {
			c.data = pcm.Append(nil, codec(p.v.format.Codec), samples[:n])
		}
		samples = samples[n:]
		p.given += int64(n)
		p.release("")
		p.held = c
	}
}

// release says the chunk that is held, with more words, as soon as it is not
// too far ahead.
func (p *speaking) release(words string) {
	c := p.held
	p.held = nil
	if c == nil {
		if words == "" {
			return
		}
		c = &chunk{start: p.lasts(p.taken)}
	}
	c.words += words
	if now := time.Now(); p.until.Before(now) {
		p.until = now
	}
	if c.length > 0 && !p.wait(time.Until(p.until.Add(c.length-soundAhead))) {
		return
	}
	p.until = p.until.Add(c.length)
	p.say(*c)
}

// codec returns how samples of a format are written.
func codec(c realtime.Codec) pcm.Format {
	switch c {
	case realtime.CodecULaw:
		return pcm.MuLaw
	case realtime.CodecALaw:
		return pcm.ALaw
	case realtime.CodecPCM:
	}
	return pcm.PCM16
}
