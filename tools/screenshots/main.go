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
	file    string
	options e2e.Options
}

var looks = []look{
	{"desktop-light.png", e2e.Options{Width: 1280, Height: 800, Scale: 1.5}},
	{"desktop-dark.png", e2e.Options{Width: 1280, Height: 800, Scale: 1.5, Dark: true}},
	{"phone.png", e2e.Options{Width: 390, Height: 844, Scale: 2, Phone: true}},
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

// run starts the server and takes every picture.
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
	samples := filepath.Join(root, "testdata", "samples")
	cases, err := e2e.Cases(filepath.Join(samples, "cases.json"))
	if err != nil {
		return err
	}
	for _, l := range looks {
		if err := take(ctx, server.Address, folder, samples, cases, l, filepath.Join(out, l.file)); err != nil {
			return fmt.Errorf("%s: %w", l.file, err)
		}
		fmt.Println(filepath.Join(out, l.file))
	}
	return nil
}

// take holds one conversation: a spoken question about what the camera sees,
// then a written one, and takes the picture.
func take(ctx context.Context, address, folder, samples string, cases map[string]e2e.Case, l look, file string) error {
	c := cases["picture-spoken-5"]
	sound, err := filepath.Abs(filepath.Join(samples, c.Audio))
	if err != nil {
		return err
	}
	l.options.Sound, l.options.Camera = sound, filepath.Join(folder, "camera.y4m")
	if err := e2e.WriteY4M(l.options.Camera, filepath.Join(samples, c.Image)); err != nil {
		return err
	}
	page, err := e2e.OpenPage(ctx, address, l.options)
	if err != nil {
		return err
	}
	defer page.Close()
	steps := []func() error{
		func() error { return page.Wait("document.body.dataset.phase === 'idle'", patience) },
		func() error { return page.Instruct(c.System) },
		func() error { return page.Click("see") },
		func() error { return page.Wait("document.getElementById('preview').videoWidth > 0", patience) },
		func() error { return page.Click("talk") },
		func() error { _, err := page.Answer(1, patience); return err },
		func() error { return page.Ask("How do you say hello in Italian?") },
		func() error { _, err := page.Answer(2, patience); return err },
		func() error { return page.Wait("document.body.dataset.phase === 'listening'", patience) },
		// A picture without a cursor in the text field, after the last motion.
		func() error { _, err := page.Eval("document.activeElement.blur()"); return err },
		func() error { _, err := page.Eval("new Promise((done) => setTimeout(done, 600))"); return err },
		func() error { return page.Shot(file) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
