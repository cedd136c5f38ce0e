package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"hark/engine/sample"
	"hark/engine/token"
	"hark/engine/weights"
)

// IDs reads 1 as well as [1, 106].
type IDs []int32

// UnmarshalJSON accepts a number, a list of numbers or null.
func (l *IDs) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var one int32
	if json.Unmarshal(data, &one) == nil {
		*l = IDs{one}
		return nil
	}
	return json.Unmarshal(data, (*[]int32)(l))
}

// Generation completes i by generation_config.json, if src has one: how tokens
// are picked, which are never picked, and which end an answer beside stops.
func (i *Info) Generation(src weights.Source, stops ...token.ID) error {
	var g struct {
		EOS         IDs        `json:"eos_token_id"`
		Suppress    []token.ID `json:"suppress_tokens"`
		DoSample    bool       `json:"do_sample"`
		Temperature *float32   `json:"temperature"`
		TopK        int        `json:"top_k"`
		TopP        float32    `json:"top_p"`
	}
	data, err := src.File("generation_config.json")
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("model: %w", err)
	default:
		if err := json.Unmarshal(data, &g); err != nil {
			return fmt.Errorf("model: %s: generation_config.json: %w", src.Name(), err)
		}
	}
	if g.DoSample {
		i.Sampling = sample.Options{Temperature: 1, TopK: g.TopK, TopP: g.TopP}
		if g.Temperature != nil {
			i.Sampling.Temperature = *g.Temperature
		}
		if err := i.Sampling.Validate(); err != nil {
			return fmt.Errorf("model: %s: generation_config.json: %w", src.Name(), err)
		}
	}
	for _, id := range g.EOS {
		stops = append(stops, token.ID(id))
	}
	slices.Sort(stops)
	i.Stops, i.Suppress = slices.Compact(stops), append(i.Suppress, g.Suppress...)
	return nil
}
