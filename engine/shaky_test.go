package engine_test

import (
	"bytes"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"hark/engine"
	"hark/engine/backend/backendtest"
	"hark/engine/tensor"
	"hark/vision"
)

var errShaken = errors.New("the device was in trouble")

// shaky is a device that fails at the next operations of a kind.
type shaky struct {
	tensor.Backend
	sounds, pictures, rows atomic.Int32 // so many times
}

func shake(n *atomic.Int32, op string) {
	if n.Load() > 0 {
		n.Add(-1)
		panic(&tensor.DeviceError{Op: op, Err: errShaken})
	}
}

func (s *shaky) Subsample(x tensor.Tensor, c *tensor.Convolution) tensor.Tensor {
	shake(&s.sounds, "Subsample")
	return s.Backend.Subsample(x, c)
}

func (s *shaky) Pool(x tensor.Tensor, rows, cols, side int) tensor.Tensor {
	shake(&s.pictures, "Pool")
	return s.Backend.Pool(x, rows, cols, side)
}

func (s *shaky) Rows(x tensor.Tensor, from, to int) tensor.Tensor {
	shake(&s.rows, "Rows")
	return s.Backend.Rows(x, from, to)
}

// reply returns how an answer to parts ends.
func reply(t *testing.T, s *engine.Sequence, parts ...engine.Part) (err error) {
	t.Helper()
	set(t, s, parts...)
	for _, err = range s.Generate(t.Context(), engine.Generate{Max: 4}) {
	}
	return err
}

// TestAMediumThatCannotBeEncodedIsNamed: the answers of prompts with it end with
// an error that says which it is, a fork's that it is the fork; without it the
// same sequence answers.
func TestAMediumThatCannotBeEncodedIsNamed(t *testing.T) {
	device := &shaky{Backend: backendtest.New(1)}
	e := openOn(t, device, nil)
	clip, err := e.NewClip()
	if err != nil {
		t.Fatal(err)
	}
	defer clip.Close()
	before, after := prompt(t, e, clip)
	s := sequence(t, e)
	defer s.Close()
	device.sounds.Store(1)
	if err := clip.Push(sound(t)); err != nil {
		t.Fatal(err)
	}
	clip.End()
	for range 2 {
		var lost *engine.MediumError
		if err := reply(t, s, before, clip, after); !errors.As(err, &lost) || lost.Part != engine.Part(clip) || !errors.Is(err, errShaken) {
			t.Fatalf("%v, want an error that names the clip and its cause", err)
		}
	}
	fork := clip.Fork()
	defer fork.Close()
	var lost *engine.MediumError
	if err := reply(t, s, before, fork, after); !errors.As(err, &lost) || lost.Part != engine.Part(fork) {
		t.Errorf("%v, want an error that names the fork", err)
	}
	if err := reply(t, s, slices.Concat(before, after)); err != nil {
		t.Errorf("without the clip: %v", err)
	}
	other := utterance(t, e)
	defer other.Close()
	if err := reply(t, s, before, other, after); err != nil {
		t.Errorf("with another clip: %v", err)
	}
}

// TestAPictureIsTriedAgainOnce, since its patches are there until it is encoded.
func TestAPictureIsTriedAgainOnce(t *testing.T) {
	device := &shaky{Backend: backendtest.New(1)}
	e := openOn(t, device, nil)
	ids := engine.Tokens(golden(t).IDs("text.input_ids")[:8])
	for failures, lost := range map[int32]bool{1: false, 2: true} {
		device.pictures.Store(failures)
		// Each is another: what is in a cache is not looked at again.
		p, err := e.NewPicture(&vision.Image{Width: 96, Height: 96, Pix: bytes.Repeat([]byte{byte(failures)}, 96*96*3)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		s := sequence(t, e)
		defer s.Close()
		var named *engine.MediumError
		if err := reply(t, s, ids, p, ids); errors.As(err, &named) != lost || lost && named.Part != engine.Part(p) || !lost && err != nil {
			t.Errorf("%d failures: %v", failures, err)
		}
		if n := device.pictures.Load(); n != 0 {
			t.Errorf("%d of %d failures did not happen", n, failures)
		}
	}
}

// TestAFailureWhileAStepIsPlannedEndsTheAnswer, and nothing else.
func TestAFailureWhileAStepIsPlannedEndsTheAnswer(t *testing.T) {
	device := &shaky{Backend: backendtest.New(1)}
	e := openOn(t, device, &engine.Options{PrefixBytes: -1})
	clip := utterance(t, e)
	defer clip.Close()
	before, after := prompt(t, e, clip)
	for _, failures := range []int32{0, 1, 0} {
		s := sequence(t, e)
		device.rows.Store(failures)
		if err := reply(t, s, before, clip, after); errors.Is(err, errShaken) != (failures > 0) {
			t.Errorf("%d failures: %v", failures, err)
		} else if err := reply(t, s, before, clip, after); err != nil {
			t.Errorf("behind %d failures: %v", failures, err)
		}
		s.Close() // nobody borrows from it
	}
}
