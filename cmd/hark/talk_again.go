package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hark/session/realtime"
)

// How often and how long a lost server is called back.
const (
	callBackEvery = time.Second
	callBackFor   = 30 * time.Second
)

// maxTold is how much of the conversation is kept for a server that has
// forgotten it.
const maxTold = 80

// saying is something that one side said.
type saying struct{ role, kind, text string }

// refused is an error of the server in the place of what was awaited.
type refused struct{ code, message string }

func (r refused) Error() string { return fmt.Sprintf("server: %s (%s)", r.message, r.code) }

// callBack goes on with the conversation over a new connection. Files do not:
// what was lost of them would be missing.
func (t *talk) callBack(ctx context.Context, lost error) {
	if !t.caller.again() || t.files != nil {
		t.end(lost)
		return
	}
	t.link.close() // it is lost
	t.breakOff()
	t.notice(lost.Error() + "; calling again")
	for until := time.Now().Add(callBackFor); t.pause(ctx, callBackEvery); {
		forgotten, err := t.dialAgain(ctx)
		var wrong usageError
		switch {
		case err == nil && forgotten:
			t.notice("connected again; the server knew nothing of the conversation and was told what was said")
		case err == nil:
			t.notice("connected again")
		case ctx.Err() != nil:
			t.end(nil)
		case time.Now().After(until), errors.As(err, &wrong):
			t.end(fmt.Errorf("%w; %w", lost, err))
		default:
			t.link.close() // if it was not set up; the next is another
			continue
		}
		return
	}
}

// dialAgain calls the server back: for the conversation, or if the server has
// forgotten it, for a new one that is told of the old.
func (t *talk) dialAgain(ctx context.Context) (forgotten bool, err error) {
	err = t.dial(ctx, t.id)
	var no refused
	if errors.As(err, &no) && no.code == realtime.CodeUnknownConversation {
		t.link.close()
		t.id = ""
		t.interrupt(time.Now())
		t.settle()
		err = t.dial(ctx, "")
	}
	if err != nil {
		return false, err
	}
	if forgotten = t.id == "" && len(t.told) > 0; forgotten {
		for _, s := range t.told {
			t.send(messageItem(s.role, map[string]any{"type": s.kind, "text": s.text}))
		}
	}
	x := t.newest()
	if x == nil || x.response != "" {
		return forgotten, nil
	}
	if t.id != "" { // the server has what was said, and has not answered it
		t.send(map[string]any{"type": "response.create"})
	} else if text := x.user.String(); text != "" {
		t.send(userItem(map[string]any{"type": "input_text", "text": text}))
		t.send(map[string]any{"type": "response.create"})
	} else {
		x.response, x.status = "lost", "cancelled"
		t.settle()
	}
	return forgotten, nil
}

// breakOff ends answers in progress where they are; what of their voice is
// here already is still played. What was said and not answered stays.
func (t *talk) breakOff() {
	t.answering, t.hearing = "", false
	for _, x := range t.exchanges {
		x.heard = true
		switch {
		case x.response == "" || x.status != "":
		case x.answer.Len() == 0 && t.voice.of != x:
			x.response = ""
		default:
			x.status, x.ended = "cancelled", time.Now()
		}
	}
	t.voice.over = true
	t.settle()
}

// pause waits, and reports false if the talk was ended meanwhile. Only the
// keys that end it count.
func (t *talk) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for !t.quit {
		select {
		case <-ctx.Done():
			t.end(nil)
		case k := <-t.keys:
			if k == keyInterrupt || k == keyEnd || k == 'q' && t.typing == nil {
				t.end(nil)
			}
		case f := <-t.line.Frames():
			t.frame(f) // the server hears nothing of it
		case <-timer.C:
			return true
		}
	}
	return false
}

// keep notes what was said, for a server that forgets it.
func (t *talk) keep(role, kind, text string) {
	if text == "" {
		return
	}
	t.told = append(t.told, saying{role, kind, text})
	t.told = t.told[max(0, len(t.told)-maxTold):]
}
