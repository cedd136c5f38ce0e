package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// display shows a conversation. The goroutine of run calls it.
type display interface {
	// begin says when the conversation began.
	begin(at time.Time)
	// tell shows what happened.
	tell(h happening)
	// state shows what goes on, many times a second.
	state(s state)
	// end shows the figures of the whole conversation.
	end(s talkStats)
	// close leaves the terminal as it was.
	close()
}

// happening is something that is shown or, with --json, printed.
type happening struct {
	// Type is ready, speech_started, speech_stopped, user, answer, exchange,
	// interrupted or notice.
	Type string `json:"type"`
	// At is seconds since the beginning.
	At float64 `json:"at"`

	// Delta is a piece of what is said: of the user's words or of the answer.
	Delta string `json:"delta,omitempty"`
	// Text is what a notice says, or what is talked to.
	Text string `json:"text,omitempty"`

	// Of an exchange: what the user said and what the answer was.
	User   string `json:"user,omitempty"`
	Answer string `json:"answer,omitempty"`
	Status string `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	Tokens int    `json:"tokens,omitempty"`
	// Cut says that the answer was interrupted.
	Cut bool `json:"cut,omitempty"`
	// Milliseconds from the end of the user's speech.
	FirstTokenMS *float64 `json:"first_token_ms,omitempty"`
	FirstSoundMS *float64 `json:"first_sound_ms,omitempty"`
	TotalMS      *float64 `json:"total_ms,omitempty"`
	// HeardMS is how much of an interrupted answer was heard.
	HeardMS int64 `json:"heard_ms,omitempty"`

	of *exchange
}

// state is what goes on.
type state struct {
	what       string  // listening, hearing you, thinking, speaking, muted
	mic, voice float64 // dB of full scale
	speaking   bool
	push       bool
	typing     *[]rune // nil: nothing is being written
	open       *exchange
}

// talkStats are the figures of a conversation.
type talkStats struct {
	Seconds       float64   `json:"seconds"`
	Answers       int       `json:"answers"`
	Interruptions int       `json:"interruptions"`
	FirstTokenMS  float64   `json:"first_token_ms"` // median, 0: there was none
	FirstSoundMS  float64   `json:"first_sound_ms"`
	Frames        int       `json:"frames"`  // of the camera, sent
	Dropped       int64     `json:"dropped"` // frames of sound that came too fast
	Lost          int       `json:"lost"`    // and that the server did not take in time
	Echo          bool      `json:"echo"`    // there was one, and it was taken out
	EchoMS        int64     `json:"echo_ms,omitempty"`
	EchoDB        float64   `json:"echo_db,omitempty"`
	tokens        []float64 // of each answer
	sounds        []float64
}

// add takes an exchange in.
func (s *talkStats) add(h happening) {
	if h.FirstTokenMS != nil {
		s.tokens = append(s.tokens, *h.FirstTokenMS)
		s.FirstTokenMS = median(slices.Clone(s.tokens))
	}
	if h.FirstSoundMS != nil {
		s.sounds = append(s.sounds, *h.FirstSoundMS)
		s.FirstSoundMS = median(slices.Clone(s.sounds))
	}
}

// String says the figures in a line.
func (s talkStats) String() string {
	line := fmt.Sprintf("%s, %s", length(s.Seconds), count(s.Answers, "answer"))
	if s.Interruptions > 0 {
		line += ", " + count(s.Interruptions, "interruption")
	}
	if len(s.tokens) > 0 {
		line += fmt.Sprintf("; end of speech to first token %.0f ms", s.FirstTokenMS)
	}
	if len(s.sounds) > 0 {
		line += fmt.Sprintf(", to first sound %.0f ms", s.FirstSoundMS)
	}
	if len(s.tokens) > 1 {
		line += " (medians)"
	}
	if s.Frames > 0 {
		line += "; " + count(s.Frames, "frame") + " of the camera"
	}
	if s.Echo {
		line += fmt.Sprintf("; echo after %d ms, %.0f dB less", s.EchoMS, s.EchoDB)
	}
	if n := int(s.Dropped) + s.Lost; n > 0 {
		line += fmt.Sprintf("; %d ms of sound lost", n*20)
	}
	return line
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func length(seconds float64) string {
	return fmt.Sprintf("%d:%02d", int(seconds)/60, int(seconds)%60)
}

// delays says the figures of an exchange.
func (h happening) delays() string {
	var parts []string
	if h.FirstTokenMS != nil {
		parts = append(parts, fmt.Sprintf("first token %.0f ms", *h.FirstTokenMS))
	}
	if h.FirstSoundMS != nil {
		parts = append(parts, fmt.Sprintf("first sound %.0f ms", *h.FirstSoundMS))
	}
	return strings.Join(parts, ", ")
}

// said is the answer as it stays in a line.
func (h happening) said() string {
	switch {
	case h.Status == "failed":
		return strings.TrimSpace(h.Answer + " [failed: " + h.Reason + "]")
	case h.Cut:
		return strings.TrimSpace(h.Answer + " [interrupted]")
	case h.Status == "incomplete":
		return h.Answer + " [cut off]"
	}
	return h.Answer
}

// plain shows lines: what was said to the standard output, all else to the
// standard error.
type plain struct{ out, err io.Writer }

func newPlain(out, err io.Writer) *plain { return &plain{out, err} }

func (p *plain) begin(time.Time) {}

func (p *plain) state(state) {}

func (p *plain) close() {}

func (p *plain) end(s talkStats) { fmt.Fprintln(p.err, s) }

func (p *plain) tell(h happening) {
	switch h.Type {
	case "ready", "notice":
		fmt.Fprintln(p.err, h.Text)
	case "exchange":
		if h.User != "" {
			fmt.Fprintln(p.out, "you:", h.User)
		}
		if h.Status == "" {
			return
		}
		fmt.Fprintln(p.out, "hark:", h.said())
		if d := h.delays(); d != "" {
			fmt.Fprintf(p.err, "%s after the end of speech, %d tokens\n", d, h.Tokens)
		}
	}
}

// events shows JSON, an object a line.
type events struct{ out *json.Encoder }

func newEvents(out io.Writer) *events { return &events{json.NewEncoder(out)} }

func (e *events) begin(time.Time) {}

func (e *events) state(state) {}

func (e *events) close() {}

func (e *events) tell(h happening) { _ = e.out.Encode(h) } // a reader that is gone ends the talk otherwise

func (e *events) end(s talkStats) {
	_ = e.out.Encode(struct {
		Type string `json:"type"`
		talkStats
	}{"end", s})
}
