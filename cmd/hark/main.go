// Command hark is a realtime voice and vision agent: one binary that hears,
// sees and answers, with Gemma 4 models on this machine.
//
// Start reading at main.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are the subcommands and what they share.
type commands struct {
	Serve serveCommand `cmd:"" help:"Run the server: the page, the realtime WebSocket and the HTTP API."`
	Rank  rankCommand  `cmd:"" help:"Compute a part of a model for hark serve --ranks on another machine."`
	Chat  chatCommand  `cmd:"" help:"Ask the model on the terminal, with text, pictures and sound."`
	Talk  talkCommand  `cmd:"" help:"Talk by microphone and loudspeaker, or with files in their place."`

	Keys keysCommand `cmd:"" help:"Make, list and revoke the keys of clients."`

	Trace   traceCommand   `cmd:"" help:"Write what happens inside a model: logits and activations."`
	Doctor  doctorCommand  `cmd:"" help:"Look whether hark works on this machine: instruction sets, kernels, libraries, the embedded model."`
	Inspect inspectCommand `cmd:"" help:"Say what a checkpoint is: facts, tensors, memory, what it hears and sees."`

	Pull    pullCommand    `cmd:"" help:"Fetch a checkpoint from the hub into the cache."`
	Models  modelsCommand  `cmd:"" help:"List the models on this machine and whether they run here."`
	Convert convertCommand `cmd:"" help:"Quantize a checkpoint into the layout of MLX."`
	Bench   benchCommand   `cmd:"" help:"Measure speed, beside the most that this machine can do."`

	Version versionFlag `help:"Print the version and exit." short:"v" env:"-"`
}

// Exit codes: 1 a failure of ours, 2 wrong input.
const (
	exitFailure = 1
	exitUsage   = 2
)

// usageError is an error in what the user gave.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends what does not heed the first.
	context.AfterFunc(ctx, stop)
	log.SetOutput(io.Discard) // libraries that decode sound wonder there about files
	var c commands
	parser, err := kong.New(&c,
		kong.Name("hark"),
		kong.Description("Hears a microphone, sees a camera and answers at once, on your own machine."),
		kong.UsageOnError(),
		kong.DefaultEnvars("HARK"),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "hark:", err)
		os.Exit(exitFailure)
	}
	command, err := parser.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "hark:", err)
		os.Exit(exitUsage)
	}
	if err := command.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "hark:", err)
		var wrong usageError
		if errors.As(err, &wrong) {
			os.Exit(exitUsage)
		}
		os.Exit(exitFailure)
	}
}
