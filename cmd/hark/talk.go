package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"hark/audio/echo"
	"hark/audio/speech"
	"hark/media/camera"
	"hark/media/duplex"
)

// talkCommand holds a conversation by microphone and loudspeaker, or by files
// in their place.
type talkCommand struct {
	modelFlags
	voiceFlags
	In        []string `help:"Sound file to speak instead of a microphone: WAV, MP3, FLAC or Ogg; repeatable, one turn each. - is raw PCM16, mono, 24 kHz, from the standard input." placeholder:"FILE"`
	Out       string   `help:"WAV file for the agent's voice, on the timeline of the conversation. - is raw PCM16 to the standard output. With --in, answers are text without it." placeholder:"FILE"`
	Stereo    bool     `help:"Write the user to the left channel of --out, the agent to the right."`
	Interrupt float64  `help:"With several --in: speak the next file this many seconds after the answer began to sound, instead of after its end." placeholder:"SECONDS"`

	Device      string `help:"Microphone: a number, a name or a part of one from --list-devices." placeholder:"NAME"`
	Speaker     string `help:"Loudspeaker, named the same way." placeholder:"NAME"`
	ListDevices bool   `help:"List microphones, loudspeakers and cameras, and exit."`
	Echo        string `help:"What keeps the agent from hearing itself: auto, speex (libspeexdsp), half-duplex (the microphone rests while the voice plays), or none, for headphones." enum:"auto,speex,half-duplex,none" default:"auto" placeholder:"WAY"`
	PushToTalk  bool   `help:"Hear only between two presses of Space."`
	Turns       string `help:"What finds the ends of turns: server_vad, semantic_vad, or none: the end of each --in. auto is none with --in, server_vad with a microphone." enum:"auto,server_vad,semantic_vad,none" default:"auto" placeholder:"WAY"`
	VAD         bool   `name:"vad" help:"Short for --turns server_vad."`

	Camera   string   `help:"Camera whose frames are shown, such as /dev/video0, or a folder of pictures, shown in order, one a second." placeholder:"DEVICE|DIR"`
	Image    []string `help:"Picture to show before speaking; repeatable." type:"path" placeholder:"FILE"`
	System   string   `help:"Instructions for the model."`
	Text     bool     `help:"Have answers in text only."`
	Captions bool     `help:"Write down what the user says." default:"true" negatable:""`

	URL  string `help:"Server to talk to, as wss://HOST:PORT/v1/realtime; without it the model runs in this process." placeholder:"URL"`
	Key  string `help:"API key of the server."`
	JSON bool   `help:"Print events, a JSON object a line."`

	in  io.Reader // the standard input, if tests replace it
	out io.Writer // the standard output
	err io.Writer // the standard error
}

// Run talks until the user leaves, the last file is answered, or ctx ends.
func (c *talkCommand) Run(ctx context.Context) error {
	if c.in == nil {
		c.in, c.out, c.err = os.Stdin, os.Stdout, os.Stderr
	}
	if c.ListDevices {
		return c.listDevices()
	}
	if err := c.check(); err != nil {
		return err
	}
	said, err := readTurns(c.In)
	if err != nil {
		return err
	}
	pictures, err := readPictures(c.Image)
	if err != nil {
		return err
	}
	var frames *camera.Camera
	if c.Camera != "" {
		if frames, err = camera.Open(c.Camera, camera.Options{}); err != nil {
			return usage("--camera %s: %w", c.Camera, err)
		}
		defer frames.Close()
	}
	canceller, why, err := c.canceller()
	if err != nil {
		return err
	}
	if canceller != nil {
		defer canceller.Close()
	}
	caller, err := c.caller(ctx)
	if err != nil {
		return err
	}
	defer caller.close()
	t := newTalk(c, caller, frames, pictures)
	t.canceller, t.halfDuplex = canceller, c.gates() && canceller == nil
	if why != nil {
		t.warnings = append(t.warnings, why.Error())
	}
	return c.hold(ctx, t, said)
}

// check refuses what makes no sense together.
func (c *talkCommand) check() error {
	if c.VAD && c.Turns == "auto" {
		c.Turns = "server_vad"
	}
	files := len(c.In) > 0
	if c.Turns == "auto" || c.Turns == "" {
		c.Turns = "server_vad"
		if files && !c.live() || c.PushToTalk {
			c.Turns = "none"
		}
	}
	switch {
	case c.live() && len(c.In) > 1:
		return usage("--in - is the only one")
	case c.live() && c.Turns == "none":
		return usage("--in - goes on and on: --turns must be server_vad or semantic_vad")
	case c.Interrupt < 0, c.Interrupt > 0 && (len(c.In) < 2 || c.Out == "" || c.Text):
		return usage("--interrupt wants several --in, --out and answers in sound")
	case c.Stereo && c.Out == "":
		return usage("--stereo wants --out")
	case files && (c.Device != "" || c.Speaker != ""):
		return usage("--in takes the place of --device and --speaker")
	case files && c.PushToTalk:
		return usage("--push-to-talk wants a microphone")
	case !files && c.Turns == "none" && !c.PushToTalk:
		return usage("--turns none with a microphone wants --push-to-talk")
	case c.Out == "-" && c.JSON:
		return usage("--out - and --json both write to the standard output")
	case !files && !duplex.Supported:
		return usage("%w; or give --in FILE.wav and --out FILE.wav", duplex.ErrUnsupported)
	}
	return nil
}

