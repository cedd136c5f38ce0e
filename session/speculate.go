package session

import (
	"context"
	"time"

	"hark/engine"
	"hark/session/conversation"
	"hark/session/realtime"
)

// When a turn has likely ended, its answer begins before anybody knows: the
// sequence and the clip are forked, the fork of the clip ends, and the model
// answers it in silence. If the turn ends there, the fork takes the place of
// what it was forked from, what is written already is said at once, and the
// answer goes on. If the user goes on, the fork is closed, and nothing is left
// of it: neither in the caches nor in the conversation nor on the wire.

// guess is an answer that is made before the turn has ended.
type guess struct {
	r    *response // not announced
	seq  Sequence  // a fork of the conversation's
	clip Clip      // a fork of the utterance's last clip, ended

	ahead  []step        // what was written so far
	queue  int           // tokens that may wait in the engine beside them
	room   chan struct{} // a place for each token that may be read unasked; full: the reader waits for wanted
	wanted chan struct{} // closed when the turn has ended
	over   bool          // nobody will ask for it any more
	ended  bool          // no goroutine reads from seq any more
}

// likelyEnd is called when the user has probably said all: what the live
// utterance has heard is all that it will be if so.
func (s *session) likelyEnd() {
	if !s.mayGuess() {
		return
	}
	tokens := s.thrift.allow()
	if tokens == 0 || s.engine.Loaded() {
		s.count.Rested.Add(1)
		return
	}
	if s.stale || s.seq == nil {
		s.prefill() // the fork is to hold all that is known
	}
	if s.seq == nil {
		return
	}
	if err := s.begin(tokens); err != nil {
		s.log.Debug("no speculation", "err", err) // whoever asks for the answer will be told
	}
}

// mayGuess reports whether the end of the turn would be answered at once.
func (s *session) mayGuess() bool {
	d := s.config.TurnDetection
	return d != nil && d.CreateResponse && s.config.Type == realtime.RealtimeSession &&
		s.live != nil && s.live.failed == nil && s.live.clip != nil &&
		s.guess == nil && s.idle() && s.items.Len() < MaxItems
}

// begin begins a guess of so many tokens.
func (s *session) begin(tokens int) error {
	seq, err := s.seq.Fork()
	if err != nil {
		return err
	}
	seq.SetClass(engine.Speculative)
	g := &guess{
		seq:    seq,
		clip:   s.live.clip.Fork(),
		queue:  min(tokens, queueAhead),
		room:   make(chan struct{}, max(tokens-queueAhead, 0)),
		wanted: make(chan struct{}),
	}
	g.clip.End()
	g.r = &response{guess: g, cancel: func() {}}
	if err := s.pose(g); err != nil {
		s.drop(g)
		return err
	}
	s.guess = g
	s.guesses[g] = true
	s.count.Speculations.Add(1)
	return nil
}

// pose puts the question that a guess answers, and begins to read the answer.
func (s *session) pose(g *guess) error {
	item := s.live.with(g.clip)
	o := s.chatOptions(nil)
	o.Generate = true
	prompt, gone, err := s.fit(s.config.Instructions, append(s.items.Items()[:s.items.Len():s.items.Len()], item), o)
	if err == nil && len(gone) > 0 {
		err = engine.ErrTooLong // what is forgotten cannot be remembered
	}
	if err != nil {
		return err
	}
	if _, err := g.seq.Set(prompt); err != nil {
		return err
	}
	how, err := s.generation(g.r, prompt, o)
	if err != nil {
		return err
	}
	how.Ahead = g.queue
	ctx, cancel := context.WithCancel(context.Background())
	g.r.cancel = cancel
	s.readers.Go(func() {
		defer cancel()
		runGuess(ctx, g, how, s.steps)
	})
	return nil
}

