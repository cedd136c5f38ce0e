package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"hark/audio"
	"hark/audio/speech"
	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/server"
	"hark/session"
)

// benchVoice measures how long a user waits for an answer of a server.
type benchVoice struct {
	benchModel
	voiceFlags
	URL     string    `help:"Server to talk to, as ws://HOST:PORT/v1/realtime; without it hark runs one itself, on loopback." placeholder:"URL"`
	Key     string    `help:"API key of the server."`
	In      []string  `required:"" help:"WAV file to speak, repeatable." type:"path" placeholder:"FILE"`
	Speech  []float64 `help:"Lengths to speak, in seconds: the speech of all files goes round without the silence around it; 0 speaks each file as it is." default:"0"`
	Detect  []string  `help:"What finds the ends of turns: server_vad, semantic_vad." default:"server_vad,semantic_vad"`
	Stream  bool      `help:"Hear while speech goes on and answer early, beside hearing the whole turn behind its end. Without it only that is measured; with --url only the other." default:"true" negatable:""`
	WebRTC  bool      `name:"webrtc" help:"Talk over WebRTC instead of WebSockets: the first sound is the first that comes on the track."`
	Turns   int       `help:"How often each is said each way." default:"1"`
	Tokens  int       `help:"Most tokens of an answer." default:"24"`
	targets []voiceTarget
}

// voiceTarget is a server that hears in one way.
type voiceTarget struct {
	mode, url string
	watched   *watchedEngine // nil: it is not ours
}

// voiceTurns are the turns of one length, one way to hear and one way to find
// their ends.
type voiceTurns struct {
	delayRow
	target voiceTarget
	said   []*utterance

	token, audio, window, after, audioAfter, spare, hidden, speech []float64
	ready                                                          int
}

// voiceReply is how long after its speech a turn may take before it counts as
// lost.
const voiceReply = 15 * time.Second

// Run holds each turn each way, taking turns.
func (c *benchVoice) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Turns < 1 || c.Tokens < 1 || len(c.Speech) == 0 || len(c.Detect) == 0 {
		return usage("--turns and --tokens must be at least 1, and there must be a --speech and a --detect")
	}
	said := make([][]*utterance, len(c.Speech))
	var err error
	for i, seconds := range c.Speech {
		if said[i], err = c.utterances(seconds); err != nil {
			return err
		}
	}
	device, stop, err := c.serve()
	if err != nil {
		return err
	}
	defer stop()
	bench := "voice"
	if c.WebRTC {
		bench = "voice-webrtc"
	}
	var all []*voiceTurns
	for _, detect := range c.Detect {
		for _, target := range c.targets {
			for i := range c.Speech {
				row := delayRow{Bench: bench, Model: c.name(), Device: device, Mode: target.mode, Turn: detect}
				all = append(all, &voiceTurns{delayRow: row, target: target, said: said[i]})
			}
		}
	}
	for range c.Turns {
		if err := c.round(ctx, all); err != nil {
			return err
		}
	}
	rows := make([]delayRow, len(all))
	for i, t := range all {
		rows[i] = t.row()
		for j := range rows[:i] {
			if o := &rows[j]; o.Mode != rows[i].Mode && o.Turn == rows[i].Turn && o.Speech == rows[i].Speech && o.FirstP50 > 0 {
				o.Whole = rows[i].FirstP50 / o.FirstP50
			}
		}
	}
	return printDelays(c.output().to, c.JSON, rows)
}

// utterances returns the files as they are, or so many seconds of the speech in
// them.
func (c *benchVoice) utterances(seconds float64) (all []*utterance, err error) {
	if seconds != 0 && !(seconds >= 0.5 && seconds <= 300) {
		return nil, usage("--speech %v, want 0 or 0.5 to 300", seconds)
	}
	var joined []float32
	for _, path := range c.In {
		samples, err := readSound(path)
		if err != nil {
			return nil, err
		}
		if joined = append(joined, spoken(samples)...); seconds > 0 {
			continue
		}
		u, err := newUtterance(samples)
		if err != nil {
			return nil, usage("--in %s: %w", path, err)
		}
		all = append(all, u)
	}
	if seconds == 0 {
		return all, nil
	}
	if len(joined) == 0 {
		return nil, usage("--in: no speech in the files")
	}
	for i := range c.In {
		u, err := newUtterance(stretch(joined, i*len(joined)/len(c.In), int(seconds*float64(audio.ModelRate))))
		if err != nil {
			return nil, err
		}
		all = append(all, u)
	}
	return all, nil
}

