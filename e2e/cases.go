package e2e

import (
	"encoding/json"
	"fmt"
	"os"
)

// Case is one of the sample questions of testdata/samples/cases.json, with
// the answer that the reference implementation gives.
type Case struct {
	Name   string `json:"name"`
	System string `json:"system"`           // instructions
	Audio  string `json:"audio"`            // WAV file beside cases.json, or ""
	Image  string `json:"image"`            // PNG file beside cases.json, or ""
	Text   string `json:"text"`             // written question, or ""
	Answer string `json:"reference_answer"` // of the reference, greedy
}

// Cases reads the sample questions, by name.
func Cases(file string) (map[string]Case, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("e2e: %w", err)
	}
	var list []Case
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("e2e: %s: %w", file, err)
	}
	cases := map[string]Case{}
	for _, c := range list {
		cases[c.Name] = c
	}
	return cases, nil
}
