package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/engine/hub"
	"hark/engine/inspect"
	"hark/engine/weights"
	"hark/internal/host"
)

// modelsCommand lists the models on this machine.
type modelsCommand struct {
	JSON bool `help:"Print one JSON list."`
}

// listedModel is one model and whether it runs here.
type listedModel struct {
	Name     string `json:"name"`               // what --model takes; the demo's needs none
	Embedded bool   `json:"embedded,omitempty"` // in the program itself
	Dir      string `json:"dir,omitempty"`
	Commit   string `json:"commit,omitempty"`
	Versions int    `json:"versions,omitempty"` // commits in the cache
	Bytes    int64  `json:"bytes"`              // on the disk, all versions
	verdict
}

// verdict is whether a checkpoint runs here.
type verdict struct {
	ModelType string `json:"model_type"`
	Variant   string `json:"variant,omitempty"`
	Hears     bool   `json:"hears"`
	Sees      bool   `json:"sees"`
	// Memory is what a conversation of Positions tokens takes: the weights,
	// and keys and values. It is 0 where it is not known.
	Memory    int64 `json:"memory_bytes"`
	Positions int   `json:"positions,omitempty"`
	// Available is the memory that could be used now, 0 where the system
	// does not say, and Total all that there is.
	Available int64  `json:"available_bytes"`
	Total     int64  `json:"total_bytes"`
	Runs      bool   `json:"runs"`
	Why       string `json:"why,omitempty"` // why not, or what to mind
}

// positions is the length of the conversation that memory is counted for.
const positions = 8 << 10

// Run lists.
func (c *modelsCommand) Run() error {
	list, err := listModels()
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(list)
	}
	return printModels(os.Stdout, list, hubOptions().Cache)
}

// listModels returns the embedded model and those of the cache.
func listModels() ([]listedModel, error) {
	models, err := hub.Models(hubOptions().Cache)
	if err != nil {
		return nil, err
	}
	src := demo.Source()
	embedded := listedModel{Name: demo.Name, Embedded: true, verdict: judgeSource(src)}
	if data, err := src.File("model.safetensors"); err == nil {
		embedded.Bytes = int64(len(data))
	}
	list := []listedModel{embedded}
	for _, m := range models {
		l := listedModel{Name: m.Name.ID(), Bytes: m.Bytes, Versions: len(m.Versions)}
		if len(m.Versions) == 0 {
			l.Why = "nothing whole is there; to fetch it: hark pull " + l.Name
			list = append(list, l)
			continue
		}
		v := m.Versions[0]
		l.Dir, l.Commit = v.Dir, v.Commit
		if v.Missing == "" {
			l.verdict = judge(v.Dir)
		} else {
			l.ModelType, l.Why = modelType(v.Dir), v.Missing+" is missing; to fetch it: hark pull "+l.Name
		}
		list = append(list, l)
	}
	return list, nil
}

func printModels(w io.Writer, list []listedModel, cache string) error {
	lines := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(lines, "MODEL\tKIND\tON DISK\tMEMORY\tRUNS HERE")
	for _, l := range list {
		kind, memory, runs := strings.TrimSpace(l.ModelType+" "+l.Variant), "-", "no"
		if kind == "" {
			kind = "-"
		}
		if l.Memory > 0 {
			memory = inspect.Size(l.Memory)
		}
		if l.Runs {
			runs = "yes"
		}
		if l.Why != "" {
			runs += ": " + l.Why
		}
		name := l.Name
		if l.Embedded {
			name += " (embedded)"
		}
		fmt.Fprintf(lines, "%s\t%s\t%s\t%s\t%s\n", name, kind, inspect.Size(l.Bytes), memory, runs)
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nMemory is for a conversation of %d tokens, or the longest that a model can have. The cache is %s.\n", positions, cache)
	return err
}

// judge looks whether the checkpoint in a folder runs here.
func judge(dir string) verdict {
	src, err := weights.Dir(dir)
	if err != nil {
		return verdict{Why: err.Error()}
	}
	defer src.Close()
	return judgeSource(src)
}

// judgeSource looks at the headers of the weights, not at the weights.
func judgeSource(src weights.Source) verdict {
	r := inspect.Run(src, &inspect.Options{KVBytes: cpu.KVBytes})
	v := verdict{ModelType: modelTypeOf(src), Variant: r.Variant, Hears: r.Hears != nil, Sees: r.Sees != nil}
	v.Total, v.Available, _ = host.Memory() // zeros where the system does not say
	if len(r.Problems) > 0 {
		v.Why = r.Problems[0]
		if n := len(r.Problems); n > 1 {
			v.Why += fmt.Sprintf(" (and %d more, see hark inspect)", n-1)
		}
		return v
	}
	v.Memory = r.Bytes - r.LeftOver
	for _, m := range r.Memory {
		if m.Positions <= positions && m.Positions > v.Positions {
			v.Memory, v.Positions = r.Bytes-r.LeftOver+m.Bytes, m.Positions
		}
	}
	v.Runs = v.Total == 0 || v.Memory <= v.Total
	switch {
	case !v.Runs:
		v.Why = fmt.Sprintf("this machine has %s of memory", inspect.Size(v.Total))
	case v.Total > 0 && v.Memory > v.Available:
		v.Why = fmt.Sprintf("but only %s of memory are free now", inspect.Size(v.Available))
	}
	return v
}

// modelType reads config.json of a folder, and nothing else.
func modelType(dir string) string {
	src, err := weights.Dir(dir)
	if err != nil {
		return ""
	}
	defer src.Close()
	return modelTypeOf(src)
}

func modelTypeOf(src weights.Source) string {
	data, err := src.File("config.json")
	if err != nil {
		return ""
	}
	var c struct {
		ModelType string `json:"model_type"`
	}
	if json.Unmarshal(data, &c) != nil {
		return "" // the loader says what is wrong with it
	}
	return c.ModelType
}
