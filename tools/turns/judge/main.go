// Command judge runs hark's turn detection over WAV files and prints what it
// did, a line of JSON a file: for each mode the edges, and with what
// the networks said of every 32 ms.
//
//	go run ./tools/turns/judge [-frames] CLIPS…
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hark/audio"
	"hark/audio/endpoint"
	"hark/audio/vad"
	"hark/audio/wav"
	"hark/session/turn"
)

// edge is one that a machine found.
type edge struct {
	Edge     string  `json:"edge"`
	At       int64   `json:"at"`       // the end of the frame that brought it, in samples
	Finished float32 `json:"finished"` // what the estimate was there
}

// verdict is what was found in one file.
type verdict struct {
	File     string            `json:"file"`
	Modes    map[string][]edge `json:"modes"`
	Speech   []float32         `json:"speech,omitempty"`   // a probability a frame
	Finished []float32         `json:"finished,omitempty"` // of a turn that began with the file
}

func main() {
	frames := flag.Bool("frames", false, "print what the networks say of every frame")
	flag.Parse()
	modes := map[string]turn.Options{
		"server 300": server(300), "server 500": server(500), "server 800": server(800),
		"semantic low": semantic("low"), "semantic medium": semantic("medium"), "semantic high": semantic("high"),
	}
	for _, path := range flag.Args() {
		v, err := judge(path, modes, *frames)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		line, err := json.Marshal(v)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(string(line))
	}
}

// likely is the silence after which a session may begin to answer.
const likely = 100 * time.Millisecond

func server(ms int) turn.Options {
	return turn.Options{Threshold: 0.5, Silence: time.Duration(ms) * time.Millisecond, Likely: 200 * time.Millisecond}
}

func semantic(eagerness string) turn.Options {
	return turn.Options{Threshold: 0.5, Likely: likely, Patience: turn.Eager(eagerness)}
}

// judge hears one file in every mode.
func judge(path string, modes map[string]turn.Options, frames bool) (*verdict, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if clip.Rate != audio.ModelRate {
		return nil, fmt.Errorf("%s: rate %d, want %d", path, clip.Rate, audio.ModelRate)
	}
	v := &verdict{File: filepath.Base(path), Modes: map[string][]edge{}}
	heard := vad.New().Push(clip.Samples)
	for name, options := range modes {
		v.Modes[name] = run(options, clip.Samples, heard)
	}
	if frames {
		whole := endpoint.New()
		for _, f := range heard {
			whole.Push(clip.Samples[f.Start:][:vad.Window])
			v.Speech = append(v.Speech, f.Probability)
			v.Finished = append(v.Finished, whole.Finished())
		}
	}
	return v, nil
}

// again is the silence after which an estimate begins anew, as in a session.
const again = 3 * time.Second

// run takes a clip through one machine as a session does: the estimate begins
// a little before the first speech, and anew if a turn follows late.
func run(options turn.Options, samples []float32, heard []vad.Frame) []edge {
	names := map[turn.Edge]string{turn.Started: "started", turn.Likely: "likely", turn.Resumed: "resumed", turn.Stopped: "stopped"}
	machine, estimate := turn.Machine{Options: options}, endpoint.New()
	before := turn.Samples(300 * time.Millisecond)
	edges, next := []edge{}, -turn.Samples(again)-1
	for _, f := range heard {
		end := f.Start + vad.Window
		if machine.Speaking() {
			estimate.Push(samples[f.Start:end])
			next = end
		}
		found := machine.Step(turn.Frame{Start: f.Start, Probability: f.Probability, Finished: estimate.Finished()})
		if found == turn.None {
			continue
		}
		if found == turn.Started {
			if first, _ := machine.Speech(); first-next > turn.Samples(again) {
				estimate.Reset()
				next = max(0, first-before)
			}
			estimate.Push(samples[next:end])
			next = end
		}
		edges = append(edges, edge{names[found], end, estimate.Finished()})
	}
	return edges
}
