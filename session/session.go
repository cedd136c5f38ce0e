// Package session holds one conversation: packets of a media.Conn and tokens
// of an engine come in, events go out. It is the only package that knows both
// transports and models.
//
// One goroutine, the caller of Run, owns the session's state. Two kinds of
// others send it messages: a reader with the client's packets, and for each
// response in progress one that reads the engine's tokens. The code is cut by
// what comes in: events.go takes client events, listen.go sound, speak.go
// tokens.
//
// Start reading at Run, then listen.go and speak.go.
package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"hark/audio"
	"hark/audio/resample"
	"hark/audio/speech"
	"hark/engine/model"
	"hark/media"
	"hark/session/realtime"
)

const modelRate = int64(audio.ModelRate)

// Options are the choices of a session.
type Options struct {
	// Engine answers. It must be set.
	Engine Engine
	// Log receives a line at the session's end, and faults; nil discards.
	Log *slog.Logger
	// Model is the name that the session shows to the client; "" is the
	// family of the engine's model.
	Model string
	// Instructions are the system prompt until the client sets its own.
	Instructions string
	// Config changes what the session begins with, as a session.update would;
	// nil changes nothing.
	Config *realtime.SessionPatch
	// NewDetector makes the detectors of speech; nil is NewDetector.
	NewDetector func() Detector
	// Shelf keeps the conversation if the connection is lost; nil: it ends
	// then.
	Shelf *Shelf
	// Resume is the id of a conversation that is to go on, which the Shelf
	// keeps or which has a connection still; then that one is closed. ""
	// begins a new one. Model, Instructions, Transcribe and Config count for
	// new ones only.
	Resume string
	// Owner is who the client is. A conversation goes on for its owner only;
	// others are told that there is none.
	Owner string
	// Transcribe makes a session that writes down what the user says and
	// answers nothing, until the client asks for another.
	Transcribe bool
	// Counters count what sessions do; nil is nobody's.
	Counters *Counters
	// Speaker says answers aloud. nil: sessions answer in text, whatever
	// their clients ask for. It is shared; the caller closes it.
	Speaker speech.Speaker
	// Beta speaks the protocol's older names from the first event on; see
	// realtime.AppendBeta. A client that uses them itself gets them from then
	// on anyway.
	Beta bool
	// Observe gets the timings of each response at its end, on the session's
	// goroutine; nil is nobody.
	Observe func(Timings)
	// RateLimits says what a client has left of its limits, asked at the end
	// of each response; nil sends no rate_limits.updated.
	RateLimits func() []realtime.RateLimit
}

// Close codes: 1000 the client left, 1001 the server goes away, 1008 the
// client broke a rule, 1011 the server failed.
const (
	closeNormal    = 1000
	closeGoingAway = 1001
	closePolicy    = 1008
	closeInternal  = 1011
	closeResumed   = 4001 // the conversation goes on elsewhere
	closeUnknown   = 4004 // there is no such conversation
)

// session is the state of one conversation. Its goroutine is the caller of
// Run; no other touches a field but those marked.
type session struct {
	engine      Engine
	info        model.Info
	log         *slog.Logger
	conn        media.Conn
	player      media.Player   // conn, if it plays sound itself
	speaker     speech.Speaker // nil: answers are text
	newDetector func() Detector
	watch       func(Timings)
	rateLimits  func() []realtime.RateLimit
	beta        bool // the client reads the protocol's older names

	thread

	ear        *ear
	live       *utterance       // what is being said, nil between turns
	committing bool             // the client ends the turn, not the server
	commitID   string           // event id of that commit
	deaf       bool             // the client was told that the model cannot hear
	track      *resample.Stream // of sound outside the events, nil before the first
	trackRate  int
	lull       lull

	busy   bool      // a goroutine reads tokens from seq
	active *response // the response in the conversation, nil between them
	queued bool      // a turn ended while it went on, and wants an answer
	beside map[*response]bool

	turnEnded  time.Time       // of the turn that wants an answer, zero for none
	voices     map[*voice]bool // whose goroutines run
	playing    []*voice        // whose sound the connection plays, in order
	soundUntil time.Time       // when the sound that was sent has been played, at the soonest

	guess   *guess          // at the answer to what is being said, nil for none
	guesses map[*guess]bool // with those that are over and not freed yet
	// outdated: the client has changed what a guess was about.
	outdated bool

	// captions wait for their words, the first is being written down. There
	// are maxCaptions; full: what is said next is not written down.
	captions []*caption

	count *Counters

	steps   chan step // shared with the goroutines of responses
	readers sync.WaitGroup

	ended error // why the session ends, nil while it goes on
}

// received is a packet, or the error that ended the connection.
type received struct {
	packet media.Packet
	err    error
}

