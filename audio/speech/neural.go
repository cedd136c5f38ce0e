package speech

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"hark/audio/speech/piper"
)

// neural speaks with a voice of Piper. espeak-ng tells it the phonemes.
type neural struct {
	voice  *piper.Voice
	espeak *espeak
}

func openPiper(o OpenOptions) (*neural, error) {
	voice, err := piper.Open(o.Piper, piper.Options{Runtime: o.Runtime})
	if err != nil {
		return nil, fmt.Errorf("speech: %w", err)
	}
	o.Language = voice.Language()
	e, err := openEspeak(o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("speech: a voice of Piper needs the phonemes of espeak-ng: %w", err), voice.Close())
	}
	return &neural{voice, e}, nil
}

// Rate returns the rate of the voice, mostly 22050.
func (n *neural) Rate() int { return n.voice.Rate() }

// Voices returns the names of the protocol. A voice with several speakers tells
// them apart, as far as they go.
func (n *neural) Voices() []string { return protocolVoices() }

// Close frees the voice.
func (n *neural) Close() error { return n.voice.Close() }

// Say speaks a text, piece by piece if it is long.
func (n *neural) Say(ctx context.Context, text string, o Options) iter.Seq2[Sound, error] {
	return sayPieces(ctx, text, o, n.piece)
}

// speaker returns the speaker for a name: any, but always the same.
func (n *neural) speaker(name string) int {
	if n.voice.Speakers() == 1 || name == "" {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(strings.ToLower(name)))
	return int(h.Sum32() % uint32(n.voice.Speakers()))
}

// piece speaks one piece.
func (n *neural) piece(ctx context.Context, p *plain, o Options) (Sound, error) {
	language := n.espeak.languages.find(o.Language)
	list := fields(p.text)
	phonemes, err := n.phonemes(ctx, p, list, language)
	if err != nil {
		return Sound{}, err
	}
	milliseconds, err := n.espeak.lengths(ctx, p, list, language)
	if err != nil {
		return Sound{}, err
	}
	speed := o.Speed
	if speed <= 0 {
		speed = 1
	}
	samples, err := n.voice.Synthesize(ctx, phonemes, speed, n.speaker(o.Voice))
	if err != nil {
		return Sound{}, fmt.Errorf("speech: %w", err)
	}
	for i, x := range samples {
		samples[i] = min(max(x, -1), 1)
	}
	samples = endWith(samples, pauseBehind(p.text), n.Rate(), speed)
	return Sound{samples, place(p, list, milliseconds, samples, n.Rate())}, nil
}

// phonemes returns those of a piece, with a mark behind each clause.
func (n *neural) phonemes(ctx context.Context, p *plain, list []field, language string) (string, error) {
	clauses := clausesOf(p.text, list)
	lines := make([]string, len(clauses))
	for i, c := range clauses {
		lines[i] = p.text[list[c[0]].from:list[c[len(c)-1]].to]
	}
	out, err := n.espeak.run(ctx, strings.Join(lines, "\n"), "-b", "1", "-v", language, "-q", "--ipa", "-l", fmt.Sprint(wholeText), "--stdin")
	if err != nil {
		return "", err
	}
	said := strings.Split(strings.TrimSpace(withoutTags(string(out))), "\n")
	var b strings.Builder
	for i, line := range said {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strings.TrimSpace(line))
		mark := byte(',')
		if len(said) == len(lines) {
			mark = markOf(lines[i])
		} else if i == len(said)-1 {
			mark = markOf(p.text)
		}
		b.WriteByte(mark)
	}
	return b.String(), nil
}

// markOf returns the mark at the end of a clause as Piper knows it.
func markOf(clause string) byte {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(clause, closers+" "))
	switch {
	case strings.ContainsRune("?？؟", last):
		return '?'
	case strings.ContainsRune("!！", last):
		return '!'
	case strings.ContainsRune(":：", last):
		return ':'
	case strings.ContainsRune(";；؛", last):
		return ';'
	case unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune(clauseMarks+wideClause, last):
		return ','
	}
	return '.'
}

// withoutTags takes out the languages that espeak-ng switches to: "(en)".
func withoutTags(phonemes string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(phonemes, "(")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if _, after, closed := strings.Cut(rest, ")"); closed {
			phonemes = after
		} else {
			return b.String()
		}
	}
}
