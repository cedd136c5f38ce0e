// Command kiosk is a program that has hark inside: the engine, the session and
// the voice run in its own process, without HTTP and without a server. It hears
// a WAV file, sees a picture, lets the model call a tool, prints what was said
// on both sides and writes the voice to another WAV file.
//
//	go run . -in ../../testdata/samples/kiosk-4.wav -out answer.wav
//	go run . -ask "Show me the menu page."
//	go run . -picture ../../testdata/samples/picture-4.png -ask "What do you see?"
//
// It is a module of its own and uses nothing internal, as any program could: a
// microphone and a loudspeaker take the place of the files where sound is handed
// to program.Hear and taken from program.Read.
//
// Start reading at run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"

	"hark/audio"
	"hark/audio/speech"
	"hark/audio/wav"
	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/demo"
	_ "hark/engine/model/all" // the model families that engine.Open finds
	"hark/engine/weights"
	"hark/media/pipe"
	"hark/session"
	"hark/session/client"
)

// instructions are of the kind that the embedded model knows.
const instructions = "You are the information desk of Star Cafe. Opening hours: Monday to Sunday 8:30 am to 2 pm. " +
	"Prices: yogurt 2.75, milk 13.50, cheese 8.25, cookie 6, latte 38, t-shirt 9. " +
	"Places: information desk around the corner, waiting room down the hall on the left. Wifi password: sunny52."

// voiceRate is that of the WAV file with the answer.
const voiceRate audio.Rate = 24000

// options are what the command line says.
type options struct {
	model        string // folder of a checkpoint, "" for the embedded model
	instructions string
	in, out      string // WAV files
	picture      string // file
	ask          string // a written question
}

func main() {
	var o options
	flag.StringVar(&o.model, "model", "", "folder of a checkpoint; the embedded model without it")
	flag.StringVar(&o.instructions, "instructions", instructions, "what the assistant is and knows")
	flag.StringVar(&o.in, "in", "", "WAV file to say")
	flag.StringVar(&o.picture, "picture", "", "picture to show")
	flag.StringVar(&o.ask, "ask", "", "question to write")
	flag.StringVar(&o.out, "out", "", "WAV file for the voice of the answer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kiosk:", err)
		os.Exit(1)
	}
}

// run holds one conversation: it loads the model, opens a session in this
// process, says and asks what the options have, and ends with the last answer.
func run(ctx context.Context, o options, out io.Writer) error {
	v := &visit{out: out}
	if err := v.plan(o); err != nil {
		return err
	}
	model, err := load(o.model)
	if err != nil {
		return err
	}
	defer model.Close()
	so := session.Options{Engine: session.NewEngine(model)}
	switch speaker, err := speech.Open(speech.OpenOptions{}); {
	case err == nil:
		defer speaker.Close()
		so.Speaker = speaker
	case !errors.Is(err, speech.ErrNone): // without a voice answers are text
		return err
	}

	// The session ends when its connection does: Events closes it.
	conn, program := pipe.New(&pipe.Options{Rate: voiceRate})
	var ended error
	var running sync.WaitGroup
	running.Go(func() { ended = session.Run(ctx, conn, so) })
	v.program = program
	v.agent = client.New(program, client.Options{
		Instructions: o.instructions,
		Captions:     true,
		Tools:        []client.Tool{showPage(out)},
	})
	err = v.hold(ctx)
	running.Wait()
	if err = errors.Join(err, ended); err != nil || o.out == "" {
		return err
	}
	return os.WriteFile(o.out, wav.Encode(voiceRate, v.voice), 0o644)
}

// load opens a checkpoint, or for "" the model that hark carries.
func load(folder string) (*engine.Engine, error) {
	source := demo.Source()
	if folder != "" {
		var err error
		if source, err = weights.Dir(folder); err != nil {
			return nil, err
		}
	}
	return engine.Open(source, cpu.New(nil), nil)
}

// showPage is a tool: a kiosk would turn its screen to a page.
func showPage(out io.Writer) client.Tool {
	return client.Tool{
		Name:        "show_page",
		Description: "Show a page on the screen",
		Parameters:  json.RawMessage(`{"type":"object","properties":{"page":{"type":"string","description":"Name of the page"}},"required":["page"]}`),
		Call: func(_ context.Context, arguments json.RawMessage) (string, error) {
			var page struct{ Page string }
			if err := json.Unmarshal(arguments, &page); err != nil {
				return "", err
			}
			fmt.Fprintf(out, "[the screen shows: %s]\n", page.Page)
			return `{"ok": true}`, nil
		},
	}
}
