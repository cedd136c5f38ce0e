// Command screenshots takes the pictures of docs/images from the running
// program: it starts hark with its embedded model, opens the page in a
// headless Chromium whose microphone and camera play the samples, and writes
// what it shows.
//
// Start reading at main.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hark/e2e"
)

// patience bounds the wait for each answer.
const patience = 60 * time.Second

// look is one picture of a conversation.
type look struct {
	file     string
	options  e2e.Options
	speaking bool // while the last answer is heard, not after it
}

var looks = []look{
	{"desktop-light.webp", e2e.Options{Width: 1280, Height: 800, Scale: 1.5}, true},
	{"desktop-dark.webp", e2e.Options{Width: 1280, Height: 800, Scale: 1.5, Dark: true}, true},
	{"tablet.webp", e2e.Options{Width: 820, Height: 1100, Scale: 1.25, Phone: true, Dark: true}, false},
	{"phone.webp", e2e.Options{Width: 390, Height: 844, Scale: 2, Phone: true}, true},
}

func main() {
	out := flag.String("out", "docs/images", "folder of the pictures")
	root := flag.String("root", ".", "root of the module")
	binary := flag.String("hark", "", "binary to run; without it one is built")
	flag.Parse()
	if err := run(context.Background(), *root, *out, *binary); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots:", err)
		os.Exit(1)
	}
}

// run starts the server and a browser, and takes every picture.
func run(ctx context.Context, root, out, binary string) (err error) {
	folder, err := os.MkdirTemp("", "hark-screenshots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if binary == "" {
		if binary, err = e2e.Build(root, folder); err != nil {
			return err
		}
	}
	server, err := e2e.StartServer(ctx, binary, folder, "")
	if err != nil {
		return err
	}
	defer func() {
		if stopped := server.Stop(); err == nil {
			err = stopped
		}
	}()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	samples, err := filepath.Abs(filepath.Join(root, "testdata", "samples"))
	if err != nil {
		return err
	}
	cases, err := e2e.Cases(filepath.Join(samples, "cases.json"))
	if err != nil {
		return err
	}
	c := cases["picture-spoken-5"]
	camera := filepath.Join(folder, "camera.y4m")
	if err := e2e.WriteY4M(camera, filepath.Join(samples, c.Image)); err != nil {
		return err
	}
	browser, err := e2e.OpenBrowser(ctx)
	if err != nil {
		return err
	}
	defer browser.Close()
	for _, l := range looks {
		l.options.Sound, l.options.Camera = filepath.Join(samples, c.Audio), camera
		page, err := browser.Open(server.Address, l.options)
		if err != nil {
			return err
		}
		err = take(page, c.System, l.speaking, filepath.Join(out, l.file))
		page.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", l.file, err)
		}
		fmt.Println(filepath.Join(out, l.file))
	}
	return nil
}

// take holds one conversation: a written question, then a spoken one about what
// the camera sees, and takes the picture.
func take(page *e2e.Page, instructions string, speaking bool, file string) error {
	heard := "document.body.dataset.phase === 'listening' && document.getAnimations().every((a) => a.effect.getComputedTiming().iterations > 9)"
	if speaking { // the answer has ten words or so, and some of them were said
		heard = "document.querySelector('.turns li:last-child.assistant .said')?.textContent.split(' ').length > 5"
	}
	steps := []func() error{
		func() error { return page.Wait("document.body.dataset.phase === 'idle'", patience) },
		func() error { return page.Instruct(instructions) },
		func() error { return page.Ask("How do you say hello in Italian?") },
		func() error { _, err := page.Answer(1, patience); return err },
		func() error { return page.Wait("document.body.dataset.phase === 'idle'", patience) },
		func() error { return page.Click("see") },
		func() error { return page.Wait("document.getElementById('preview').videoWidth > 0", patience) },
		// A picture without a cursor in the text field.
		func() error { _, err := page.Eval("document.activeElement.blur()"); return err },
		func() error { return page.Click("talk") },
		func() error { _, err := page.Answer(2, patience); return err },
		// The user's words come a little later than the answer.
		func() error {
			return page.Wait("document.querySelectorAll('.user .text:not([hidden])').length === 2 && "+heard, patience)
		},
		func() error { return page.Shot(file) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
