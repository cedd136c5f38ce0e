// Package camera looks: through a camera of this machine (V4L2, on Linux), or at
// the pictures of a folder as if a camera had seen them. What comes out is
// encoded pictures, of which only the newest waits.
//
// Start reading at Open.
package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Errors that callers tell apart.
var (
	// ErrUnsupported says that cameras are not known on this system; folders
	// are.
	ErrUnsupported = errors.New("camera: cameras are known on 64-bit Linux only; a folder of pictures works everywhere")
	// ErrNoCamera says that there is no such camera, or that it is none.
	ErrNoCamera = errors.New("camera: no camera")
	// ErrBusy says that another program looks through it.
	ErrBusy = errors.New("camera: in use by another program")
	// ErrLost says that a camera has gone.
	ErrLost = errors.New("camera: the camera is gone")
)

// Options are the choices of a camera. The zero value works.
type Options struct {
	// Every is the time between two frames that are handed out; 0 means one
	// second.
	Every time.Duration
	// Width and Height are what the camera is asked for; 0 means 640 by 480. It
	// gives what it has that is nearest.
	Width, Height int
}

// MaxFrame is the size of an encoded frame in bytes, beyond which it is left
// out.
const MaxFrame = 4 << 20

// Camera looks, until it is closed.
type Camera struct {
	name   string
	frames chan []byte // one. Full: the newest wins
	failed chan error  // one: why it stopped
	cancel context.CancelFunc
	closer io.Closer // wakes who waits for a frame; nil: nothing has to
	wg     sync.WaitGroup
}

// Open begins to look through a camera, such as /dev/video0, or at the
// pictures of a folder (or at one): in the order of their names, and at the last
// one until there are more.
func Open(path string, o Options) (*Camera, error) {
	if o.Every <= 0 {
		o.Every = time.Second
	}
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = 640, 480
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCamera, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Camera{name: path, frames: make(chan []byte, 1), failed: make(chan error, 1), cancel: cancel}
	if info.Mode()&os.ModeCharDevice != 0 {
		err = c.openDevice(ctx, path, o)
	} else {
		err = c.openFolder(ctx, path, info.IsDir(), o)
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return c, nil
}

// Name says what is looked through, for people.
func (c *Camera) Name() string { return c.name }

// Frames gives frames, JPEG or as the files are.
func (c *Camera) Frames() <-chan []byte { return c.frames }

// Failed gives the reason when the camera has stopped by itself.
func (c *Camera) Failed() <-chan error { return c.failed }

// Close stops looking. It may be called again.
func (c *Camera) Close() error {
	c.cancel()
	var err error
	if c.closer != nil {
		err = c.closer.Close()
	}
	c.wg.Wait()
	return err
}

// hand makes a frame the newest.
func (c *Camera) hand(frame []byte) {
	for {
		select {
		case c.frames <- frame:
			return
		default:
		}
		select {
		case <-c.frames:
		default:
		}
	}
}

// pictureNames are the endings of files that are looked at.
var pictureNames = []string{".jpg", ".jpeg", ".png", ".gif", ".webp"}

// openFolder begins to look at files.
func (c *Camera) openFolder(ctx context.Context, path string, folder bool, o Options) error {
	list := func() ([]string, error) { return []string{path}, nil }
	if folder {
		list = func() ([]string, error) { return pictures(path) }
	}
	first, err := list()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCamera, err)
	}
	if len(first) == 0 {
		return fmt.Errorf("%w: no pictures in %s (%s)", ErrNoCamera, path, strings.Join(pictureNames, ", "))
	}
	c.wg.Go(func() {
		if err := c.runFolder(ctx, list, o.Every); err != nil {
			c.failed <- err
		}
	})
	return nil
}

// pictures lists a folder by names.
func pictures(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir) // sorted
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(pictureNames, strings.ToLower(filepath.Ext(e.Name()))) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, err
}

// runFolder hands out a file each time, behind the one before by name.
func (c *Camera) runFolder(ctx context.Context, list func() ([]string, error), every time.Duration) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := ""; ; {
		paths, err := list()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		if len(paths) > 0 {
			i, _ := slices.BinarySearch(paths, last+"\x00")
			last = paths[min(i, len(paths)-1)]
			if data, err := readPicture(last); err == nil { // it may have gone, or be written still
				c.hand(data)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// readPicture reads a file of at most MaxFrame bytes.
func readPicture(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFrame+1))
	if err == nil && (len(data) == 0 || len(data) > MaxFrame) {
		err = fmt.Errorf("camera: %s has %d bytes, want 1 to %d", path, len(data), MaxFrame)
	}
	return data, err
}

// Device is a camera of this machine.
type Device struct {
	Path, Name string
	// Formats are the forms of its pictures, those that are understood.
	Formats []string
}
