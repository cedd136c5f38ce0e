package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// brief measures as little as can be, of the embedded model.
func brief(to *bytes.Buffer, asJSON bool) benchModel {
	return benchModel{benchFlags: benchFlags{Threads: 2, JSON: asJSON, to: to, bytes: 8 << 20}}
}

// rowsOf decodes JSON lines.
func rowsOf(t *testing.T, out *bytes.Buffer) (rows []benchRow) {
	t.Helper()
	for lines := json.NewDecoder(out); lines.More(); {
		var r benchRow
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	return rows
}

func TestBenchesMeasureTheEmbeddedModel(t *testing.T) {
	var out bytes.Buffer
	model := brief(&out, true)
	for _, c := range []struct {
		name string
		run  func() error
		rows int
		ok   func(r *benchRow) bool
	}{
		{"roof", (&benchRoof{model.benchFlags}).Run, 2, func(r *benchRow) bool { return r.RoofGBs > 0 && r.RoofGF > 0 }},
		{"decode", (&benchDecode{benchModel: model, Positions: []int{0, 40}, Batches: []int{1, 3}}).Run, 3, func(r *benchRow) bool {
			return r.Position != nil && r.Batch > 0 && r.GBs > 0 && r.ShareGB > 0 && r.ShareGF > 0
		}},
		{"prefill", (&benchPrefill{model, []int{20}}).Run, 1, func(r *benchRow) bool { return r.Tokens == 20 && r.GFLOPs > 0 }},
		{"audio", (&benchAudio{model, []int{10000}}).Run, 1, func(r *benchRow) bool { return r.PieceMs == 10000 && r.Tokens == 250 }},
		{"vision", (&benchVision{model, []int{70}}).Run, 1, func(r *benchRow) bool { return r.Tokens > 40 }},
		{"load", (&benchLoad{model, 2, false}).Run, 2, func(r *benchRow) bool { return r.MapMs > 0 && r.ReadyMs > r.MapMs && r.FirstMs > r.ReadyMs }},
		{"lookup", func() error { return (&benchLookup{model, 8, 24}).Run(t.Context()) }, 2, func(r *benchRow) bool { return r.Tokens > 0 }},
		{"batch", func() error {
			return (&benchBatch{model, []int{1, 2}, 3, 4}).Run(t.Context())
		}, 2, func(r *benchRow) bool { return r.Batch > 0 && r.Unit == "tok/s" }},
	} {
		if err := c.run(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		rows := rowsOf(t, &out)
		if len(rows) != c.rows {
			t.Errorf("%s: %d rows, want %d", c.name, len(rows), c.rows)
		}
		for _, r := range rows {
			measured := r.Rate > 0 && r.RateBest >= r.Rate && r.Unit != "" || c.name == "roof" || c.name == "load"
			if r.Bench != c.name || r.Device == "" || r.Runs < 1 || !measured || !c.ok(&r) {
				t.Errorf("%s: row %+v", c.name, r)
			}
		}
	}
}

func TestRoundingChangesThePredictionsLittle(t *testing.T) {
	var out bytes.Buffer
	if err := (&benchLoss{benchModel: brief(&out, true), Tokens: 200}).Run(); err != nil {
		t.Fatal(err)
	}
	var r lossRow
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Tokens != 200 || !(r.KLMean >= 0 && r.KLMean < 0.02) || r.Agreement < 0.9 || !(r.LossChange > -0.1 && r.LossChange < 0.1) {
		t.Errorf("%+v", r)
	}
}

func TestBenchPrintsATable(t *testing.T) {
	var out bytes.Buffer
	if err := (&benchPrefill{brief(&out, false), []int{5, 7}}).Run(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "demo cpu ") || !strings.Contains(lines[1], "GFLOP/s") || strings.Contains(lines[1], "piece") {
		t.Errorf("%s", out.String())
	}
}

func TestBenchRefusesWhatMakesNoSense(t *testing.T) {
	var out bytes.Buffer
	model := brief(&out, true)
	negative := model
	negative.Seconds = -1
	both := model
	both.Rounded, both.Exact = true, true
	for name, err := range map[string]error{
		"seconds":   (&benchRoof{negative.benchFlags}).Run(),
		"rounding":  (&benchDecode{benchModel: both, Positions: []int{0}, Batches: []int{1}}).Run(),
		"positions": (&benchDecode{benchModel: model, Positions: []int{5, 0}, Batches: []int{1}}).Run(),
		"batches":   (&benchDecode{benchModel: model, Positions: []int{0}, Batches: []int{0}}).Run(),
		"tokens":    (&benchPrefill{model, []int{1 << 20}}).Run(),
		"pieces":    (&benchAudio{model, []int{0}}).Run(),
		"answers":   (&benchBatch{model, []int{1}, 3, 1}).Run(t.Context()),
		"runs":      (&benchLoad{model, 0, false}).Run(),
		"cold":      (&benchLoad{model, 1, true}).Run(),
	} {
		var wrong usageError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want an error of the user", name, err)
		}
	}
}
