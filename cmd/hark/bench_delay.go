package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// delayRow is one measurement of how long a user waits. What does not apply is
// left out. Durations are in milliseconds and count from the last sample of
// speech.
type delayRow struct {
	Bench  string  `json:"bench"`
	Model  string  `json:"model"`
	Device string  `json:"device,omitempty"`
	Mode   string  `json:"mode,omitempty"`     // stream: heard while it is spoken; whole: behind its end
	Turn   string  `json:"turn,omitempty"`     // what finds the end of the turn
	Speech float64 `json:"speech_s,omitempty"` // length of what is said
	Count  int     `json:"turns,omitempty"`    // how many

	FirstP50 float64 `json:"first_token_ms_p50,omitempty"`
	FirstP95 float64 `json:"first_token_ms_p95,omitempty"`
	FirstP99 float64 `json:"first_token_ms_p99,omitempty"`
	FirstMin float64 `json:"first_token_ms_min,omitempty"`
	Decode   float64 `json:"decode_ms_p50,omitempty"`   // a step of decoding, in the same turns
	Over     float64 `json:"over_decode_ms,omitempty"`  // the median of what the first token takes beyond one
	Growth   float64 `json:"of_shortest,omitempty"`     // beside the shortest speech of the same mode, medians
	Whole    float64 `json:"whole_to_stream,omitempty"` // how many times longer mode whole takes, medians
	AudioP50 float64 `json:"first_audio_ms_p50,omitempty"`
	AudioP95 float64 `json:"first_audio_ms_p95,omitempty"`
	AudioP99 float64 `json:"first_audio_ms_p99,omitempty"`

	Window float64 `json:"silence_ms_p50,omitempty"`       // until the turn counts as ended
	After  float64 `json:"after_silence_ms_p50,omitempty"` // from there to the first token
	Audio  float64 `json:"audio_after_ms_p50,omitempty"`   // and to the first sound
	Ready  float64 `json:"ready_share,omitempty"`          // turns whose first token was there by then
	Hidden float64 `json:"hidden_share,omitempty"`         // of the work for the first token, what the silence hid
	Spare  float64 `json:"ready_before_ms_p50,omitempty"`  // how long before the end of the turn it was there
	Cut    int     `json:"cut_off,omitempty"`              // turns that were ended while the user spoke

	Sessions int     `json:"sessions,omitempty"` // who speak and listen at the same time
	StepP50  float64 `json:"step_ms_p50,omitempty"`
	StepP95  float64 `json:"step_ms_p95,omitempty"`
	StepP99  float64 `json:"step_ms_p99,omitempty"`
	LagP95   float64 `json:"lag_ms_p95,omitempty"` // how long sound waits until it is in the cache
	LagMax   float64 `json:"lag_ms_max,omitempty"`
	Load     float64 `json:"load,omitempty"` // share of the time that the engine worked, at the end
}

// delayColumns are what the table can show; those without a value are left
// out.
var delayColumns = []struct {
	name  string
	value func(r *delayRow) string
}{
	{"mode", func(r *delayRow) string { return r.Mode }},
	{"turn by", func(r *delayRow) string { return r.Turn }},
	{"speech s", func(r *delayRow) string { return figure(r.Speech) }},
	{"sessions", func(r *delayRow) string { return whole(r.Sessions) }},
	{"turns", func(r *delayRow) string { return whole(r.Count) }},
	{"token p50", func(r *delayRow) string { return figure(r.FirstP50) }},
	{"p95", func(r *delayRow) string { return figure(r.FirstP95) }},
	{"p99", func(r *delayRow) string { return figure(r.FirstP99) }},
	{"min", func(r *delayRow) string { return figure(r.FirstMin) }},
	{"decode", func(r *delayRow) string { return figure(r.Decode) }},
	{"beyond", func(r *delayRow) string { return figure(r.Over) }},
	{"x shortest", func(r *delayRow) string { return figure(r.Growth) }},
	{"x stream", func(r *delayRow) string { return figure(r.Whole) }},
	{"audio p50", func(r *delayRow) string { return figure(r.AudioP50) }},
	{"p95", func(r *delayRow) string { return figure(r.AudioP95) }},
	{"p99", func(r *delayRow) string { return figure(r.AudioP99) }},
	{"silence", func(r *delayRow) string { return figure(r.Window) }},
	{"then token", func(r *delayRow) string { return figure(r.After) }},
	{"then audio", func(r *delayRow) string { return figure(r.Audio) }},
	{"ready", func(r *delayRow) string { return figure(r.Ready) }},
	{"hidden", func(r *delayRow) string { return figure(r.Hidden) }},
	{"spare", func(r *delayRow) string { return figure(r.Spare) }},
	{"cut off", func(r *delayRow) string { return whole(r.Cut) }},
	{"step p50", func(r *delayRow) string { return figure(r.StepP50) }},
	{"p95", func(r *delayRow) string { return figure(r.StepP95) }},
	{"p99", func(r *delayRow) string { return figure(r.StepP99) }},
	{"lag p95", func(r *delayRow) string { return figure(r.LagP95) }},
	{"max", func(r *delayRow) string { return figure(r.LagMax) }},
	{"load", func(r *delayRow) string { return figure(r.Load) }},
}

// printDelays prints rows as JSON lines or as a table.
func printDelays(to io.Writer, asJSON bool, rows []delayRow) error {
	if asJSON {
		lines := json.NewEncoder(to)
		for i := range rows {
			if err := lines.Encode(&rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintf(to, "%s %s, milliseconds from the last sample of speech\n", rows[0].Model, rows[0].Device)
	lines := tabwriter.NewWriter(to, 0, 8, 2, ' ', tabwriter.AlignRight)
	for i := -1; i < len(rows); i++ {
		for _, c := range delayColumns {
			if !slices.ContainsFunc(rows, func(r delayRow) bool { return c.value(&r) != "" }) {
				continue
			}
			cell := c.name
			if i >= 0 {
				cell = c.value(&rows[i])
			}
			fmt.Fprintf(lines, "%s\t", cell)
		}
		fmt.Fprintln(lines)
	}
	return lines.Flush()
}

// quantile returns the least value that a share q of all does not exceed, 0
// for none.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(max(int(math.Ceil(q*float64(len(sorted))))-1, 0), len(sorted)-1)]
}

// first fills in the delays to the first token.
func (r *delayRow) first(ms []float64) {
	r.Count = len(ms)
	r.FirstP50, r.FirstP95, r.FirstP99, r.FirstMin = median(ms), quantile(ms, 0.95), quantile(ms, 0.99), quantile(ms, 0)
}
