package main

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/engine/hub"
	_ "hark/engine/model/all"
	"hark/engine/weights"
)

// modelFlags say which model runs and on what.
type modelFlags struct {
	Model   string `help:"Folder of a checkpoint, or OWNER/NAME of one in the cache; without it the embedded demo model runs." placeholder:"DIR|OWNER/NAME"`
	Threads int    `help:"Threads of the CPU backend; 0 takes every core." default:"0"`
	Rounded bool   `help:"Round activations to 8 bits before they are multiplied with weights of 4 and 8 bits: faster, and off by a little; hark bench loss says by how much."`
	Context int    `help:"Longest conversation in tokens; 0 takes the model's own, at most 32768." default:"0"`
}

// open loads the model. The returned function frees it.
func (f *modelFlags) open(log *slog.Logger) (*engine.Engine, func(), error) {
	if f.Threads < 0 || f.Context < 0 {
		return nil, nil, usage("--threads and --context must not be negative")
	}
	src, err := f.source()
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.Open(src, cpu.New(f.backend()), &engine.Options{Log: log, Context: f.Context})
	if err != nil {
		src.Close()
		return nil, nil, usageError{err}
	}
	return e, func() {
		e.Close()
		src.Close()
	}, nil
}

// backend returns the choices of the CPU backend.
func (f *modelFlags) backend() *cpu.Options {
	return &cpu.Options{Threads: f.Threads, Rounded: f.Rounded}
}

// source opens the checkpoint's files.
func (f *modelFlags) source() (weights.Source, error) { return checkpoint(f.Model) }

// checkpoint opens a folder, a model of the cache, or for "" the embedded one.
func checkpoint(name string) (weights.Source, error) {
	if name == "" {
		return demo.Source(), nil
	}
	if strings.HasPrefix(name, "~/") {
		name = kong.ExpandPath(name)
	}
	dir, err := hub.Resolve(hubOptions().Cache, name)
	if err != nil {
		return nil, hubError(err)
	}
	src, err := weights.Dir(dir)
	if err != nil {
		return nil, usageError{err}
	}
	return src, nil
}

// name says which model this is, for people.
func (f *modelFlags) name() string {
	if f.Model == "" {
		return "demo"
	}
	return f.Model
}

// versionFlag prints the version that the build recorded.
type versionFlag bool

// BeforeReset prints and exits before anything else is looked at.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	fmt.Fprintln(app.Stdout, "hark", version())
	app.Exit(0)
	return nil
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && v == "(devel)" {
			v = s.Value[:min(12, len(s.Value))]
		}
	}
	return v + " " + info.GoVersion
}
