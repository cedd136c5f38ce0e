package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"hark/audio/echo"
	"hark/audio/resample"
	"hark/audio/vad"
	"hark/media/camera"
	"hark/media/duplex"
)

// talk is a conversation. The goroutine of run owns its fields; others send it
// frames, events, keys and errors.
type talk struct {
	c        *talkCommand
	caller   caller
	link     *link
	line     *duplex.Line
	show     display
	keys     <-chan key
	frames   *camera.Camera
	pictures [][]byte
	warnings []string

	canceller  *echo.Canceller // nil: there is none
	halfDuplex bool
	to16       *resample.Stream
	detector   *vad.Detector
	rests      time.Time // the microphone rests until then, because the voice may be heard
	muted      bool      // or not pressed
	micLevel   float64   // dB of full scale
	lastSpeech time.Time // when the user last spoke, as far as is known
	rec        *recorder

	voice     playback
	exchanges []*exchange // not shown whole yet, oldest first
	told      []saying    // those that are, oldest first, at most maxTold
	hearing   bool        // the user speaks, the server says
	answering string      // the response in progress, "" for none
	aloud     bool        // the server answers in sound
	id        string      // of the conversation, "" as long as it is not known
	blind     bool        // the server takes no frames
	typing    *[]rune     // what is being written, nil: nothing

	files *fileTurns // nil: a microphone
	stats talkStats
	began time.Time
	quit  bool
	ended error
}

func newTalk(c *talkCommand, to caller, frames *camera.Camera, pictures [][]byte) *talk {
	t := &talk{c: c, caller: to, line: duplex.NewLine(), frames: frames, pictures: pictures, detector: vad.New(), muted: c.PushToTalk}
	t.to16, _ = resample.New(duplex.Rate, vad.Rate) // rates that it knows
	t.voice.line = t.line
	return t
}

// link is a session with what sends and receives.
type link struct {
	wire wire
	out  chan []byte // linkQueue events. Full: sound is dropped; for other events the session counts as stuck
	in   chan received
	done chan struct{}
	wg   sync.WaitGroup

	shut  sync.Once
	ended error // of the wire, once it is shut
}

// received is an event, or why there are no more.
type received struct {
	event []byte
	err   error
}

const (
	linkQueue = 256
	soundRoom = 50 // places in the queue that are not for sound
)

var errStuck = errors.New("the server takes no more events")

// dial begins a session, or goes on with one.
func (t *talk) dial(ctx context.Context, conversation string) error {
	w, err := t.caller.call(ctx, conversation)
	if err != nil {
		return err
	}
	l := &link{wire: w, out: make(chan []byte, linkQueue), done: make(chan struct{}),
		in: make(chan received, linkQueue)} // full: the server waits
	l.wg.Go(l.runReader)
	l.wg.Go(l.runWriter)
	t.link = l
	return t.setUp(ctx, conversation == "")
}

