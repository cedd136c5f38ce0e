package speech

import (
	"context"
	"encoding/binary"
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

// espeakWords is its normal speed in words a minute; below and above the other
// two it does not go.
const espeakWords, espeakSlowest, espeakFastest = 175, 80, 450

// How long a piece's end is silent at the normal speed. What espeak-ng puts
// there is longer, and the same for a sentence and a part of one.
const (
	pauseSentence = 220 * time.Millisecond
	pauseClause   = 100 * time.Millisecond
	pauseNone     = 10 * time.Millisecond
)

// wholeText is how many bytes are spoken as one piece, as they are; longer
// texts are split.
const wholeText = 2 * longest

// espeak speaks with a child process for each piece of text. A child takes
// some milliseconds for a sentence, starting included, so that one that waits
// would gain nothing; and whatever becomes of it, the next piece has a new one.
type espeak struct {
	program   string
	languages languages
}

// openEspeak looks whether the program works and which languages it has.
func openEspeak(o OpenOptions) (*espeak, error) {
	program := o.Program
	if program == "" {
		program = "espeak-ng"
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNone, err)
	}
	e := &espeak{program: path}
	list, err := e.run(context.Background(), "", "--voices")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNone, err)
	}
	e.languages, err = newLanguages(string(list), o.Language)
	return e, err
}

// run is the whole life of a child.
func (e *espeak) run(ctx context.Context, text string, args ...string) ([]byte, error) {
	wait, err := startChild(ctx, e.program, text, args...)
	if err != nil {
		return nil, err
	}
	return wait()
}

// Rate returns 22050.
func (e *espeak) Rate() int { return espeakRate }

// Voices returns the names of the protocol: each has a variant of its own.
func (e *espeak) Voices() []string { return protocolVoices() }

// Close does nothing: no child outlives its Say.
func (e *espeak) Close() error { return nil }

// Say speaks a text, piece by piece if it is long.
func (e *espeak) Say(ctx context.Context, text string, o Options) iter.Seq2[Sound, error] {
	return sayPieces(ctx, text, o, e.piece)
}

// sayPieces speaks the pieces of a text one behind the other.
func sayPieces(ctx context.Context, text string, o Options, say func(context.Context, *plain, Options) (Sound, error)) iter.Seq2[Sound, error] {
	if o.Language == "" {
		o.Language = LanguageOf(text)
	}
	return func(yield func(Sound, error) bool) {
		pieces := []Piece{{Text: text}}
		if len(text) > wholeText {
			var s Splitter
			pieces = append(s.Push(text), s.Flush()...)
		}
		bytes, samples := 0, int64(0)
		for _, piece := range pieces {
			p := toPlain(piece.Text)
			if !piece.Silent && !p.silent() {
				sound, err := say(ctx, p, o)
				if err != nil {
					yield(Sound{}, err)
					return
				}
				for i := range sound.Words {
					w := &sound.Words[i]
					w.Text = piece.Text[w.From:w.To]
					w.From, w.To = w.From+bytes, w.To+bytes
					w.Start, w.End = w.Start+samples, w.End+samples
				}
				samples += int64(len(sound.Samples))
				if !yield(sound, nil) {
					return
				}
			}
			bytes += len(piece.Text)
		}
	}
}

// piece speaks one piece. Two children run at once: one makes the sound, one
// tells the phonemes of each word.
func (e *espeak) piece(ctx context.Context, p *plain, o Options) (Sound, error) {
	language := e.languages.find(o.Language)
	v := voiceOf(o.Voice)
	speed := float64(espeakWords)
	if o.Speed > 0 {
		speed = min(max(o.Speed*espeakWords, espeakSlowest), espeakFastest)
	}
	wait, err := startChild(ctx, e.program, p.text, "-b", "1", "-v", language+v.variant, "-p", strconv.Itoa(v.pitch),
		"-s", strconv.Itoa(int(math.Round(speed))), "--stdin", "--stdout")
	if err != nil {
		return Sound{}, err
	}
	list := fields(p.text)
	milliseconds, failed := e.lengths(ctx, p, list, language)
	data, err := wait()
	if err == nil {
		err = failed
	}
	if err != nil {
		return Sound{}, err
	}
	samples, err := decodeWAV(data)
	if err != nil {
		return Sound{}, err
	}
	samples = endWith(samples, pauseBehind(p.text), espeakRate, speed/espeakWords)
	return Sound{samples, place(p, list, milliseconds, samples, espeakRate)}, nil
}

// lengths estimates how long each word lasts.
func (e *espeak) lengths(ctx context.Context, p *plain, list []field, language string) ([]float64, error) {
	milliseconds := make([]float64, len(list))
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = p.text[f.from:f.to]
		milliseconds[i] = letterwiseMS(words[i])
	}
	// Each word is a line, and each line of phonemes a word.
	phonemes, err := e.run(ctx, strings.Join(words, "\n"), "-b", "1", "-v", language, "-q", "--ipa", "-l", strconv.Itoa(wholeText), "--stdin")
	if err != nil {
		return nil, err
	}
	if lines := strings.Split(strings.TrimSuffix(string(phonemes), "\n"), "\n"); len(lines) == len(words) {
		for i, line := range lines {
			milliseconds[i] = phonemeMS(line)
		}
	}
	return milliseconds, nil
}

// pauseBehind returns how long the voice rests behind a text.
func pauseBehind(text string) time.Duration {
	last := strings.TrimRight(text, closers+" ")
	switch {
	case strings.HasSuffix(last, ".") || strings.HasSuffix(last, "!") || strings.HasSuffix(last, "?"):
		return pauseSentence
	case strings.ContainsAny(last[max(len(last)-4, 0):], sentenceMarks+wideSentence):
		return pauseSentence
	case strings.ContainsAny(last[max(len(last)-4, 0):], clauseMarks+wideClause):
		return pauseClause
	}
	return pauseNone
}

// endWith makes the silence at the end that long, at a speed.
func endWith(samples []float32, pause time.Duration, rate int, speed float64) []float32 {
	n := voiced(samples).to
	rest := int(pause.Seconds() * float64(rate) / speed)
	for len(samples) < n+rest {
		samples = append(samples, 0)
	}
	clear(samples[n:])
	return samples[:n+rest]
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
