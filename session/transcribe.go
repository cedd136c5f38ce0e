package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hark/engine"
	"hark/engine/chat"
	"hark/session/conversation"
	"hark/session/realtime"
	"hark/session/turn"
)

// The user's words are written down by the model itself, one utterance after
// another, on a sequence of its own that knows nothing of the conversation. It
// waits until the answer to the utterance has begun and comes second to all
// answers, so that nobody ever waits for it.

// scribeText asks for the words of what follows. It is the form that Gemma 4
// was trained on for speech recognition (its model card, "Audio").
const scribeText = `Transcribe the following speech segment in %s. Follow these specific instructions for formatting the answer:
* Only output the transcription, with no newlines.
* When transcribing numbers, write the digits, i.e. write 1.7 and not one point seven, and write 3 instead of three.`

// scribePrompt returns what asks for the words, by the wishes of the client.
func scribePrompt(t *realtime.Transcription) string {
	language := "its original language"
	if t == nil {
		return fmt.Sprintf(scribeText, language)
	}
	if t.Language != "" {
		language = fmt.Sprintf("the language %q", t.Language)
	}
	text := fmt.Sprintf(scribeText, language)
	if t.Prompt != "" {
		text += "\n* It may be about this: " + t.Prompt
	}
	return text
}

// caption is the writing down of one utterance.
type caption struct {
	item    *conversation.Item
	part    int
	prompts []Prompt // one a clip
	seq     Sequence // that has read the first of them already, nil for none
	seconds float64
	words   strings.Builder
	cancel  context.CancelFunc // nil until it has begun
	over    bool               // nobody wants to know any more
}

// scribble is a message of a caption's goroutine: words, an error, or the end.
type scribble struct {
	c    *caption
	text string
	err  error
	last bool // the goroutine has let go of the clips
}

// transcribe has the words of a committed utterance written down, if the
// client wants them. Where there was no speech there are none: models write
// down words for silence and noise too.
func (s *session) transcribe(u *utterance) {
	if s.config.Transcription == nil && s.config.Type != realtime.TranscriptionSession || u.clip == nil {
		return
	}
	c := &caption{item: u.item, part: u.part, seconds: float64(turn.Milliseconds(u.length)) / 1000}
	if u.silent {
		s.completeCaption(c)
		s.written(c.item)
		return
	}
	if len(s.captions) >= maxCaptions {
		s.failCaption(c, engine.ErrOverload)
		return
	}
	for _, clip := range u.item.Media[u.part] {
		prompt, err := s.dictate(clip, chat.Options{Generate: true})
		if err != nil {
			s.failCaption(c, err)
			return
		}
		c.prompts = append(c.prompts, prompt)
	}
	if s.config.Type == realtime.TranscriptionSession && len(c.prompts) == 1 && !s.busy {
		c.seq, s.seq = s.seq, nil // it has been listening
	}
	s.captions = append(s.captions, c)
}

// dictate renders the question for the words of a clip.
func (s *session) dictate(clip conversation.Medium, o chat.Options) (Prompt, error) {
	return s.render("", []*conversation.Item{{
		Item: realtime.Item{Type: realtime.Message, Role: realtime.RoleUser, Content: []realtime.Content{
			{Type: realtime.InputText, Text: scribePrompt(s.config.Transcription)},
			{Type: realtime.InputAudio},
		}},
		Media: [][]conversation.Medium{nil, {clip}},
	}}, o)
}

// nextCaption begins the oldest caption that waits, unless one is being
// written or somebody waits for the first word of an answer.
func (s *session) nextCaption() {
	if len(s.captions) == 0 || s.captions[0].cancel != nil || s.active != nil && s.active.tokens == 0 {
		return
	}
	c := s.captions[0]
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	s.readers.Go(func() {
		defer cancel()
		runCaption(ctx, s.engine, c, func(w scribble) {
			w.c = c
			s.steps <- step{words: &w} // the session takes steps until the last one came
		})
	})
}

// runCaption reads the words of all clips of a caption.
func runCaption(ctx context.Context, e Engine, c *caption, say func(scribble)) {
	seq, err := c.seq, error(nil)
	if seq != nil {
		seq.SetClass(engine.Batch)
	} else {
		patient, cancel := context.WithTimeout(ctx, captionWait)
		seq, err = e.OpenWait(patient, engine.Batch)
		cancel()
	}
	if err == nil {
		for i := 0; i < len(c.prompts) && err == nil; i++ {
			err = dictation(ctx, e, seq, c.prompts[i], i > 0, say)
		}
		err = errors.Join(err, seq.Close())
	}
	if ctx.Err() != nil {
		err = nil
	}
	say(scribble{err: err, last: true})
}

