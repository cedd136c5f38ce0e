package session

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/token"
	"hark/session/conversation"
	"hark/session/realtime"
)

// response is one answer, from response.created to response.done.
type response struct {
	params realtime.ResponseParams
	wire   realtime.Response // as the client sees it
	timing

	// A response that has its own input, or is out of band, has a sequence
	// of its own, and the items made for it.
	seq   Sequence // nil: the conversation's
	input []*conversation.Item
	owned []*conversation.Item

	guess *guess // what it is while nobody has asked for it, nil after that

	started  bool // tokens are being read
	ending   bool // what the model still writes does not count
	again    bool // it is asked for again when the goroutine has let go
	closed   bool // response.done was sent
	released bool // no tokens are read any more
	cancel   context.CancelFunc

	prompt  Prompt
	parser  chat.Parser
	voice   *voice     // nil: the answer is text
	writing *message   // what the model writes, nil outside
	message *message   // what the client is given, nil outside; a voice is behind the model
	ids     []token.ID // written since the last item ended
	ends    []int      // bytes of the message's text with each of them
	mixed   bool       // they are not only those of a message: thoughts, calls
	calling bool       // the model writes the arguments of a call
	called  *call      // the call that the client is being given, nil outside
	index   int        // output_index of the next item
}

// createResponse begins an answer that the client asks for.
func (s *session) createResponse(ev realtime.ResponseCreate) {
	if err := s.respond(ev.Params); err != nil {
		s.fault(ev.ID(), err)
	}
}

// answerTurn begins the answer to a turn that the server found. While another
// answer goes on, it waits for its end.
func (s *session) answerTurn() {
	s.turnEnded = time.Now()
	if s.active != nil {
		s.queued = true
		return
	}
	s.answerNow()
}

// answerNow begins the answer to the turn that ended last.
func (s *session) answerNow() {
	if err := s.respond(realtime.ResponseParams{}); err != nil {
		s.fault("", err)
	}
}

// respond begins a response. An error means that there is none; whatever goes
// wrong later is said by response.done.
func (s *session) respond(p realtime.ResponseParams) error {
	switch {
	case p.OutOfBand && len(s.beside) >= MaxOutOfBand:
		return &realtime.Error{Kind: realtime.TypeServer, Code: realtime.CodeOverloaded,
			Message: fmt.Sprintf("%d responses out of band are in progress, want at most that many", MaxOutOfBand)}
	case !p.OutOfBand && s.active != nil:
		return realtime.Invalid(realtime.CodeActiveResponse, "",
			"Conversation already has an active response in progress: %s", s.active.wire.ID)
	case len(p.Tools.Value) > MaxTools:
		return realtime.Invalid(realtime.CodeTooLong, "response.tools", "%d tools, want at most %d", len(p.Tools.Value), MaxTools)
	}
	r := &response{params: p, cancel: func() {}}
	if err := s.gather(r); err != nil {
		r.free()
		return err
	}
	s.openResponse(r)
	if r.seq == nil && s.busy {
		return nil // it starts when the cancelled one before it has let go
	}
	s.start(r)
	return nil
}

// openResponse tells the client of a response.
func (s *session) openResponse(r *response) {
	p := &r.params
	r.wire = realtime.Response{
		ID:              s.id.next("resp"),
		Status:          realtime.InProgress,
		ConversationID:  s.conversationID(),
		Output:          s.modality(p.Output.Or(s.config.Output)),
		MaxOutputTokens: p.MaxOutputTokens.Or(s.config.MaxOutputTokens),
		Format:          p.Format.Or(s.config.OutputFormat),
		Voice:           p.Voice.Or(s.config.Voice),
		Metadata:        p.Metadata,
	}
	if p.OutOfBand {
		r.wire.ConversationID = ""
		s.beside[r] = true
	} else {
		s.active = r
	}
	if r.wire.Output == realtime.ModalityAudio {
		r.voice = s.newVoice(r)
	}
	r.since(s.turnEnded)
	s.turnEnded = time.Time{}
	s.responses++
	s.send(realtime.ResponseCreated{Response: &r.wire})
}

// modality returns how an answer is given for which a modality was asked:
// without a voice it is text.
func (s *session) modality(m realtime.Modality) realtime.Modality {
	if s.speaker == nil {
		return realtime.ModalityText
	}
	return m
}

func (s *session) conversationID() string { return "conv" + s.config.ID[len("sess"):] }

// gather finds the items that a response is to be about, and opens a sequence
// of its own where it needs one.
func (s *session) gather(r *response) error {
	switch {
	case r.params.Input.Set:
		if len(r.params.Input.Value) > MaxItems {
			return tooManyItems()
		}
		for i, wire := range r.params.Input.Value {
			path := fmt.Sprintf("response.input[%d]", i)
			if wire.Type == realtime.ItemReference {
				it := s.items.Get(wire.ID)
				if it == nil {
					return realtime.Invalid(realtime.CodeInvalidValue, path+".id", "there is no item %.64q", wire.ID)
				}
				r.input = append(r.input, it)
				continue
			}
			it, err := s.newItem(wire, path)
			if err != nil {
				return err
			}
			r.input, r.owned = append(r.input, it), append(r.owned, it)
		}
	case r.params.OutOfBand:
		r.input = append(r.input, s.items.Items()...)
	default:
		return nil
	}
	seq, err := s.engine.Open()
	if err != nil {
		return err
	}
	r.seq = seq
	return nil
}