// live reports whether the sound comes from the standard input.
func (c *talkCommand) live() bool { return len(c.In) > 0 && c.In[0] == "-" }

// aloud reports whether answers should be spoken.
func (c *talkCommand) aloud() bool {
	return !c.Text && c.Voice != speech.None && (len(c.In) == 0 || c.Out != "")
}

// gates reports whether the microphone may hear the loudspeaker.
func (c *talkCommand) gates() bool {
	return len(c.In) == 0 && c.aloud() && c.Echo != "none" || c.live() && c.aloud() && c.Echo != "auto" && c.Echo != "none"
}

// canceller opens the echo canceller if there is something to cancel. why says
// what is done without it.
func (c *talkCommand) canceller() (e *echo.Canceller, why, err error) {
	if !c.gates() || c.Echo == "half-duplex" {
		return nil, nil, nil
	}
	e, err = echo.New(echo.Options{})
	if err == nil || c.Echo == "speex" {
		if err != nil {
			err = usage("--echo speex: %w", err)
		}
		return e, nil, err
	}
	return nil, fmt.Errorf("half-duplex: the microphone rests while the voice plays, because %w; Esc interrupts", err), nil
}

// caller makes what reaches the session: a server, or a model in this process.
func (c *talkCommand) caller(ctx context.Context) (caller, error) {
	if c.URL != "" {
		at, err := realtimeURL(c.URL)
		if err != nil {
			return nil, err
		}
		return &remote{url: at, key: c.Key}, nil
	}
	log := slog.New(slog.DiscardHandler)
	e, closeModel, err := c.open(ctx, log)
	if err != nil {
		return nil, err
	}
	l := &local{engine: e, name: c.name(), free: closeModel}
	if c.aloud() {
		if l.voice, err = c.openVoice(log); err != nil {
			closeModel()
			return nil, err
		}
	}
	return l, nil
}

// hold runs the conversation with its sound and its display.
func (c *talkCommand) hold(ctx context.Context, t *talk, said [][]float32) error {
	var rec *recorder
	if c.Out != "" {
		var err error
		if rec, err = newRecorder(c.Out, c.Stereo, c.out); err != nil {
			return usage("--out: %w", err)
		}
	}
	text := c.out
	if c.Out == "-" {
		text = c.err
	}
	keys, err := c.display(t, text)
	if err != nil {
		return err
	}
	if keys != nil {
		defer keys.close()
		t.keys = keys.pressed
	}
	ended := t.run(ctx, said, c.in, rec)
	t.show.close()
	if rec != nil {
		ended = errors.Join(ended, rec.close())
	}
	return ended
}

// display chooses how the conversation is shown: as JSON, on a screen with
// keys, or as lines.
func (c *talkCommand) display(t *talk, text io.Writer) (*keyboard, error) {
	switch {
	case c.JSON:
		t.show = newEvents(text)
		return nil, nil
	case !isTerminal(text) || !isTerminal(c.in):
		t.show = newPlain(text, c.err)
		return nil, nil
	}
	k, err := openKeyboard()
	if err != nil {
		t.show = newPlain(text, c.err)
		return nil, nil
	}
	t.show = newScreen(text, k.width, os.Getenv("NO_COLOR") == "")
	return k, nil
}

// listDevices prints what can be heard, spoken through and looked through.
func (c *talkCommand) listDevices() error {
	sound, err := duplex.Devices()
	seen, cameraErr := camera.List()
	out := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for i, d := range sound {
		if i == 0 {
			fmt.Fprintln(out, "NUMBER\tNAME\tSYSTEM\tMICROPHONE\tLOUDSPEAKER\tRATE")
		}
		fmt.Fprintf(out, "%d\t%s\t%s\t%s\t%s\t%d Hz\n", d.Number, d.Name, d.System, usable(d.Inputs, d.DefaultInput), usable(d.Outputs, d.DefaultOutput), d.Rate)
	}
	if err == nil && len(sound) == 0 {
		fmt.Fprintln(out, "no microphones and no loudspeakers")
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for i, d := range seen {
		if i == 0 {
			fmt.Fprintln(out, "CAMERA\tNAME\tPICTURES")
		}
		fmt.Fprintf(out, "%s\t%s\t%s\n", d.Path, d.Name, strings.Join(d.Formats, ", "))
	}
	if cameraErr == nil && len(seen) == 0 {
		fmt.Fprintln(out, "no cameras")
	}
	if errors.Is(err, duplex.ErrUnsupported) {
		fmt.Fprintln(c.err, err)
		err = nil
	}
	return errors.Join(out.Flush(), err, cameraErr)
}

// usable says whether a device has channels, and is the usual one.
func usable(channels int, usual bool) string {
	switch {
	case channels == 0:
		return "-"
	case usual:
		return "default"
	}
	return "yes"
}

// replyLimit is how long a server may take for what it does at once.
const replyLimit = 60 * time.Second
