package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"hark/engine/backend/cpu"
	"hark/engine/backend/cpu/roof"
	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/weights"
)

// benchCommand measures speed. The subcommands of one kind share a file.
type benchCommand struct {
	Roof    benchRoof    `cmd:"" help:"The most that this machine can do: reading memory, multiplying and adding."`
	Decode  benchDecode  `cmd:"" help:"The next token: by position, and by number of sequences."`
	Prefill benchPrefill `cmd:"" help:"Reading in a prompt."`
	Audio   benchAudio   `cmd:"" help:"The audio tower, by the length of the pieces that it gets."`
	Vision  benchVision  `cmd:"" help:"The vision tower, by soft tokens."`
	Load    benchLoad    `cmd:"" help:"From a folder to the first token."`
	Batch   benchBatch   `cmd:"" help:"Several sequences through the whole engine, sampling included."`
	Lookup  benchLookup  `cmd:"" help:"An answer that repeats its prompt, with and without guesses."`
	Loss    benchLoss    `cmd:"" help:"What rounding activations to 8 bits changes in the model's predictions."`
	Latency benchLatency `cmd:"" help:"From the last sample of speech to the first token."`
	Voice   benchVoice   `cmd:"" help:"From the last sample of speech to the first token and the first sound, through a server."`
}

// benchFlags are what the subcommands share.
type benchFlags struct {
	Threads int     `help:"Threads of the CPU backend; 0 takes every core." default:"0"`
	Seconds float64 `help:"How long each row is measured." default:"3"`
	JSON    bool    `help:"Print a JSON object a line."`

	to    io.Writer // nil: standard output
	bytes int       // memory to read for the roof; 0: as much as package roof takes
}

// benchModel says what those run that run a model.
type benchModel struct {
	benchFlags
	Backend string `help:"What computes: cpu, or mlx, of which building graphs and waiting for them are told apart." enum:"cpu,mlx" default:"cpu"`
	MLXLib  string `name:"mlx-lib" help:"File of mlx-c; without it the usual places are looked through." placeholder:"FILE"`
	Rounded bool   `help:"Multiply with activations rounded to 8 bits: the default where the processor multiplies these fast."`
	Exact   bool   `help:"Multiply in full precision."`
	Model   string `help:"Folder of a checkpoint, or OWNER/NAME of one in the cache; without it the embedded demo model." placeholder:"DIR|OWNER/NAME"`
}

func (f *benchFlags) check() error {
	if f.Threads < 0 || !(f.Seconds >= 0) || f.Seconds > 3600 {
		return usage("--threads and --seconds must not be negative, an hour is the most")
	}
	return nil
}

func (f *benchModel) check() error {
	if f.Rounded && f.Exact {
		return usage("--rounded and --exact exclude each other")
	}
	return f.benchFlags.check()
}

// budget returns how long a row is measured.
func (f *benchFlags) budget() time.Duration { return time.Duration(f.Seconds * float64(time.Second)) }

// backend returns the choices of the CPU backend.
func (f *benchModel) backend() *cpu.Options {
	return &cpu.Options{Threads: f.Threads, Rounded: f.Rounded || !f.Exact && cpu.RoundingPays()}
}

// output returns where rows go.
func (f *benchFlags) output() *benchOutput {
	if f.to == nil {
		return &benchOutput{json: f.JSON, to: os.Stdout}
	}
	return &benchOutput{json: f.JSON, to: f.to}
}

// measureRoof takes the memory for it. Close frees it.
func (f *benchFlags) measureRoof(threads int) *roof.Roof {
	return roof.New(&roof.Options{Threads: threads, Bytes: f.bytes})
}

