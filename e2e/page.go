// Package e2e drives the page in a headless Chromium whose microphone is a WAV
// file and whose camera is a picture, against a running hark. Its tests (build
// tag e2e) are the proof that the whole path works; tools/screenshots takes
// the pictures of the README with the same parts.
//
// Start reading at OpenPage and StartServer; the tests are in server_test.go.
package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// PlainHost is a name of this machine that is no localhost to the browser: a
// page that comes from it over http has no microphone and no camera.
const PlainHost = "hark.test"

// Options say what the browser hears, sees and looks like.
type Options struct {
	Sound         string  // WAV file that the microphone plays once; "" is a test tone
	Camera        string  // Y4M file that the camera shows (see WriteY4M); "" is a test pattern
	Deny          bool    // microphone and camera are refused
	Width, Height int     // of the window; 0: 1280 by 800
	Scale         float64 // device pixels a CSS pixel; 0: 1
	Phone         bool    // a touch screen
	Dark          bool    // the system prefers dark
}

// Page is one browser with one tab. Its methods are not safe for concurrent
// use.
type Page struct {
	ctx    context.Context
	cancel []context.CancelFunc
}

// OpenPage starts a browser and loads address. The browser ends with ctx or
// with Close.
func OpenPage(ctx context.Context, address string, o Options) (*Page, error) {
	if o.Width == 0 {
		o.Width, o.Height = 1280, 800
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.CombinedOutput(io.Discard),
		chromedp.WindowSize(o.Width, o.Height),
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP "+PlainHost+" 127.0.0.1"),
	)
	if o.Deny {
		flags = append(flags, chromedp.Flag("deny-permission-prompts", true))
	} else {
		flags = append(flags, chromedp.Flag("use-fake-ui-for-media-stream", true))
	}
	if o.Sound != "" {
		flags = append(flags, chromedp.Flag("use-file-for-fake-audio-capture", o.Sound+"%noloop"))
	}
	if o.Camera != "" {
		flags = append(flags, chromedp.Flag("use-file-for-fake-video-capture", o.Camera))
	}
	p := &Page{}
	ctx, cancel := chromedp.NewExecAllocator(ctx, flags...)
	p.cancel = append(p.cancel, cancel)
	p.ctx, cancel = chromedp.NewContext(ctx)
	p.cancel = append(p.cancel, cancel)

	scheme := "light"
	if o.Dark {
		scheme = "dark"
	}
	look := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
	view := []chromedp.EmulateViewportOption{chromedp.EmulateScale(o.Scale)}
	if o.Phone {
		view = append(view, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	err := chromedp.Do(p.ctx, look, chromedp.EmulateViewport(int64(o.Width), int64(o.Height), view...), chromedp.Navigate(address))
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("e2e: open %s: %w", address, err)
	}
	return p, nil
}

// Close ends the browser and waits for it.
func (p *Page) Close() {
	for i := len(p.cancel) - 1; i >= 0; i-- {
		p.cancel[i]()
	}
}

// Eval returns the value of a JavaScript expression as text.
func (p *Page) Eval(expression string) (string, error) {
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](
		"(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	if err != nil {
		return "", fmt.Errorf("e2e: %s: %w", expression, err)
	}
	return value, nil
}

// Wait waits until a JavaScript expression is true. After limit it returns an
// error that shows what the page says.
func (p *Page) Wait(expression string, limit time.Duration) error {
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool]("Boolean("+expression+")",
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(limit)))
	if err != nil {
		text, _ := p.Eval("document.body.dataset.phase + ' | ' + document.body.innerText")
		return fmt.Errorf("e2e: waited %v for %s: %w; the page: %q", limit, expression, err, text)
	}
	return nil
}

// Click presses the element with an id.
func (p *Page) Click(id string) error {
	return chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS("#"+id)))
}

// Ask writes a message and sends it.
func (p *Page) Ask(text string) error {
	return chromedp.Do(p.ctx, chromedp.SendKeys(chromedp.CSS("#text"), text+"\r"))
}

// Press types keys into the page as a whole.
func (p *Page) Press(keys string) error {
	return chromedp.Do(p.ctx, chromedp.KeyEvent(keys))
}

// Upload chooses files in the file field with an id.
func (p *Page) Upload(id string, files ...string) error {
	return chromedp.Do(p.ctx, chromedp.SetUploadFiles(chromedp.CSS("#"+id), files))
}

// Instruct writes the instructions in the settings, as a user does.
func (p *Page) Instruct(text string) error {
	if err := p.Click("open-settings"); err != nil {
		return err
	}
	_, err := p.Eval("(() => { const field = document.getElementById('instructions'); field.value = " + strconv.Quote(text) +
		"; field.dispatchEvent(new Event('change')); document.getElementById('settings').close(); })()")
	return err
}

// Answer waits for the answer number n (from 1) to be whole and returns its
// text.
func (p *Page) Answer(n int, limit time.Duration) (string, error) {
	answers := "document.querySelectorAll('.assistant .turn:not(.live) .text')"
	if err := p.Wait(answers+".length >= "+strconv.Itoa(n), limit); err != nil {
		return "", err
	}
	return p.Eval(answers + "[" + strconv.Itoa(n-1) + "].textContent")
}

// Shot writes a picture of the window as PNG.
func (p *Page) Shot(file string) error {
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return fmt.Errorf("e2e: picture of the page: %w", err)
	}
	return os.WriteFile(file, picture, 0o644)
}
