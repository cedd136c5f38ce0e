package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/sample"
	"hark/engine/token"
	"hark/engine/weights"
)

// benchLookup measures what guessing what an answer repeats is worth.
type benchLookup struct {
	benchModel
	Lookup int `help:"Most tokens that a step guesses." default:"8"`
	Tokens int `help:"Tokens of each answer." default:"256"`
}

// records is a list in JSON, and how far the list is repeated.
func records() string {
	var b strings.Builder
	names := []string{"Anna", "Boris", "Clara", "David", "Elena", "Frank", "Greta", "Hans", "Ida", "Jonas", "Karla", "Leo"}
	for i, name := range names {
		fmt.Fprintf(&b, "{\"id\": %d, \"name\": \"%s\", \"age\": %d, \"city\": \"%s\"}\n", 100+37*i, name, 20+7*i%50,
			[]string{"Berlin", "Paris", "Oslo", "Rome", "Vienna"}[i*3%5])
	}
	list := b.String()
	half := list[:len(list)/4]
	return "The list:\n" + list + "\nThe same list once more:\n" + half[:strings.LastIndexByte(half, '\n')+1]
}

// Run lets an engine with guesses and one without go on with a list that is to
// be repeated, in turns: the first row is without.
func (c *benchLookup) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Lookup < 1 || c.Tokens < 2 {
		return usage("--lookup must be at least 1, --tokens 2")
	}
	src, err := checkpoint(c.Model)
	if err != nil {
		return err
	}
	defer src.Close()
	plain, err := c.engine(src, -1)
	if err != nil {
		return err
	}
	defer plain.Close()
	guessing, err := c.engine(src, c.Lookup)
	if err != nil {
		return err
	}
	defer guessing.Close()
	var rates [2][]float64
	var said [2][]token.ID
	for end := time.Now().Add(2 * c.budget()); len(rates[1]) < 2 || time.Now().Before(end); {
		for i, e := range []*engine.Engine{plain, guessing} {
			rate, ids, err := c.goOn(ctx, e)
			if err != nil {
				return err
			}
			rates[i], said[i] = append(rates[i], rate), ids
		}
		if !slices.Equal(said[0], said[1]) {
			return fmt.Errorf("guesses change the answer: %v, without %v", said[1], said[0])
		}
	}
	out := c.output()
	for i := range rates {
		row := benchRow{Bench: "lookup", Model: c.name(), Device: plain.Device(), Tokens: len(said[i]), Runs: len(rates[i]), Unit: "tok/s"}
		row.Rate, row.RateBest = median(rates[i]), slices.Max(rates[i])
		if i == 1 {
			st := guessing.Stats()
			row.Guessed, row.Right = int(st.Guessed)/len(rates[1]), int(st.Right)/len(rates[1])
		}
		if err := out.add(row); err != nil {
			return err
		}
	}
	return out.end()
}

func (c *benchLookup) engine(src weights.Source, lookup int) (*engine.Engine, error) {
	e, err := engine.Open(src, cpu.New(c.backend()), &engine.Options{PrefixBytes: -1, Lookup: lookup})
	if err != nil {
		return nil, usageError{err}
	}
	return e, nil
}

// goOn answers the prompt and returns the tokens a second behind the first one.
func (c *benchLookup) goOn(ctx context.Context, e *engine.Engine) (rate float64, ids []token.ID, err error) {
	seq, err := e.Open()
	if err != nil {
		return 0, nil, err
	}
	defer seq.Close()
	prompt := e.Tokenizer().Encode(records())
	if _, err := seq.Set([]engine.Part{engine.Tokens(prompt)}); err != nil {
		return 0, nil, err
	}
	var first time.Time
	for tok, err := range seq.Generate(ctx, engine.Generate{Max: c.Tokens, Sample: sample.Options{Suppress: e.Model().Stops}}) {
		if err != nil {
			return 0, nil, err
		}
		if ids = append(ids, tok.ID); len(ids) == 1 {
			first = time.Now()
		}
	}
	return float64(len(ids)-1) / time.Since(first).Seconds(), ids, nil
}