// dictation reads the words of one clip. Behind another they stand apart.
func dictation(ctx context.Context, e Engine, seq Sequence, prompt Prompt, behind bool, say func(scribble)) error {
	if _, err := seq.Set(prompt); err != nil {
		return err
	}
	parser := e.Parser(prompt, chat.Options{})
	begun := false
	tell := func(pieces []chat.Piece) {
		for _, p := range pieces {
			text := p.Text
			if p.Kind != chat.PieceText {
				continue
			}
			if !begun {
				if text = strings.TrimLeft(text, " \n"); text != "" && behind {
					text = " " + text
				}
			}
			if text != "" {
				begun = true
				say(scribble{text: text})
			}
		}
	}
	for t, err := range seq.Generate(ctx, engine.Generate{Max: wordsOf(prompt)}) {
		if err != nil {
			return err
		}
		tell(parser.Push(t.ID, t.Text))
	}
	tell(parser.Flush())
	return nil
}

// wordsOf returns the most tokens that the words in a prompt's clip can have:
// nobody says more than one a soft token for long.
func wordsOf(p Prompt) (n int) {
	for _, part := range p {
		if part.Medium != nil {
			n += part.Medium.Tokens()
		}
	}
	return n + 16
}

// write takes what a caption's goroutine says.
func (s *session) write(w *scribble) {
	c := w.c
	if w.last {
		s.captions = s.captions[1:] // one is written at a time
		s.sweep()
	}
	switch {
	case c.over:
	case w.err != nil:
		s.failCaption(c, w.err)
	case w.last:
		s.completeCaption(c)
	default:
		c.words.WriteString(w.text)
		s.send(realtime.TranscriptionDelta{ItemID: c.item.ID, ContentIndex: c.part, Delta: w.text})
		return
	}
	if w.last {
		s.written(c.item)
	}
}

// completeCaption hands over what was written down.
func (s *session) completeCaption(c *caption) {
	text := strings.TrimSpace(c.words.String())
	c.item.Content[c.part].Transcript = text
	s.send(realtime.TranscriptionCompleted{ItemID: c.item.ID, ContentIndex: c.part, Transcript: text, Seconds: c.seconds})
}

// written is called when nothing more will be known of an item's words.
func (s *session) written(it *conversation.Item) {
	if s.config.Type == realtime.TranscriptionSession {
		s.trash = append(s.trash, &conversation.Item{Media: it.Media}) // nobody will ask what is in it
		it.Media = nil
		s.sweep()
	}
}

// failCaption tells the client that it will not get the words.
func (s *session) failCaption(c *caption, err error) {
	e, _ := s.explain(err)
	s.send(realtime.TranscriptionFailed{ItemID: c.item.ID, ContentIndex: c.part, Err: e})
}

// forgetCaption is called when an item is deleted: its words are of no use.
func (s *session) forgetCaption(it *conversation.Item) {
	for i, c := range s.captions {
		if c.item != it {
			continue
		}
		c.over = true
		if c.cancel != nil {
			c.cancel()
			return
		}
		s.closeSequence(c.seq)
		s.captions = append(s.captions[:i:i], s.captions[i+1:]...)
		return
	}
}

// beingWritten returns the clips whose words are still to be written down.
func (s *session) beingWritten() map[conversation.Medium]bool {
	clips := map[conversation.Medium]bool{}
	for _, c := range s.captions {
		for _, prompt := range c.prompts {
			for _, part := range prompt {
				if part.Medium != nil {
					clips[part.Medium] = true
				}
			}
		}
	}
	return clips
}

// listenAlong reads what is being said into the sequence that will write it
// down, where nothing else is asked.
func (s *session) listenAlong() {
	if s.live == nil || s.live.clip == nil {
		return
	}
	prompt, err := s.dictate(s.live.clip, chat.Options{Open: true})
	if err == nil && s.seq == nil {
		s.seq, err = s.engine.Open()
	}
	if err == nil {
		_, err = s.seq.Set(prompt)
	}
	if err != nil {
		s.log.Debug("listening along", "err", err) // the caption says so
		return
	}
	s.sweep()
}

// makeRoom lets the oldest item go where a conversation only grows: a session
// that writes down all day has no end.
func (s *session) makeRoom() {
	if s.config.Type != realtime.TranscriptionSession || s.items.Len() < MaxItems {
		return
	}
	it := s.items.Items()[0]
	s.items.Delete(it.ID)
	s.forgetCaption(it)
	s.trash = append(s.trash, it)
}

// stopCaptions ends all captions: those that have begun let go by themselves.
func (s *session) stopCaptions() {
	for _, c := range s.captions {
		if c.over = true; c.cancel != nil {
			c.cancel()
		} else {
			s.closeSequence(c.seq)
		}
	}
}
