// Package e2e drives the page in a headless Chromium whose microphone is a WAV
// file and whose camera is a picture, against a running hark. Its tests (build
// tag e2e) are the proof that the whole path works; tools/screenshots takes
// the pictures of the README with the same parts.
//
// Start reading at OpenBrowser, Browser.Open and StartServer; the tests are in
// server_test.go.
package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Options say what a page hears, sees and looks like.
type Options struct {
	Sound         string  // WAV file that the microphone plays once; "" is silence
	Camera        string  // Y4M file that the camera shows (see WriteY4M); "" is one colour
	Deny          bool    // microphone and camera are refused
	Width, Height int     // of the window; 0: 1280 by 800
	Scale         float64 // device pixels a CSS pixel; 0: 1
	Phone         bool    // a touch screen
	Dark          bool    // the system prefers dark
	Calm          bool    // the system prefers less motion
}

// Page is one tab. Its methods are not safe for concurrent use.
type Page struct {
	ctx     context.Context
	cancel  []context.CancelFunc
	address string

	mu         sync.Mutex
	complaints []string
}

// open prepares the page and loads it.
func (p *Page) open(o Options) error {
	if err := chromedp.Listen(p.ctx, p.note); err != nil {
		return err
	}
	setting := browser.PermissionSettingGranted
	if o.Deny {
		setting = browser.PermissionSettingDenied
	}
	err := chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		for _, device := range []string{"microphone", "camera"} {
			_, err := chromedp.CallBrowser(ctx, browser.SetPermission, browser.SetPermissionParams{
				Permission: &browser.PermissionDescriptor{Name: device}, Setting: setting, BrowserContextID: contextOf(ctx),
			})
			if err != nil {
				return err
			}
		}
		_, err := chromedp.Call(ctx, log.Enable, cdp.Empty{})
		return err
	}))
	if err != nil {
		return err
	}
	if err := p.Resize(o); err != nil {
		return err
	}
	return chromedp.Do(p.ctx, chromedp.Navigate(p.address))
}

// contextOf is the profile that a page is in.
func contextOf(ctx context.Context) cdp.BrowserContextID {
	return chromedp.FromContext(ctx).BrowserContextID
}

// Resize makes the page look as o says; its devices stay.
func (p *Page) Resize(o Options) error {
	if o.Width == 0 {
		o.Width, o.Height = 1280, 800
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	scheme, motion := "light", "no-preference"
	if o.Dark {
		scheme = "dark"
	}
	if o.Calm {
		motion = "reduce"
	}
	look := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}},
		})
		return err
	})
	view := []chromedp.EmulateViewportOption{chromedp.EmulateScale(o.Scale)}
	if o.Phone {
		view = append(view, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	return chromedp.Do(p.ctx, look, chromedp.EmulateViewport(int64(o.Width), int64(o.Height), view...))
}

// note keeps what the browser complains about.
func (p *Page) note(ev any) {
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelError || ev.Entry.Source == log.EntrySourceSecurity {
			p.complain(ev.Entry.Text + " " + ev.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		p.complain(ev.ExceptionDetails.Text + " " + ev.ExceptionDetails.URL)
	case *runtime.EventConsoleAPICalled:
		if ev.Type == runtime.ConsoleAPICalledTypeError || ev.Type == runtime.ConsoleAPICalledTypeWarning {
			text := string(ev.Type)
			for _, arg := range ev.Args {
				text += fmt.Sprintf(" %s%s", arg.Value, arg.Description)
			}
			p.complain(text)
		}
	}
}

func (p *Page) complain(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, text)
}

// Complaints returns what the browser complained about since the last call:
// errors of scripts, of loading, and breaches of the page's policy.
func (p *Page) Complaints() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.complaints
	p.complaints = nil
	return out
}

// Close ends the page and waits for it.
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

// Shot writes a picture of the window, as PNG or, if file ends so, as WebP.
func (p *Page) Shot(file string) error {
	params := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatPng}
	if filepath.Ext(file) == ".webp" {
		params = page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatWebp, Quality: new(int64(82))}
	}
	return chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		shot, err := chromedp.Call(ctx, page.CaptureScreenshot, params)
		if err != nil {
			return fmt.Errorf("e2e: picture of the page: %w", err)
		}
		return os.WriteFile(file, shot.Data, 0o644)
	}))
}

// Drop drags files onto the middle of the page and lets go.
func (p *Page) Drop(files ...string) error {
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: files, DragOperationsMask: 1}
	return chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
			if _, err := chromedp.Call(ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: 300, Y: 300, Data: data}); err != nil {
				return fmt.Errorf("e2e: drag: %w", err)
			}
		}
		return nil
	}))
}

// Space presses (down) or lets go of the space bar.
func (p *Page) Space(down bool) error {
	kind := input.DispatchKeyEventTypeKeyUp
	if down {
		kind = input.DispatchKeyEventTypeKeyDown
	}
	return chromedp.Do(p.ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: " ", Code: "Space", WindowsVirtualKeyCode: 32})
		return err
	}))
}