// benchRow is one measurement. What does not apply is left out. Speed is given
// by the median and the fastest of the repetitions. Roofs are measured between
// them, and a share is the median of what each repetition reached of the roof
// that was measured beside it: other work on the machine slows both down.
type benchRow struct {
	Bench    string  `json:"bench"`
	Model    string  `json:"model,omitempty"`
	Device   string  `json:"device"`
	Batch    int     `json:"batch,omitempty"`     // sequences side by side
	Position *int    `json:"position,omitempty"`  // tokens in the cache before
	Tokens   int     `json:"tokens,omitempty"`    // soft tokens or tokens of a repetition
	PieceMs  float64 `json:"piece_ms,omitempty"`  // sound pushed at a time
	Runs     int     `json:"repetitions"`         // how many
	MsP50    float64 `json:"ms_p50,omitempty"`    // of a repetition
	MsMin    float64 `json:"ms_min,omitempty"`    // the fastest
	Rate     float64 `json:"rate,omitempty"`      // in Unit, from the median
	Unit     string  `json:"unit,omitempty"`      // "tok/s", "x-realtime", "pictures/s"
	RateBest float64 `json:"rate_best,omitempty"` // in Unit, from the fastest
	GBs      float64 `json:"gb_per_s,omitempty"`  // weights read, from the median
	GFLOPs   float64 `json:"gflop_per_s,omitempty"`
	RoofGBs  float64 `json:"roof_gb_per_s,omitempty"` // median
	RoofGF   float64 `json:"roof_gflop_per_s,omitempty"`
	ShareGB  float64 `json:"memory_share,omitempty"`
	ShareGF  float64 `json:"compute_share,omitempty"`
	MapMs    float64 `json:"mapped_ms,omitempty"` // from the start to the list of tensors
	ReadyMs  float64 `json:"ready_ms,omitempty"`  // to the loaded model, tokenizer included
	FirstMs  float64 `json:"first_token_ms,omitempty"`
	Resident float64 `json:"resident,omitempty"` // share of the files that is in memory by then
	Guessed  int     `json:"guessed,omitempty"`  // tokens of an answer
	Right    int     `json:"right,omitempty"`    // of these

	// Of a backend that records graphs, means of a repetition.
	BuildMs     float64 `json:"build_ms,omitempty"`     // recording
	WaitMs      float64 `json:"wait_ms,omitempty"`      // for evaluations
	RestMs      float64 `json:"rest_ms,omitempty"`      // neither
	Operations  float64 `json:"operations,omitempty"`   // recorded
	OperationNs float64 `json:"operation_ns,omitempty"` // of recording, each
	Evaluations float64 `json:"evaluations,omitempty"`  // begun
}

// benchOutput prints rows: JSON lines, or a table at the end.
type benchOutput struct {
	json bool
	to   io.Writer
	rows []benchRow
}

func (o *benchOutput) add(r benchRow) error {
	o.rows = append(o.rows, r)
	if o.json {
		return json.NewEncoder(o.to).Encode(r)
	}
	return nil
}

// loss prints what rounding changes.
func (o *benchOutput) loss(r *lossRow) error {
	if o.json {
		return json.NewEncoder(o.to).Encode(r)
	}
	_, err := fmt.Fprintf(o.to, "%s %s, %d tokens\nKL divergence %.3g nats, at most %.3g; same likeliest token at %.2f %%; %.4f nats a token, %+.4f by rounding\n",
		r.Model, r.Device, r.Tokens, r.KLMean, r.KLMax, 100*r.Agreement, r.LossExact, r.LossChange)
	return err
}

// columns are what the table can show; those without a value are left out.
var columns = []struct {
	name  string
	value func(r *benchRow) string
}{
	{"bench", func(r *benchRow) string { return r.Bench }},
	{"batch", func(r *benchRow) string { return whole(r.Batch) }},
	{"position", func(r *benchRow) string {
		if r.Position == nil {
			return ""
		}
		return strconv.Itoa(*r.Position)
	}},
	{"tokens", func(r *benchRow) string { return whole(r.Tokens) }},
	{"piece ms", func(r *benchRow) string { return figure(r.PieceMs) }},
	{"mapped ms", func(r *benchRow) string { return figure(r.MapMs) }},
	{"ready ms", func(r *benchRow) string { return figure(r.ReadyMs) }},
	{"first token ms", func(r *benchRow) string { return figure(r.FirstMs) }},
	{"of the files", func(r *benchRow) string { return figure(r.Resident) }},
	{"build ms", func(r *benchRow) string { return figure(r.BuildMs) }},
	{"wait ms", func(r *benchRow) string { return figure(r.WaitMs) }},
	{"rest ms", func(r *benchRow) string { return figure(r.RestMs) }},
	{"operations", func(r *benchRow) string { return figure(r.Operations) }},
	{"ns each", func(r *benchRow) string { return figure(r.OperationNs) }},
	{"evaluations", func(r *benchRow) string { return figure(r.Evaluations) }},
	{"guessed", func(r *benchRow) string { return whole(r.Guessed) }},
	{"right", func(r *benchRow) string { return whole(r.Right) }},
	{"ms p50", func(r *benchRow) string { return figure(r.MsP50) }},
	{"ms min", func(r *benchRow) string { return figure(r.MsMin) }},
	{"rate", func(r *benchRow) string { return strings.TrimSpace(figure(r.Rate) + " " + r.Unit) }},
	{"best", func(r *benchRow) string { return figure(r.RateBest) }},
	{"GB/s", func(r *benchRow) string { return figure(r.GBs) }},
	{"roof", func(r *benchRow) string { return figure(r.RoofGBs) }},
	{"share", func(r *benchRow) string { return figure(r.ShareGB) }},
	{"GFLOP/s", func(r *benchRow) string { return figure(r.GFLOPs) }},
	{"roof", func(r *benchRow) string { return figure(r.RoofGF) }},
	{"share", func(r *benchRow) string { return figure(r.ShareGF) }},
}

