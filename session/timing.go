package session

import (
	"time"

	"hark/session/realtime"
)

// Timings say how fast a response was: the client sees them in response.done,
// and Options.Observe gets them. Durations count from the end of the user's
// turn where the server found it, else from response.create.
type Timings struct {
	// Response is the response's id.
	Response string
	// Status is how it ended.
	Status realtime.Status
	// AfterSpeech says that the server found the end of the turn.
	AfterSpeech bool
	// Output says whether it was given in text or in sound.
	Output realtime.Modality
	// FirstToken and FirstAudio are until the first token was written and
	// until the first sound was sent, 0 if there was none. Total is until the
	// end.
	FirstToken, FirstAudio, Total time.Duration
	// Tokens is the number of tokens written.
	Tokens int
	// Rate is the number of tokens a second between the first and the last,
	// 0 if there are not two. An answer may have begun before the turn ended.
	Rate float64
}

// timing is what a response measures.
type timing struct {
	began             time.Time
	turn              bool          // at the end of a turn
	first, firstAudio time.Duration // until the first token and sound
	firstAt, newestAt time.Time     // when the first and the last token so far came, which may be before
	tokens            int
}

// since begins to measure: at the end of a turn, or now if there was none.
func (t *timing) since(turnEnded time.Time) {
	t.turn = t.turn || !turnEnded.IsZero()
	if t.began = turnEnded; turnEnded.IsZero() {
		t.began = time.Now()
	}
}

// elapsed returns the time since then. It is never 0, which stands for never.
func (t *timing) elapsed() time.Duration { return max(time.Since(t.began), 1) }

// observe puts the timings of a response that ends where they are looked for.
func (s *session) observe(r *response) {
	t := Timings{
		Response:    r.wire.ID,
		Status:      r.wire.Status,
		AfterSpeech: r.turn,
		Output:      r.wire.Output,
		FirstToken:  r.first,
		FirstAudio:  r.firstAudio,
		Total:       r.elapsed(),
		Tokens:      r.tokens,
	}
	if d := r.newestAt.Sub(r.firstAt); d > 0 && r.tokens > 1 {
		t.Rate = float64(r.tokens-1) / d.Seconds()
	}
	r.wire.Timings = &realtime.Timings{
		AfterSpeech: t.AfterSpeech,
		FirstToken:  t.FirstToken,
		FirstAudio:  t.FirstAudio,
		Total:       t.Total,
		Rate:        t.Rate,
	}
	if s.watch != nil {
		s.watch(t)
	}
	s.log.Info("response done", "response", t.Response, "reason", string(t.Status), "output", string(t.Output), "after_speech", t.AfterSpeech,
		"tokens", t.Tokens, "first_token_ms", t.FirstToken.Milliseconds(), "first_audio_ms", t.FirstAudio.Milliseconds(),
		"ms", t.Total.Milliseconds(), "tokens_per_second", int(t.Rate+0.5))
}
