package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"

	"hark/audio/wav"
	"hark/media"
	"hark/media/pipe"
	"hark/session/client"
)

// visit is one person at the kiosk.
type visit struct {
	agent   *client.Client
	program *pipe.Program
	out     io.Writer

	turns  []func() error // what the visitor has still to say
	mic    sync.WaitGroup // the goroutine that speaks
	waits  int            // for captions of what was spoken
	voice  []float32      // of all answers
	answer bool           // the present turn was answered
}

// plan reads the files, so that a wrong name shows before anybody speaks.
func (v *visit) plan(o options) error {
	var picture []byte
	var err error
	if o.picture != "" {
		if picture, err = os.ReadFile(o.picture); err != nil {
			return err
		}
	}
	if o.in != "" {
		data, err := os.ReadFile(o.in)
		if err != nil {
			return err
		}
		clip, err := wav.Decode(data, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", o.in, err)
		}
		v.turns = append(v.turns, func() error { return v.speak(clip, picture) })
	}
	if o.ask != "" {
		v.turns = append(v.turns, func() error {
			if picture != nil && o.in == "" {
				return v.agent.Show(picture, o.ask)
			}
			return v.agent.Ask(o.ask)
		})
	}
	return nil
}

// hold takes the turns one after the other and returns after the last answer.
func (v *visit) hold(ctx context.Context) error {
	defer v.mic.Wait()
	for event, err := range v.agent.Events(ctx) {
		if err != nil {
			return err
		}
		switch event := event.(type) {
		case client.Ready:
			v.answer = true // nothing was asked yet
		case client.Heard:
			if event.Whole {
				fmt.Fprintln(v.out, "user: ", event.Text)
				v.waits--
			}
		case client.Called:
			fmt.Fprintf(v.out, "[%s %s: %s]\n", event.Name, event.Arguments, event.Output)
		case client.Done:
			v.listen()
			if event.Status != "completed" {
				return fmt.Errorf("the answer is %s: %s", event.Status, event.Reason)
			}
			if event.Calls > 0 {
				break // the model goes on once they have returned
			}
			fmt.Fprintln(v.out, "agent:", event.Text)
			v.answer = true
		case client.Fault:
			return fmt.Errorf("%s (%s)", event.Message, event.Code)
		}
		if !v.answer || v.waits > 0 {
			continue
		}
		if len(v.turns) == 0 {
			return nil
		}
		turn := v.turns[0]
		v.turns, v.answer = v.turns[1:], false
		if err := turn(); err != nil {
			return err
		}
	}
	return io.ErrUnexpectedEOF // the session ended by itself
}

// speak stands for a microphone and a camera: their callbacks hand frames to the
// session as they come. A file can be said faster than real time, since
// everything goes by the numbers of samples. The silence behind it ends the
// turn.
func (v *visit) speak(clip *wav.Clip, picture []byte) error {
	v.waits++
	if picture != nil {
		if err := v.program.See(picture); err != nil {
			return err
		}
	}
	v.mic.Go(func() {
		frame := int(clip.Rate) / 50 // 20 ms
		samples := append(clip.Samples, make([]float32, clip.Rate)...)
		for len(samples) > 0 {
			n := min(frame, len(samples))
			if v.program.Hear(media.Audio{Rate: int(clip.Rate), Samples: samples[:n]}) != nil {
				return // the session has ended, and says why
			}
			samples = samples[n:]
		}
	})
	return nil
}

// listen stands for a loudspeaker, whose callback would read what it plays next.
func (v *visit) listen() {
	buffer := make([]float32, 4800)
	for n := v.program.Read(buffer); n > 0; n = v.program.Read(buffer) {
		v.voice = append(v.voice, buffer[:n]...)
	}
}