func whole(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func figure(v float64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// end prints the table.
func (o *benchOutput) end() error {
	if o.json || len(o.rows) == 0 {
		return nil
	}
	fmt.Fprintf(o.to, "%s %s\n", o.rows[0].Model, o.rows[0].Device)
	lines := tabwriter.NewWriter(o.to, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, c := range columns {
		if o.shows(c.value) {
			fmt.Fprintf(lines, "%s\t", c.name)
		}
	}
	fmt.Fprintln(lines)
	for i := range o.rows {
		for _, c := range columns {
			if o.shows(c.value) {
				fmt.Fprintf(lines, "%s\t", c.value(&o.rows[i]))
			}
		}
		fmt.Fprintln(lines)
	}
	return lines.Flush()
}

func (o *benchOutput) shows(value func(r *benchRow) string) bool {
	return slices.ContainsFunc(o.rows, func(r benchRow) bool { return value(&r) != "" })
}

// worker is a backend that counts products; one on other hardware counts none.
type worker interface {
	tensor.Backend
	Work() cpu.Work
}

// bencher runs a model on a backend, beside a measurement of the processor's
// roof.
type bencher struct {
	flags   *benchModel
	out     *benchOutput
	src     weights.Source
	backend worker
	roof    *roof.Roof
	model   model.Model
}

// open loads the model. Close frees what it takes.
func (f *benchModel) open() (*bencher, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	src, err := checkpoint(f.Model)
	if err != nil {
		return nil, err
	}
	b := &bencher{flags: f, src: src, out: f.output()}
	if b.backend, err = f.worker(); err != nil {
		src.Close()
		return nil, usageError{err}
	}
	if b.model, err = model.Open(src, b.backend); err != nil {
		b.close()
		return nil, usageError{err}
	}
	b.roof = f.measureRoof(f.Threads)
	return b, nil
}

func (b *bencher) close() {
	if b.roof != nil {
		b.roof.Close()
	}
	b.backend.Close()
	b.src.Close()
}

// name says which model it is.
func (f *benchModel) name() string {
	if f.Model == "" {
		return "demo"
	}
	return f.Model
}

// A round of a measurement: the roofs for so long each, then repetitions.
const (
	roofTime  = 20 * time.Millisecond
	roundTime = 300 * time.Millisecond

	settleTime = 20 * time.Second // at most, before the first round
)

// measure repeats f, which does one unit of work on the backend, and fills in
// the row's figures.
func (b *bencher) measure(row benchRow, f func()) benchRow {
	row.Model, row.Device = b.flags.name(), b.backend.Device()
	f() // warm
	// Weights that are being copied to where they are read fastest come first.
	if w, ok := b.backend.(interface{ Settled() bool }); ok {
		for end := time.Now().Add(settleTime); !w.Settled() && time.Now().Before(end); {
			f()
		}
	}
	split := splitOf(b.backend)
	var ms, gb, gf, roofGB, roofGF, shareGB, shareGF []float64
	for end := time.Now().Add(b.flags.budget()); ; {
		read, multiply := b.roof.Read(roofTime)/1e9, b.roof.Multiply(roofTime)/1e9
		roofGB, roofGF = append(roofGB, read), append(roofGF, multiply)
		for stop := time.Now().Add(roundTime); ; {
			before := b.backend.Work()
			start := time.Now()
			f()
			seconds := time.Since(start).Seconds()
			after := b.backend.Work()
			g, p := float64(after.WeightBytes-before.WeightBytes)/1e9/seconds, 2*float64(after.Products-before.Products)/1e9/seconds
			ms, gb, gf = append(ms, seconds*1e3), append(gb, g), append(gf, p)
			shareGB, shareGF = append(shareGB, g/read), append(shareGF, p/multiply)
			if !time.Now().Before(stop) {
				break
			}
		}
		if !time.Now().Before(end) {
			break
		}
	}
	row.Runs, row.MsP50, row.MsMin = len(ms), median(ms), slices.Min(ms)
	row.GBs, row.GFLOPs, row.RoofGBs, row.RoofGF = median(gb), median(gf), median(roofGB), median(roofGF)
	row.ShareGB, row.ShareGF = median(shareGB), median(shareGF)
	split.fill(&row, ms)
	return row
}

// rate fills in how many units a repetition of n is a second.
func (r *benchRow) rate(n float64, unit string) {
	r.Rate, r.RateBest, r.Unit = n*1e3/r.MsP50, n*1e3/r.MsMin, unit
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