// with returns the utterance's item as it is if its last clip is another.
func (u *utterance) with(c Clip) *conversation.Item {
	it := *u.item
	it.Media = make([][]conversation.Medium, len(u.item.Media))
	for i, media := range u.item.Media {
		it.Media[i] = append([]conversation.Medium(nil), media...)
	}
	last := it.Media[u.part]
	last[len(last)-1] = c
	return &it
}

// runGuess reads the tokens of a guess, until there is no room for more and
// nobody has asked for it, it ends or ctx does.
func runGuess(ctx context.Context, g *guess, how engine.Generate, out chan<- step) {
	for t, err := range g.seq.Generate(ctx, how) {
		if err != nil {
			if ctx.Err() == nil {
				out <- step{r: g.r, err: err}
			}
			break
		}
		out <- step{r: g.r, token: t}
		select {
		case <-g.wanted:
		case g.room <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	out <- step{r: g.r, last: true} // the session takes steps until this one came
}

// foresee takes what a guess has written.
func (s *session) foresee(g *guess, st step) {
	g.ended = g.ended || st.last
	switch {
	case g.over && g.ended:
		s.drop(g)
	case g.over && st.err == nil:
		s.threw(1)
	case g.over:
	case st.err != nil:
		s.abandonGuess() // the turn is answered as if there had been none
	default:
		g.ahead = append(g.ahead, st)
	}
}

// adopt makes the guess the answer to the turn that has just ended: the item
// has its clip already.
func (s *session) adopt() {
	g := s.guess
	s.guess = nil
	delete(s.guesses, g)
	s.closeSequence(s.seq)
	s.seq = g.seq
	s.seq.SetClass(engine.Speaking)
	r := g.r
	r.guess, r.started, s.turnEnded = nil, true, time.Now()
	s.busy, s.stale = true, false
	s.openResponse(r)
	r.wire.Usage = CountTokens(r.prompt, 0)
	s.count.Confirmed.Add(1)
	if len(g.ahead) > 0 {
		s.count.FirstTokenReady.Add(1)
	}
	s.thrift.confirmed()
	close(g.wanted)
	for _, st := range g.ahead {
		s.step(st)
	}
}

// confirm makes the guess's clip that of the utterance.
func (s *session) confirm() {
	if s.guess == nil {
		return
	}
	u := s.live
	u.item.Media = u.with(s.guess.clip).Media
	s.trash = append(s.trash, &conversation.Item{Media: [][]conversation.Medium{{u.clip}}})
	u.clip, s.guess.clip = s.guess.clip, nil
}

// resumed is called when the user goes on after likelyEnd.
func (s *session) resumed() {
	if s.guess != nil {
		s.thrift.abandoned()
	}
	s.abandonGuess()
}

// changed is called when the client changes what will be asked. If the user is
// silent still, another guess is made of that.
func (s *session) changed() {
	s.outdated = s.outdated || s.guess != nil
	s.abandonGuess()
}

// guessAgain makes a guess in place of an outdated one.
func (s *session) guessAgain() {
	if s.outdated = false; s.ear.hold {
		s.likelyEnd()
	}
}

// abandonGuess is called when a guess answers something else than what will be
// asked.
func (s *session) abandonGuess() {
	g := s.guess
	if g == nil {
		return
	}
	s.guess = nil
	g.over = true
	g.r.cancel()
	s.count.Abandoned.Add(1)
	written := 0
	for _, st := range g.ahead {
		if !st.last {
			written++
		}
	}
	if written > cap(g.room) && !g.ended {
		written += g.queue // the reader waited, so the engine's queue is full, or soon was
	}
	s.threw(written)
	g.ahead = nil
	if g.ended {
		s.drop(g)
	}
}

// threw counts tokens that nobody wanted.
func (s *session) threw(tokens int) {
	s.thrift.threw(tokens)
	s.count.TokensThrownAway.Add(int64(tokens))
}

// drop frees what a guess holds. No goroutine reads for it.
func (s *session) drop(g *guess) {
	delete(s.guesses, g)
	s.closeSequence(g.seq)
	if g.clip != nil {
		g.clip.Close()
	}
}
