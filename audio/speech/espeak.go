package speech

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// espeakRate is what espeak-ng computes its voices at.
const espeakRate = 22050

// The limits of one piece: a child that goes beyond them is killed.
const (
	espeakTimeout = 20 * time.Second      // of a child's life
	espeakText    = 8 << 10               // bytes of text
	espeakSamples = 10 * 60 * espeakRate  // of sound
	espeakWait    = 50 * time.Millisecond // for a killed child's pipes
)

// espeak speaks with a child process for each piece of text. A child takes
// some milliseconds for a sentence, starting included, so that one that waits
// would gain nothing; and whatever becomes of it, the next piece has a new one.
type espeak struct {
	program  string
	language string
}

func openEspeak(o OpenOptions) (Speaker, error) {
	program := o.Program
	if program == "" {
		program = "espeak-ng"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNone, err)
	}
	e := &espeak{program: path, language: o.Language}
	if e.language == "" {
		e.language = "en-us"
	}
	return e, nil
}

// Rate returns 22050.
func (e *espeak) Rate() int { return espeakRate }

// Voices returns the names of the protocol: each has a variant of its own.
func (e *espeak) Voices() []string { return protocolVoices() }

// Close does nothing: no child outlives its Say.
func (e *espeak) Close() error { return nil }

// Say speaks a piece.
func (e *espeak) Say(ctx context.Context, text string, o Options) iter.Seq2[Sound, error] {
	return func(yield func(Sound, error) bool) {
		if strings.TrimSpace(text) == "" {
			return
		}
		samples, err := e.run(ctx, text, o)
		if err != nil {
			yield(Sound{}, err)
			return
		}
		yield(Sound{Samples: samples, Words: estimate(text, int64(len(samples)))}, nil)
	}
}

// run is one child: text in, sound out.
func (e *espeak) run(ctx context.Context, text string, o Options) ([]float32, error) {
	if len(text) > espeakText {
		return nil, fmt.Errorf("speech: %d bytes of text, want at most %d", len(text), espeakText)
	}
	ctx, cancel := context.WithTimeout(ctx, espeakTimeout)
	defer cancel()
	speed := o.Speed
	if speed == 0 {
		speed = 1
	}
	language := o.Language
	if language == "" {
		language = e.language
	}
	cmd := exec.CommandContext(ctx, e.program, "-b", "1", "-v", language+variant(o.Voice),
		"-s", strconv.Itoa(int(math.Round(175*speed))), "--stdin", "--stdout")
	cmd.Stdin = strings.NewReader(text)
	cmd.WaitDelay = espeakWait
	var out, complaint limited
	out.room, complaint.room = 44+2*espeakSamples, 1<<10
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("speech: espeak-ng: %w: %s", err, complaint.data.Bytes())
	}
	return decodeWAV(out.data.Bytes())
}

// limited is a buffer that refuses more than it has room for, which ends the
// child that writes to it.
type limited struct {
	data bytes.Buffer
	room int
}

var errTooMuch = errors.New("speech: a child writes without end")

// Write takes data.
func (l *limited) Write(p []byte) (int, error) {
	if l.data.Len()+len(p) > l.room {
		return 0, errTooMuch
	}
	return l.data.Write(p)
}

// decodeWAV reads what espeak-ng writes to a pipe: a header of 44 bytes whose
// length is not known yet, then 16-bit samples to the end.
func decodeWAV(data []byte) ([]float32, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < 44 || string(data[:4]) != "RIFF" || string(data[36:40]) != "data" {
		return nil, fmt.Errorf("speech: espeak-ng wrote no WAV: %w", io.ErrUnexpectedEOF)
	}
	if rate := binary.LittleEndian.Uint32(data[24:]); rate != espeakRate {
		return nil, fmt.Errorf("speech: espeak-ng gives %d samples a second, want %d", rate, espeakRate)
	}
	data = data[44:]
	samples := make([]float32, len(data)/2)
	for i := range samples {
		samples[i] = float32(int16(binary.LittleEndian.Uint16(data[2*i:]))) / 32768
	}
	return samples, nil
}