// Run holds a session until the client leaves, the connection fails or ctx
// ends. It closes conn, and returns when every goroutine of the session and
// of conn has ended. A client that left in order is no error.
func Run(ctx context.Context, conn media.Conn, o Options) error {
	s, err := open(ctx, conn, o)
	if err != nil {
		code, reason := closeInternal, "the server failed"
		if errors.Is(err, ErrUnknownConversation) {
			code, reason = closeReason(err)
		}
		return errors.Join(err, conn.Close(code, reason))
	}
	// inbox holds inboxPackets. Full: the reader waits.
	inbox := make(chan received, inboxPackets)
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() { runReader(conn, inbox, done) })

	id := s.conversationID()
	leave := o.Shelf.enter(id, o.Owner)
	s.greet(o.Resume != "")
	s.loop(ctx, inbox, leave)
	t := s.part(o.Shelf != nil)
	ended := s.ended
	code, reason := closeReason(ended)
	s.logEnd()
	o.Shelf.exit(id, t) // from here on the conversation may be another's

	err = conn.Close(code, reason) // ends the reader's Recv
	close(done)
	reader.Wait()
	if ended == io.EOF {
		return err
	}
	return errors.Join(ended, err)
}

// runReader hands packets to the session until the connection ends.
func runReader(conn media.Conn, inbox chan<- received, done <-chan struct{}) {
	for {
		p, err := conn.Recv(context.Background()) // ends when conn is closed
		select {
		case inbox <- received{p, err}:
		case <-done:
			return
		}
		if err != nil {
			return
		}
	}
}

// open makes the session of a connection, with a new conversation or with the
// one that is to go on.
func open(ctx context.Context, conn media.Conn, o Options) (*session, error) {
	s := newSession(conn, o)
	if o.Resume == "" {
		s.thread = newThread(o, s.info.Family)
		s.beta = s.beta || o.Config != nil && o.Config.Beta
	} else if t := o.Shelf.take(ctx, o.Resume, o.Owner); t != nil {
		s.thread = *t
	} else {
		s.send(realtime.ErrorEvent{Err: realtime.Invalid(realtime.CodeUnknownConversation, "conversation_id",
			"the conversation %.64q is not kept: it was never here, it has ended, or its time is over", o.Resume)})
		return nil, ErrUnknownConversation
	}
	s.log = s.log.With("session", s.config.ID)
	s.config.Output = s.modality(s.config.Output)
	err := s.checkSession(&s.config)
	if err == nil {
		err = s.ear.configure(s.config.InputFormat, s.config.TurnDetection)
	}
	if err != nil {
		s.free()
		return nil, err
	}
	s.stale = s.config.Instructions != "" || s.items.Len() > 0
	return s, nil
}

// newThread begins a conversation.
func newThread(o Options, family string) thread {
	t := thread{id: newIDs(), began: time.Now(), config: realtime.DefaultSession(), said: map[string]*message{}}
	t.config.ID = t.id.next("sess")
	if t.config.Model = o.Model; o.Model == "" {
		t.config.Model = family
	}
	t.config.Instructions = o.Instructions
	if o.Transcribe {
		t.config.Type, t.config.Transcription = realtime.TranscriptionSession, &realtime.Transcription{}
	}
	if o.Config != nil {
		t.config = o.Config.Apply(t.config)
	}
	return t
}

// newSession makes a session without a conversation.
func newSession(conn media.Conn, o Options) *session {
	s := &session{
		engine:      o.Engine,
		info:        o.Engine.Model(),
		log:         o.Log,
		conn:        conn,
		newDetector: o.NewDetector,
		speaker:     o.Speaker,
		watch:       o.Observe,
		rateLimits:  o.RateLimits,
		beta:        o.Beta,
		voices:      map[*voice]bool{},
		beside:      map[*response]bool{},
		guesses:     map[*guess]bool{},
		count:       o.Counters,
		steps:       make(chan step, stepsAhead), // full: the sender waits
	}
	s.player, _ = conn.(media.Player)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.newDetector == nil {
		s.newDetector = NewDetector
	}
	if s.count == nil {
		s.count = &Counters{}
	}
	s.ear = newEar(s.newDetector(), int64(s.info.ClipSamples))
	return s
}

// greet sends the first events. Of a conversation that goes on the client is
// shown all items, in case that it knows none.
func (s *session) greet(again bool) {
	s.send(realtime.SessionCreated{Session: &s.config})
	if s.beta {
		s.send(realtime.ConversationCreated{ConversationID: s.conversationID()})
	}
	if !again {
		return
	}
	previous := ""
	for _, it := range s.items.Items() {
		s.announce(it, previous)
		previous = it.ID
	}
}

