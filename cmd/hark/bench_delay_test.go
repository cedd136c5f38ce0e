package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
)

// delaysOf decodes JSON lines of delays; other rows are left out.
func delaysOf(t *testing.T, out *bytes.Buffer) (rows []delayRow) {
	t.Helper()
	for lines := json.NewDecoder(out); lines.More(); {
		var r delayRow
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Bench == "latency" || strings.HasPrefix(r.Bench, "voice") {
			rows = append(rows, r)
		}
	}
	return rows
}

// The measure itself, on the embedded model: what was heard while it was spoken
// leaves so little behind its end that ten seconds of it take several times
// longer when they are heard behind their end.
func TestHearingWhileSpeakingLeavesLittleForTheEnd(t *testing.T) {
	var out bytes.Buffer
	c := benchLatency{benchModel: brief(&out, true), Speech: []float64{1, 10}, Stream: true, Fast: true, Turns: 3, Tokens: 3,
		Sessions: []int{0}, Positions: []int{-1}}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := delaysOf(t, &out)
	if len(rows) != 4 {
		t.Fatalf("rows %+v, want two lengths in two modes", rows)
	}
	for _, r := range rows {
		if r.FirstP50 <= 0 || r.FirstMin > r.FirstP50 || r.FirstP95 < r.FirstP50 || r.FirstP99 < r.FirstP95 || r.Decode <= 0 || r.Count != 3 {
			t.Errorf("row %+v", r)
		}
	}
	if long := rows[1]; long.Mode != modeStream || long.Speech != 10 || long.Whole < 2 {
		t.Errorf("the whole of 10 s behind its end takes %.2f times longer, want 5 and at least 2 on a busy machine: %+v", long.Whole, rows)
	}
}

// Sessions that speak and listen side by side are measured, and so is a step of
// decoding.
func TestSpeakersSpeakAtTheSameTime(t *testing.T) {
	var out bytes.Buffer
	c := benchLatency{benchModel: brief(&out, true), Stream: true, Turns: 1, Tokens: 3, Sessions: []int{2}, Positions: []int{0}}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := delaysOf(t, &out)
	if len(rows) != 1 || rows[0].Sessions != 2 || rows[0].Count < 2 || rows[0].StepP50 <= 0 || rows[0].LagMax <= 0 {
		t.Errorf("rows %+v", rows)
	}
}

func TestDelaysAreATable(t *testing.T) {
	var out bytes.Buffer
	rows := []delayRow{{Bench: "latency", Model: "demo", Mode: modeStream, Speech: 3}, {Bench: "latency", Model: "demo", Mode: modeWhole, Speech: 3}}
	rows[0].first([]float64{5, 1, 3})
	if err := printDelays(&out, false, rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[1], "token p50") || strings.Contains(lines[1], "audio") || !strings.Contains(lines[2], "stream") {
		t.Errorf("%s", out.String())
	}
}

func TestQuantiles(t *testing.T) {
	values := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, 0.5: 2, 0.75: 3, 0.95: 4, 1: 4} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("a quantile of nothing")
	}
}

func TestLatencyRefusesWhatMakesNoSense(t *testing.T) {
	var out bytes.Buffer
	good := benchLatency{benchModel: brief(&out, true), Speech: []float64{1}, Turns: 1, Tokens: 2, Sessions: []int{0}, Positions: []int{-1}}
	for name, spoil := range map[string]func(c *benchLatency){
		"speech":    func(c *benchLatency) { c.Speech = []float64{math.NaN()} },
		"turns":     func(c *benchLatency) { c.Turns = 0 },
		"tokens":    func(c *benchLatency) { c.Tokens = 1 },
		"sessions":  func(c *benchLatency) { c.Sessions = []int{-1} },
		"positions": func(c *benchLatency) { c.Positions = nil },
		"sound":     func(c *benchLatency) { c.In = []string{"nowhere.wav"} },
	} {
		c := good
		spoil(&c)
		var wrong usageError
		if err := c.Run(t.Context()); !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want an error of the user", name, err)
		}
	}
}
