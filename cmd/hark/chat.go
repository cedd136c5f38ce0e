package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"hark/engine"
	"hark/engine/chat"
	"hark/engine/sample"
	"hark/engine/token"
)

// chatCommand asks the model on the terminal.
type chatCommand struct {
	modelFlags
	Prompt    *string  `short:"p" name:"prompt" help:"Ask this once and exit; empty where sound or a picture is the question. Without it hark reads questions from the terminal." placeholder:"TEXT"`
	System    string   `help:"Instructions for the model."`
	Image     []string `help:"Picture to show with the question; PNG, JPEG, GIF or WebP; repeatable." type:"path" placeholder:"FILE"`
	Audio     []string `help:"WAV file to play with the question; repeatable." type:"path" placeholder:"FILE"`
	JSON      bool     `help:"Print one JSON object: the answer, why it ended, tokens and times."`
	Greedy    bool     `help:"Always take the likeliest token."`
	MaxTokens int      `help:"Longest answer in tokens; 0 leaves it to the model." default:"0"`
	Seed      uint64   `help:"Seed of sampling; 0 takes one of its own."`
}

// talker is a conversation on the terminal.
type talker struct {
	e        *engine.Engine
	seq      *engine.Sequence
	messages []chat.Message
	media    []engine.Part
	generate engine.Generate
}

// reply is an answer and its figures.
type reply struct {
	Answer         string  `json:"answer"`
	Stop           string  `json:"stop"`
	PromptTokens   int     `json:"prompt_tokens"`
	CachedTokens   int     `json:"cached_tokens"`
	Tokens         int     `json:"tokens"`
	FirstTokenMs   float64 `json:"first_token_ms"`
	TokensASecond  float64 `json:"tokens_per_second"`
	ids            []token.ID
	first, overall time.Duration
}

// Run asks.
func (c *chatCommand) Run(ctx context.Context) error {
	if c.MaxTokens < 0 {
		return usage("--max-tokens must not be negative")
	}
	e, closeModel, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	defer closeModel()
	seq, err := e.Open()
	if err != nil {
		return err
	}
	defer seq.Close()
	t := &talker{e: e, seq: seq, generate: engine.Generate{Max: c.MaxTokens, Sample: e.Model().Sampling}}
	t.generate.Sample.Seed = c.Seed
	if c.Greedy {
		t.generate.Sample = sample.Options{}
	}
	if c.System != "" {
		t.messages = append(t.messages, chat.Message{Role: "system", Content: []chat.Content{{Kind: chat.Text, Text: c.System}}})
	}
	content, err := t.show(c.Image, c.Audio)
	if err != nil {
		return err
	}
	if c.Prompt == nil {
		return c.converse(ctx, t, content)
	}
	if *c.Prompt != "" {
		content = append(content, chat.Content{Kind: chat.Text, Text: *c.Prompt})
	}
	if len(content) == 0 {
		return usage("nothing to ask: give --prompt, --image or --audio")
	}
	return c.ask(ctx, t, content)
}

// show reads pictures and sound for the next question, pictures first.
func (t *talker) show(images, sounds []string) ([]chat.Content, error) {
	var content []chat.Content
	add := func(kind chat.Kind, p engine.Part) {
		content = append(content, chat.Content{Kind: kind, Media: len(t.media)})
		t.media = append(t.media, p)
	}
	for _, path := range images {
		p, err := readPicture(t.e, path)
		if err != nil {
			return nil, err
		}
		add(chat.Image, p)
	}
	for _, path := range sounds {
		samples, err := readSound(path)
		if err != nil {
			return nil, err
		}
		samples = withoutTail(samples)
		clip, err := t.e.NewClip()
		if err != nil {
			return nil, usage("--audio %s: %w", path, err)
		}
		if err := clip.Push(samples); err != nil {
			rate := float64(16000)
			return nil, usage("--audio %s: %.1f s of sound, the model hears at most %.0f s in one piece: %w",
				path, float64(len(samples))/rate, float64(t.e.Model().ClipSamples)/rate, err)
		}
		clip.End()
		if clip.Tokens() == 0 {
			return nil, usage("--audio %s: %d samples are too short to hear", path, len(samples))
		}
		add(chat.Audio, clip)
	}
	return content, nil
}

// ask puts one question and prints the answer as it comes.
func (c *chatCommand) ask(ctx context.Context, t *talker, content []chat.Content) error {
	out := io.Writer(os.Stdout)
	if c.JSON {
		out = io.Discard
	}
	r, err := t.answer(ctx, content, out)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	fmt.Println()
	return nil
}

// converse asks what the terminal says, until it ends.
func (c *chatCommand) converse(ctx context.Context, t *talker, first []chat.Content) error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for fmt.Fprint(os.Stderr, "> "); in.Scan(); fmt.Fprint(os.Stderr, "> ") {
		line := strings.TrimSpace(in.Text())
		if line == "" && first == nil {
			continue
		}
		content := first
		if line != "" {
			content = append(content, chat.Content{Kind: chat.Text, Text: line})
		}
		first = nil
		if err := c.ask(ctx, t, content); err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr)
	return in.Err()
}

// answer adds a question to the conversation and generates.
func (t *talker) answer(ctx context.Context, content []chat.Content, out io.Writer) (*reply, error) {
	start := time.Now()
	t.messages = append(t.messages, chat.Message{Role: "user", Content: content})
	opts := chat.Options{Generate: true}
	prompt, err := t.e.Prompt(t.messages, t.media, opts)
	if err != nil {
		return nil, err
	}
	r := &reply{}
	if _, err = t.seq.Set(prompt); err != nil {
		return nil, usageError{err}
	}
	r.PromptTokens = t.seq.Len()
	parser := t.e.Format().NewParser(opts)
	var text strings.Builder
	say := func(pieces []chat.Piece) {
		for _, p := range pieces {
			if p.Kind == chat.PieceText {
				text.WriteString(p.Text)
				io.WriteString(out, p.Text)
			}
		}
	}
	for tok, err := range t.seq.Generate(ctx, t.generate) {
		if err != nil {
			return nil, err
		}
		if r.Tokens++; r.Tokens == 1 {
			r.first, r.CachedTokens = tok.At.Sub(start), tok.Cached
		}
		r.overall = tok.At.Sub(start)
		if tok.Stop != engine.StopEOS {
			r.ids = append(r.ids, tok.ID)
		}
		r.Stop = string(tok.Stop)
		say(parser.Push(tok.ID, tok.Text))
	}
	say(parser.Flush())
	r.Answer = strings.TrimSpace(text.String())
	r.FirstTokenMs = float64(r.first.Microseconds()) / 1e3
	if after := r.overall - r.first; r.Tokens > 1 && after > 0 {
		r.TokensASecond = float64(r.Tokens-1) / after.Seconds()
	}
	t.messages = append(t.messages, chat.Message{Role: "assistant", Content: []chat.Content{{Kind: chat.Text, Text: r.Answer, IDs: r.ids}}})
	return r, nil
}