// loop is the session's life.
func (s *session) loop(ctx context.Context, inbox <-chan received, leave <-chan struct{}) {
	for s.ended == nil {
		if s.stale && s.idle() && len(inbox) == 0 {
			s.prefill()
		}
		if s.outdated && len(inbox) == 0 {
			s.guessAgain()
		}
		s.nextCaption()
		select {
		case <-ctx.Done():
			s.end(ErrShutdown)
		case <-leave:
			s.end(ErrResumed)
		case in := <-inbox:
			if in.err != nil {
				s.end(in.err)
				continue
			}
			s.receive(in.packet)
		case st := <-s.steps:
			s.step(st)
		case <-s.lullOver():
			s.speakUp()
		}
	}
}

// end makes the loop return. The first reason counts.
func (s *session) end(why error) {
	if s.ended == nil {
		s.ended = why
	}
}

// part ends what the connection brought about, and returns the conversation if
// somebody may come back for it. Otherwise it is freed.
func (s *session) part(shelf bool) *thread {
	lost := shelf && s.ended != io.EOF && !errors.Is(s.ended, ErrShutdown)
	if lost {
		s.breakOff()
	}
	s.stop()
	s.closeSequence(s.seq)
	s.seq, s.stale = nil, true
	if lost && s.items.Len() > 0 {
		t := s.thread
		return &t
	}
	s.free()
	return nil
}

// breakOff ends the responses in progress as an interruption would: what was
// sent of them stays.
func (s *session) breakOff() {
	s.queued = false
	if r := s.active; r != nil {
		s.beside[r] = true
	}
	for r := range s.beside {
		s.finish(r, realtime.Cancelled, realtime.ClientCancelled)
	}
}

// stop cancels what is in progress and frees what it holds of the engine.
func (s *session) stop() {
	if s.active != nil {
		s.active.cancel()
	}
	for r := range s.beside {
		r.cancel()
	}
	for g := range s.guesses {
		g.r.cancel()
	}
	for v := range s.voices {
		v.cancel()
	}
	s.stopCaptions()
	var drain sync.WaitGroup
	stopped := make(chan struct{})
	drain.Go(func() {
		for {
			select {
			case <-s.steps:
			case <-stopped:
				return
			}
		}
	})
	s.readers.Wait()
	close(stopped)
	drain.Wait()
	if r := s.active; r != nil {
		s.beside[r] = true
	}
	for r := range s.beside {
		if !r.released {
			s.closeSequence(r.seq)
			r.free()
		}
	}
	for g := range s.guesses {
		s.drop(g)
	}
	s.guess = nil
	s.abandon()
}

func (s *session) closeSequence(seq Sequence) {
	if seq == nil {
		return
	}
	if err := seq.Close(); err != nil {
		s.log.Error("sequence close", "err", err)
	}
}

// receive takes one packet of the client.
func (s *session) receive(p media.Packet) {
	switch p := p.(type) {
	case media.Event:
		ev, err := realtime.Decode(p)
		if err != nil {
			var e *realtime.Error
			errors.As(err, &e)
			s.fault(e.EventID, err)
			return
		}
		s.handle(ev)
	case media.Audio:
		s.appendTrack(p)
	case media.Picture:
		s.appendImage(realtime.ImageAppend{Image: p})
	}
}

// send sends one event. A client that does not take it ends the session.
func (s *session) send(ev realtime.ServerEvent) {
	if s.ended != nil {
		return
	}
	write := realtime.Append
	if s.beta {
		write = realtime.AppendBeta
	}
	data := write(make([]byte, 0, 512), s.id.next("event"), ev)
	if len(data) == 0 {
		return // not in the older protocol
	}
	if err := s.conn.Send(context.Background(), media.Event(data)); err != nil {
		s.end(err)
	}
}

// closeReason returns the code and the words of the close.
func closeReason(why error) (code int, reason string) {
	switch {
	case why == io.EOF:
		return closeNormal, ""
	case errors.Is(why, ErrShutdown):
		return closeGoingAway, "the server is shutting down"
	case errors.Is(why, ErrResumed):
		return closeResumed, "the conversation goes on on another connection"
	case errors.Is(why, ErrUnknownConversation):
		return closeUnknown, "there is no such conversation"
	}
	return closePolicy, "the connection failed" // nobody is there to read it
}

// logEnd writes the one line of a session.
func (s *session) logEnd() {
	why := "left"
	if s.ended != io.EOF {
		why = s.ended.Error()
	}
	s.log.Info("session ended", "reason", why, "ms", time.Since(s.began).Milliseconds(),
		"items", s.items.Len(), "responses", s.responses, "tokens", s.tokens, "errors", s.errors)
}
