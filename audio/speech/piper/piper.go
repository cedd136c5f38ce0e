// Package piper speaks with the voices of Piper: VITS networks (Kim, Kong, Son,
// "Conditional Variational Autoencoder with Adversarial Learning for End-to-End
// Text-to-Speech", 2021) that turn phonemes into samples. They run in ONNX
// Runtime, a library that is opened when a voice is, so that nobody needs it
// who has no voice. A build with the tag static can open none.
//
// A voice is a file NAME.onnx with NAME.onnx.json beside it.
//
// Start reading at Open and Voice.Synthesize.
package piper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"
)

// ErrNoRuntime is what Open says where ONNX Runtime cannot be opened.
var ErrNoRuntime = errors.New("piper: no ONNX Runtime")

// Options are the choices of a voice.
type Options struct {
	// Runtime is the file of ONNX Runtime; "" looks beside the voice, then
	// where the system keeps libraries.
	Runtime string
	// Threads is the number of threads that make a sentence; 0 is 2.
	Threads int
}

// The limits of a voice.
const (
	maxConfigBytes = 1 << 20
	maxPhonemes    = 2000           // of one call
	maxSamples     = 48000 * 60 * 2 // two minutes
)

// Voice is a voice that is ready to speak. It is safe for concurrent use.
type Voice struct {
	config  config
	session *session
}

// config is the part of the file beside the voice that says how to use it.
type config struct {
	Audio struct {
		SampleRate int `json:"sample_rate"`
	} `json:"audio"`
	Espeak struct {
		Voice string `json:"voice"`
	} `json:"espeak"`
	Inference struct {
		NoiseScale  float32 `json:"noise_scale"`  // of the sound
		LengthScale float32 `json:"length_scale"` // of the durations
		NoiseW      float32 `json:"noise_w"`      // of the rhythm
	} `json:"inference"`
	PhonemeType string             `json:"phoneme_type"`
	IDs         map[string][]int64 `json:"phoneme_id_map"`
	Speakers    int                `json:"num_speakers"`
}

// The ids that frame phonemes.
const (
	padding = "_"
	begin   = "^"
	end     = "$"
)

// Open loads a voice.
func Open(path string, o Options) (*Voice, error) {
	c, err := readConfig(path + ".json")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("piper: %w", err)
	}
	library := []string{o.Runtime}
	if o.Runtime == "" {
		library, _ = filepath.Glob(filepath.Join(filepath.Dir(path), "libonnxruntime*")) // the pattern is right
		library = append(library, systemRuntimes...)
	}
	threads := o.Threads
	if threads <= 0 {
		threads = 2
	}
	s, err := openSession(library, path, threads)
	if err != nil {
		return nil, err
	}
	return &Voice{config: *c, session: s}, nil
}

func readConfig(path string) (*config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("piper: the voice's configuration: %w", err)
	}
	if info.Size() > maxConfigBytes {
		return nil, fmt.Errorf("piper: %s has %d bytes, want at most %d", path, info.Size(), maxConfigBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("piper: %w", err)
	}
	c, err := parseConfig(data)
	if err != nil {
		return nil, fmt.Errorf("piper: %s: %w", path, err)
	}
	return c, nil
}

func parseConfig(data []byte) (*config, error) {
	var c config
	c.Inference.NoiseScale, c.Inference.LengthScale, c.Inference.NoiseW = 0.667, 1, 0.8
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, err
	}
	switch {
	case c.Audio.SampleRate < 8000 || c.Audio.SampleRate > 48000:
		return nil, fmt.Errorf("audio.sample_rate is %d, want 8000 to 48000", c.Audio.SampleRate)
	case c.PhonemeType != "" && c.PhonemeType != "espeak":
		return nil, fmt.Errorf("phoneme_type is %q, want \"espeak\"", c.PhonemeType)
	case c.Espeak.Voice == "":
		return nil, errors.New("espeak.voice is missing")
	}
	for _, mark := range []string{padding, begin, end} {
		if len(c.IDs[mark]) == 0 {
			return nil, fmt.Errorf("phoneme_id_map has no %q", mark)
		}
	}
	return &c, nil
}

// Rate returns the samples a second of the voice.
func (v *Voice) Rate() int { return v.config.Audio.SampleRate }

// Language returns the name that espeak-ng has for the voice's language: its
// phonemes are the ones that the voice knows.
func (v *Voice) Language() string { return v.config.Espeak.Voice }

// Speakers returns the number of speakers in the voice.
func (v *Voice) Speakers() int { return max(v.config.Speakers, 1) }

// Close frees the voice. Nothing may be said after it.
func (v *Voice) Close() error { return v.session.close() }

// Synthesize makes sound of phonemes in the International Phonetic Alphabet,
// with the marks , . : ; ! ? where the voice shall rest. speed is a factor, and
// speaker below Speakers. The end of ctx stops it.
func (v *Voice) Synthesize(ctx context.Context, phonemes string, speed float64, speaker int) ([]float32, error) {
	ids := v.config.encode(phonemes)
	if len(ids) > 2*maxPhonemes {
		return nil, fmt.Errorf("piper: %d phonemes, want at most %d", len(ids)/2, maxPhonemes)
	}
	if speed <= 0 {
		speed = 1
	}
	in := &inputs{
		ids:    ids,
		length: []int64{int64(len(ids))},
		scales: []float32{v.config.Inference.NoiseScale, v.config.Inference.LengthScale / float32(speed), v.config.Inference.NoiseW},
	}
	if v.config.Speakers > 1 {
		in.speaker = []int64{int64(min(max(speaker, 0), v.config.Speakers-1))}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return v.session.run(ctx, in)
}

// encode turns phonemes into ids: one each, with padding between. What the
// voice does not know is left out.
func (c *config) encode(phonemes string) []int64 {
	pad := c.IDs[padding]
	ids := append(slices.Clone(c.IDs[begin]), pad...)
	for len(phonemes) > 0 {
		_, size := utf8.DecodeRuneInString(phonemes)
		if known := c.IDs[phonemes[:size]]; len(known) > 0 {
			ids = append(append(ids, known...), pad...)
		}
		phonemes = phonemes[size:]
	}
	return append(ids, c.IDs[end]...)
}

// inputs are what the network reads.
type inputs struct {
	ids     []int64   // [1, n]
	length  []int64   // [1]: n
	scales  []float32 // [3]
	speaker []int64   // [1], nil for a voice with one speaker
}
