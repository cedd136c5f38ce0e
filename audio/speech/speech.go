// Package speech turns text into sound while the text is still being written.
//
// A Splitter cuts what a model writes into clauses and sentences that can be
// spoken before the answer ends. A Speaker makes sound of such a piece and
// says which word is where, so that an answer that was cut off can be cut in
// the record too. Two speakers exist: espeak-ng as a child process, and Piper
// voices through ONNX Runtime, both only where they are installed.
//
// Positions in sound are samples, positions in text are bytes.
//
// Start reading at Speaker, then Splitter.
package speech

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// ErrNone is what Open says where there is no voice.
var ErrNone = errors.New("speech: no voice is installed")

// Word is where a word of a piece is spoken.
type Word struct {
	Text       string // as it stands in the piece
	Start, End int64  // samples since the beginning of the piece's sound
	From, To   int    // bytes of the piece's text: text[From:To] == Text
}

// Sound is a part of what a Speaker says.
type Sound struct {
	Samples []float32 // mono in [-1, 1] at Speaker.Rate, the receiver's to keep
	Words   []Word    // those that begin in this part, in order
}

// Options say how something is spoken. The zero value is the speaker's own
// voice at its normal speed.
type Options struct {
	// Voice is a name of the protocol (alloy, marin, …) or one of
	// Speaker.Voices. Any other name is the speaker's own voice.
	Voice string
	// Speed is a factor, 0.25 to 4; 0 is 1. What a speaker cannot do is
	// done as far as it can.
	Speed float64
	// Language is a BCP 47 tag such as "de" or "en-GB"; "" goes by the
	// script of the text, and is the speaker's own for Latin script.
	Language string
}

// Speaker makes sound of text. It is safe for concurrent use.
type Speaker interface {
	// Rate returns the samples a second of what Say gives.
	Rate() int
	// Voices returns the names that Options.Voice tells apart, sorted.
	Voices() []string
	// Say speaks a piece of text, best one from a Splitter, as far as it can
	// be spoken: markdown is left out, emoji are silent. Sound comes in parts
	// as it is made; text without anything to say yields none. An error is
	// yielded once, as the last thing. Leaving the loop, or the end of ctx,
	// stops at once whatever computes.
	Say(ctx context.Context, text string, o Options) iter.Seq2[Sound, error]
	// Close frees the speaker. Nothing may be said after it.
	Close() error
}

// OpenOptions say which speaker Open makes.
type OpenOptions struct {
	// Engine is Auto, Espeak, Piper or None; "" is Auto.
	Engine string
	// Program is the espeak-ng to run; "" looks on PATH.
	Program string
	// Piper is the file of a voice of Piper, NAME.onnx with NAME.onnx.json
	// beside it; "" is none.
	Piper string
	// Runtime is the file of ONNX Runtime; "" looks beside the voice, then
	// where the system keeps libraries.
	Runtime string
	// Language is that of text in Latin script whose words do not give it
	// away; "" is "en-us", or that of the voice of Piper.
	Language string
}

// The values of OpenOptions.Engine.
const (
	Auto   = "auto"   // Piper if there is a voice, else espeak-ng if it is installed, else ErrNone
	Espeak = "espeak" // espeak-ng
	Piper  = "piper"  // a voice of Piper
	None   = "none"   // no voice: ErrNone
)

// Open makes a speaker. Where none is installed, the error is ErrNone.
func Open(o OpenOptions) (Speaker, error) {
	var s Speaker
	var err error
	switch {
	case o.Engine == None:
		return nil, ErrNone
	case o.Engine == Piper || (o.Engine == Auto || o.Engine == "") && o.Piper != "":
		s, err = openPiper(o)
	case o.Engine == Espeak || o.Engine == Auto || o.Engine == "":
		s, err = openEspeak(o)
	default:
		return nil, fmt.Errorf("speech: engine %q, want %q, %q, %q or %q", o.Engine, Auto, Espeak, Piper, None)
	}
	if err != nil {
		return nil, err // not with a pointer that is nil
	}
	return s, nil
}