// runReader hands events on until there are no more.
func (l *link) runReader() {
	for {
		event, err := l.wire.Recv()
		select {
		case l.in <- received{event, err}:
		case <-l.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// runWriter sends what is queued.
func (l *link) runWriter() {
	for {
		select {
		case event := <-l.out:
			if l.wire.Send(event) != nil {
				l.wire.Close() // the reader says why
				return
			}
		case <-l.done:
			return
		}
	}
}

// close ends the session and waits for what belongs to it. A second one does
// nothing more.
func (l *link) close() error {
	l.shut.Do(func() {
		close(l.done)
		l.ended = l.wire.Close()
		l.wg.Wait()
	})
	return l.ended
}

// send queues an event.
func (t *talk) send(event map[string]any) {
	data, err := json.Marshal(event)
	if err != nil {
		t.end(err)
		return
	}
	select {
	case t.link.out <- data:
	default:
		t.end(errStuck)
	}
}

// end makes run return. The first error counts.
func (t *talk) end(err error) {
	if !t.quit {
		t.quit, t.ended = true, err
	}
}

// setUp tells the server how this conversation goes, and shows the pictures.
func (t *talk) setUp(ctx context.Context, first bool) error {
	t.send(map[string]any{"type": "session.update", "session": t.settings()})
	if err := t.await(ctx, "session.updated"); err != nil || !first {
		return err
	}
	for _, p := range t.pictures {
		t.send(pictureItem(p))
		if err := t.await(ctx, "conversation.item.done"); err != nil {
			return err
		}
	}
	return nil
}

// settings are the session's.
func (t *talk) settings() map[string]any {
	modality := "text"
	if t.c.aloud() {
		modality = "audio"
	}
	format := map[string]any{"type": "audio/pcm", "rate": protocolRate}
	input := map[string]any{"format": format, "turn_detection": nil}
	if t.c.Turns != "none" {
		input["turn_detection"] = map[string]any{"type": t.c.Turns, "create_response": true, "interrupt_response": true}
	}
	if t.c.Captions {
		input["transcription"] = map[string]any{"model": "hark"}
	}
	s := map[string]any{"type": "realtime", "output_modalities": []string{modality},
		"audio": map[string]any{"input": input, "output": map[string]any{"format": format}}}
	if t.c.System != "" {
		s["instructions"] = t.c.System
	}
	return s
}

// await takes events until one of type want.
func (t *talk) await(ctx context.Context, want string) error {
	ctx, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case in := <-t.link.in:
			if in.err != nil {
				return hangUp(in.err)
			}
			e, err := decodeServer(in.event)
			if err != nil {
				return err
			}
			if e.Type == "error" {
				return refused{e.Error.Code, e.Error.Message}
			}
			t.receive(e, time.Now())
			if e.Type == want {
				return nil
			}
		}
	}
}

// hangUp says that the session ended from the far side.
func hangUp(err error) error {
	if err == io.EOF { // in order
		return errors.New("the server ended the session")
	}
	return fmt.Errorf("the connection to the server is lost: %w", err)
}

// run holds the conversation: with a sound card, with files in its place, or
// with the sound of the standard input.
func (t *talk) run(ctx context.Context, said [][]float32, stdin io.Reader, rec *recorder) (err error) {
	t.began, t.rec = time.Now(), rec
	t.show.begin(t.began)
	if err := t.dial(ctx, ""); err != nil {
		if t.link != nil {
			t.link.close()
		}
		return err
	}
	defer func() { // over whichever link there is then
		if gone := t.link.close(); err == nil {
			err = gone
		}
	}()
	s, err := t.openSound(ctx, said, stdin)
	if err != nil {
		return err
	}
	defer s.close()
	t.tellReady(s)
	t.loop(ctx, s)
	t.finish()
	return t.ended
}

// loop takes what comes until somebody ends it.
func (t *talk) loop(ctx context.Context, s *driver) {
	var seen <-chan []byte
	var blind <-chan error
	if t.frames != nil {
		seen, blind = t.frames.Frames(), t.frames.Failed()
	}
	for !t.quit {
		select {
		case <-ctx.Done():
			t.end(nil)
		case f := <-t.line.Frames():
			t.frame(f)
		case in := <-t.link.in:
			t.take(ctx, in)
		case k := <-t.keys:
			t.press(k)
		case p := <-seen:
			t.look(p)
		case err := <-blind:
			t.notice("the camera has stopped: " + err.Error())
			blind = nil
		case err := <-s.failed():
			t.recover(ctx, s, err)
		}
	}
}

// take takes an event, or the end of the connection.
func (t *talk) take(ctx context.Context, in received) {
	if in.err != nil {
		t.callBack(ctx, hangUp(in.err))
		return
	}
	e, err := decodeServer(in.event)
	if err != nil {
		t.end(err)
		return
	}
	t.receive(e, time.Now())
}

// finish shows what is left, and the figures.
func (t *talk) finish() {
	t.interrupt(time.Now())
	t.settle()
	t.stats.Seconds = time.Since(t.began).Seconds()
	t.stats.Dropped = t.line.Dropped()
	if t.canceller != nil {
		t.stats.EchoMS, t.stats.EchoDB = t.canceller.Delay().Milliseconds(), t.canceller.Return()
		t.stats.Echo = t.canceller.Trained() && t.canceller.Delay() > 0
	}
	t.show.end(t.stats)
}