// free frees the items that were made for the response.
func (r *response) free() {
	for _, it := range r.owned {
		it.Close()
	}
	r.owned = nil
}

// start renders the prompt and begins to read tokens.
func (s *session) start(r *response) {
	r.started = true
	instructions := r.params.Instructions.Or(s.config.Instructions)
	o := s.chatOptions(&r.params)
	o.Generate = true
	var prompt Prompt
	var err error
	seq := r.seq
	if seq == nil {
		prompt, err = s.set(instructions, o)
		seq = s.seq
		s.stale = false
	} else if prompt, _, err = s.fit(instructions, r.input, o); err == nil {
		_, err = seq.Set(prompt)
	}
	if err != nil {
		s.fail(r, err)
		s.release(r)
		return
	}
	r.wire.Usage = CountTokens(prompt, 0)
	g, err := s.generation(r, prompt, o)
	if err != nil {
		s.fail(r, err)
		s.release(r)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	s.busy = s.busy || r.seq == nil
	s.readers.Go(func() {
		defer cancel()
		runResponse(ctx, r, seq, g, s.steps)
	})
}

// generation returns how a response's answer to a prompt is made, and readies
// the response to take it.
func (s *session) generation(r *response, prompt Prompt, o chat.Options) (engine.Generate, error) {
	r.prompt = prompt
	r.parser = s.engine.Parser(prompt, o)
	g := engine.Generate{Max: r.params.MaxOutputTokens.Or(s.config.MaxOutputTokens), Sample: s.info.Sampling}
	g.Sample.Seed = rand.Uint64()
	if err := Constrain(s.engine, &g, o.Tools, s.mustCall(&r.params)); err != nil {
		return g, err
	}
	if t := r.params.Temperature; t.Set {
		g.Sample.Temperature = float32(t.Value)
	} else if t := s.config.Temperature; t.Set {
		g.Sample.Temperature = float32(t.Value)
	}
	return g, nil
}

// CountTokens counts a prompt by kind, and of each kind the positions among the
// first reused ones.
func CountTokens(p Prompt, reused int) *realtime.Usage {
	u := &realtime.Usage{}
	for _, part := range p {
		n := part.Tokens()
		cached := min(n, reused)
		reused -= cached
		switch part.Medium.(type) {
		case nil:
			u.InputText, u.CachedText = u.InputText+n, u.CachedText+cached
		case Clip:
			u.InputAudio, u.CachedAudio = u.InputAudio+n, u.CachedAudio+cached
		default:
			u.InputImage, u.CachedImage = u.InputImage+n, u.CachedImage+cached
		}
	}
	return u
}

// fail ends a response that the server could not give.
func (s *session) fail(r *response, err error) {
	e, _ := s.explain(err)
	r.wire.Err = e
	s.finish(r, realtime.Failed, "")
}

// complete ends a response that the model is done with, once all of it is said.
func (s *session) complete(r *response, status realtime.Status, reason realtime.Reason) {
	if r.ending {
		return
	}
	r.ending = true
	r.cancel()
	item := realtime.Completed
	if status != realtime.Completed {
		item = realtime.Incomplete
	}
	s.endMessage(r, item)
	s.add(r, cue{then: func() { s.finish(r, status, reason) }})
}

// finish sends the closing events. Nothing of the response follows them,
// whatever its goroutines still read and say.
func (s *session) finish(r *response, status realtime.Status, reason realtime.Reason) {
	if r.closed {
		return
	}
	r.closed, r.ending = true, true
	r.cancel()
	s.breakCall(r)
	if status == realtime.Completed && r.index == 0 && r.message == nil {
		s.openMessage(r, &message{}) // an answer without a word is an answer
		s.closeMessage(r, realtime.Completed)
	}
	s.closeMessage(r, realtime.Incomplete)
	if r.voice != nil {
		r.voice.quit(status == realtime.Cancelled || status == realtime.Failed)
	}
	r.wire.Status, r.wire.Reason = status, reason
	if r.wire.Usage == nil {
		r.wire.Usage = &realtime.Usage{}
	}
	s.observe(r)
	s.send(realtime.ResponseDone{Response: &r.wire})
	if s.rateLimits != nil {
		s.send(realtime.RateLimitsUpdated{Limits: s.rateLimits()})
	}
	tokens := r.wire.Usage.Output()
	s.tokens += tokens
	s.thrift.spoke(tokens)
	s.count.TokensSaid.Add(int64(tokens))
	if s.active == r {
		s.active = nil
		s.stale = true
		s.beginLull()
	}
	if r.released { // by a voice that was behind the model
		delete(s.beside, r)
		s.proceed()
	}
}

// release is called once for every response, when no goroutine reads tokens for
// it any more: it frees what the response held and goes on with what waited.
func (s *session) release(r *response) {
	r.released = true
	if r.seq != nil {
		s.closeSequence(r.seq)
		r.free()
	}
	if r.closed {
		delete(s.beside, r)
	}
	s.proceed()
}

// proceed goes on with what waited for the end of a response.
func (s *session) proceed() {
	switch {
	case s.active != nil && !s.active.started && !s.busy:
		s.start(s.active)
	case s.queued && s.active == nil:
		s.queued = false
		s.answerNow()
	}
}
