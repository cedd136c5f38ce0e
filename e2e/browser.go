package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"

	"hark/audio"
	"hark/audio/wav"
)

// PlainHost is a name of this machine that is no localhost to the browser: a
// page that comes from it over http has no microphone and no camera.
const PlainHost = "hark.test"

// Browser is a headless Chromium whose microphone and camera are files. It
// holds many pages, one after the other, each with a profile of its own. Its
// methods are not safe for concurrent use.
type Browser struct {
	ctx    context.Context
	cancel []context.CancelFunc
	folder string
}

// OpenBrowser starts a browser. It ends with ctx or with Close.
func OpenBrowser(ctx context.Context) (*Browser, error) {
	folder, err := os.MkdirTemp("", "hark-browser-")
	if err != nil {
		return nil, fmt.Errorf("e2e: %w", err)
	}
	b := &Browser{folder: folder}
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.CombinedOutput(io.Discard),
		chromedp.WindowSize(1280, 800),
		chromedp.Flag("use-fake-device-for-media-stream", true),
		chromedp.Flag("use-file-for-fake-audio-capture", b.microphone()+"%noloop"),
		chromedp.Flag("use-file-for-fake-video-capture", b.camera()),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("host-resolver-rules", "MAP "+PlainHost+" 127.0.0.1"),
	)
	if err := b.capture(Options{}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	ctx, cancel := chromedp.NewExecAllocator(ctx, flags...)
	b.cancel = append(b.cancel, cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	b.cancel = append(b.cancel, cancel)
	if err := chromedp.Do(b.ctx); err != nil { // starts it
		b.Close()
		return nil, fmt.Errorf("e2e: chromium: %w", err)
	}
	return b, nil
}

// Close ends the browser and waits for it.
func (b *Browser) Close() {
	for i := len(b.cancel) - 1; i >= 0; i-- {
		b.cancel[i]()
	}
	os.RemoveAll(b.folder)
}

func (b *Browser) microphone() string { return filepath.Join(b.folder, "microphone.wav") }
func (b *Browser) camera() string     { return filepath.Join(b.folder, "camera.y4m") }

// capture puts files in the place of the microphone and the camera. Chromium
// reads them when a page opens the device.
func (b *Browser) capture(o Options) error {
	quiet := wav.Encode(audio.ModelRate, make([]float32, audio.ModelRate))
	if err := place(b.microphone(), o.Sound, quiet); err != nil {
		return err
	}
	green := y4m(make([]byte, stillWidth*stillHeight*3/2), stillWidth, stillHeight)
	return place(b.camera(), o.Camera, green)
}

// place copies a file, or writes what there is otherwise.
func place(to, from string, otherwise []byte) error {
	if from != "" {
		var err error
		if otherwise, err = os.ReadFile(from); err != nil {
			return fmt.Errorf("e2e: %w", err)
		}
	}
	return os.WriteFile(to, otherwise, 0o600)
}

// Open loads address in a new page. The cameras of all pages of a browser must
// have the same size.
func (b *Browser) Open(address string, o Options) (*Page, error) {
	if err := b.capture(o); err != nil {
		return nil, err
	}
	p := &Page{address: address}
	var cancel context.CancelFunc
	p.ctx, cancel = chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	p.cancel = append(p.cancel, cancel)
	if err := p.open(o); err != nil {
		p.Close()
		return nil, fmt.Errorf("e2e: open %s: %w", address, err)
	}
	return p, nil
}