// round says everything once, each thing in each way before the next.
func (c *benchVoice) round(ctx context.Context, all []*voiceTurns) error {
	for i := range c.In {
		for _, t := range all {
			if err := c.hold(ctx, t, t.said[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// hold holds one turn, in a session of its own.
func (c *benchVoice) hold(ctx context.Context, t *voiceTurns, u *utterance) error {
	aloud := c.Voice != speech.None
	call, err := dialVoice(ctx, t.target.url, c.Key, t.Turn, c.WebRTC, aloud, c.Tokens)
	if err != nil {
		return err
	}
	defer call.link.close()
	if t.target.watched != nil {
		t.target.watched.forget()
	}
	h, err := call.turn(ctx, u)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		t.Cut++ // it was answered before its end, and nothing that was left began another
		return nil
	case err != nil:
		return err
	}
	if h.cut {
		t.Cut++
	}
	t.add(h, u)
	return nil
}

// add takes a turn in.
func (t *voiceTurns) add(h *heardTurn, u *utterance) {
	t.speech = append(t.speech, u.speech.Seconds())
	t.token = append(t.token, milliseconds(h.token))
	t.window = append(t.window, milliseconds(h.window))
	t.after = append(t.after, milliseconds(h.token-h.window))
	if h.audio != 0 {
		t.audio = append(t.audio, milliseconds(h.audio))
		t.audioAfter = append(t.audioAfter, milliseconds(h.audio-h.window))
	}
	if t.target.watched == nil {
		return
	}
	begun, first := t.target.watched.answer()
	if first.IsZero() || !first.After(begun) {
		return
	}
	hidden := min(h.ended.Sub(begun), first.Sub(begun))
	t.hidden = append(t.hidden, max(0, hidden.Seconds()/first.Sub(begun).Seconds()))
	if spare := h.ended.Sub(first); spare > 0 {
		t.ready++
		t.spare = append(t.spare, milliseconds(spare))
	}
}

// row sums the turns up.
func (t *voiceTurns) row() delayRow {
	r := t.delayRow
	r.first(t.token)
	r.Speech = median(t.speech)
	r.AudioP50, r.AudioP95, r.AudioP99 = median(t.audio), quantile(t.audio, 0.95), quantile(t.audio, 0.99)
	r.Window, r.After, r.Audio, r.Spare = median(t.window), median(t.after), median(t.audioAfter), median(t.spare)
	if n := float64(len(t.hidden)); n > 0 {
		r.Ready = float64(t.ready) / n
		for _, share := range t.hidden {
			r.Hidden += share / n
		}
	}
	return r
}

// serve runs a server for each way to hear, with one model, or takes the one
// that --url names. It returns what computes.
func (c *benchVoice) serve() (device string, stop func(), err error) {
	if c.URL != "" {
		at, err := realtimeURL(c.URL)
		if err == nil && !c.Stream {
			err = usage("--no-stream needs a server of its own: leave out --url")
		}
		c.targets = []voiceTarget{{mode: modeStream, url: at}}
		return at, func() {}, err
	}
	var closers []func() error
	stop = func() {
		for _, f := range slices.Backward(closers) {
			_ = f()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	src, err := checkpoint(c.Model)
	if err != nil {
		return "", nil, err
	}
	closers = append(closers, src.Close)
	e, err := engine.Open(src, cpu.New(&cpu.Options{Threads: c.Threads, Rounded: cpu.RoundingPays()}), &engine.Options{PrefixBytes: -1})
	if err != nil {
		return "", nil, usageError{err}
	}
	closers = append(closers, e.Close)
	o := server.Options{Addr: "127.0.0.1:0", Tokenizer: e.Tokenizer(), Stats: e.Stats}
	if o.Speaker, err = c.openVoice(slog.New(slog.DiscardHandler)); err != nil {
		return "", nil, err
	}
	if o.Speaker != nil {
		closers = append(closers, o.Speaker.Close)
	} else {
		c.Voice = speech.None
	}
	for _, mode := range []string{modeStream, modeWhole} {
		if mode == modeStream && !c.Stream {
			continue
		}
		w := &watchedEngine{Engine: session.NewEngine(e), hold: mode == modeWhole}
		o.Engine = w
		url, end, err := serveAt(o)
		if err != nil {
			return "", nil, err
		}
		closers = append(closers, end)
		c.targets = append(c.targets, voiceTarget{mode: mode, url: url, watched: w})
	}
	return e.Device(), stop, nil
}

// serveAt serves and returns the address of the WebSocket.
func serveAt(o server.Options) (url string, stop func() error, err error) {
	s, err := server.New(o)
	if err != nil {
		return "", nil, err
	}
	ln, err := s.Listen()
	if err != nil {
		return "", nil, err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	return fmt.Sprintf("ws://%s/v1/realtime", ln.Addr()), func() error { return errors.Join(s.Close(), <-served) }, nil
}
