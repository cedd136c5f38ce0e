package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"hark/engine"
	"hark/engine/backend/all"
	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/engine/hub"
	"hark/engine/model"
	_ "hark/engine/model/all"
	"hark/engine/tensor"
	"hark/engine/weights"
)

// modelFlags say which model runs and on what.
type modelFlags struct {
	Model string `help:"Folder of a checkpoint, or OWNER/NAME of one in the cache; without it the embedded demo model runs." placeholder:"DIR|OWNER/NAME"`
	backendFlags
	Threads int    `help:"Threads of the CPU backend; 0 takes every core." default:"0"`
	Rounded bool   `help:"Round activations to 8 bits before they are multiplied with weights of 4 and 8 bits: faster, and off by a little; hark bench loss says by how much. The default where the processor multiplies 8-bit integers fast. MLX computes in bfloat16 then."`
	Exact   bool   `help:"Keep full precision on the CPU."`
	Context int    `help:"Longest conversation in tokens; 0 takes the model's own, at most 32768." default:"0"`
	Ranks   string `help:"Divide the model among the machines of this file, with MLX: docs/ranks.md. This is the first of them; the others run hark rank." type:"path" placeholder:"FILE"`
	Lookup  int    `help:"Most tokens that a step guesses by what the conversation holds; 0 guesses none. Answers stay the same. The CPU backend alone does it." default:"8"`

	KVBits   int   `name:"kv-bits" help:"Bits of the keys and values that conversations keep: 0 as what computes has them, or 8, for about a quarter of the memory of float32; docs/performance.md says what that loses." enum:"0,8" default:"0"`
	KVMemory int64 `name:"kv-memory" help:"Most memory, in MiB, that the keys and values of all conversations may take; who would need more is told that the server is busy. 0 takes half of what the machine, or its container, has left once the model is loaded; -1 sets no bound." default:"0"`

	lost func(error) // is told once one of the ranks is gone; nil: nobody is
}

// lookup returns a number of guesses as engine.Options has it.
func lookup(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// open loads the model, unless ctx ends before. The returned function frees it.
func (f *modelFlags) open(ctx context.Context, log *slog.Logger) (*engine.Engine, func(), error) {
	type loaded struct {
		e    *engine.Engine
		free func()
	}
	l, err := heed(ctx, func() (l loaded, err error) {
		l.e, l.free, err = f.load(log)
		return l, err
	}, func(l loaded) { l.free() })
	return l.e, l.free, err
}

// load is open, to its end.
func (f *modelFlags) load(log *slog.Logger) (*engine.Engine, func(), error) {
	if f.Rounded && f.Exact {
		return nil, nil, usage("--rounded and --exact exclude each other")
	}
	if f.Threads < 0 || f.Context < 0 || f.Lookup < 0 || f.KVMemory < noBound {
		return nil, nil, usage("--threads, --context and --lookup must not be negative, nor --kv-memory below -1")
	}
	src, err := f.source()
	if err != nil {
		return nil, nil, err
	}
	b, err := f.backend(log)
	if err != nil {
		src.Close()
		return nil, nil, usageError{err}
	}
	o := &engine.Options{Log: log, Context: f.Context, Lookup: lookup(f.Lookup), KVBits: f.KVBits}
	if _, exact := b.(*cpu.Backend); !exact {
		o.Lookup = -1 // results change with the number of rows, and so could answers
	}
	var e *engine.Engine
	if f.Ranks != "" {
		lost := f.lost
		if lost == nil {
			lost = func(error) {}
		}
		e, err = lead(f.Ranks, src, b, o, func() int64 { return f.kvBytes(b) }, lost)
	} else {
		var m model.Model
		if m, err = model.Open(src, b); err == nil {
			o.MaxBytes = f.kvBytes(b)
			e, err = engine.Load(m, b, o)
		}
	}
	if err != nil {
		src.Close()
		return nil, nil, usageError{err}
	}
	return e, func() {
		e.Close()
		src.Close()
	}, nil
}

// backendFlags say what computes.
type backendFlags struct {
	Backend   string `help:"What computes: mlx (Metal on a Mac), cpu, or auto, the best that starts." enum:"auto,mlx,cpu" default:"auto"`
	MLXLib    string `name:"mlx-lib" help:"File of mlx-c; without it the usual places are looked through." placeholder:"FILE"`
	MLXMemory int64  `name:"mlx-memory" help:"Most memory, in MiB, that MLX may hold; 0 leaves it to MLX." default:"0"`
	MLXCache  int64  `name:"mlx-cache" help:"Most memory, in MiB, that MLX may keep free for later; 0 leaves it to MLX." default:"0"`
}

// backend starts what computes.
func (f *modelFlags) backend(log *slog.Logger) (tensor.Backend, error) {
	return f.compute(&all.Options{Threads: f.Threads, Rounded: f.Rounded, Exact: f.Exact}, log)
}

// compute starts the backend with these choices and o's. Why a better one was
// passed over goes to the log, or to the terminal without one.
func (f *backendFlags) compute(o *all.Options, log *slog.Logger) (tensor.Backend, error) {
	if f.MLXMemory < 0 || f.MLXCache < 0 {
		return nil, errors.New("--mlx-memory and --mlx-cache must not be negative")
	}
	o.Library, o.MemoryBytes, o.CacheBytes = f.MLXLib, f.MLXMemory<<20, f.MLXCache<<20
	o.Notice = func(line string) { fmt.Fprintln(os.Stderr, "hark:", line) }
	if log != nil {
		o.Notice = func(line string) { log.Warn(line) }
	}
	return all.Open(f.Backend, o)
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
