//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package camera

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fake is a driver with a camera behind it.
type fake struct {
	t       *testing.T
	card    string
	can     uint32
	forms   []uint32
	frame   func(n int) []byte
	stride  int
	refuse  map[uintptr]error // requests that fail
	flagged int               // frames that the driver says are broken

	mu      sync.Mutex
	buffers [][]byte
	queued  []uint32
	on      bool
	gone    bool
	sent    int
	mapped  int
	closed  chan struct{}
}

func newFakeCamera(t *testing.T, frame []byte, forms ...uint32) *fake {
	return &fake{t: t, card: "Fake Cam", can: canCapture | canStream, forms: forms, closed: make(chan struct{}),
		frame: func(int) []byte { return frame }, refuse: map[uintptr]error{}}
}

func (k *fake) ioctl(request uintptr, arg []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if size := int(request >> 16 & 0x3fff); size != len(arg) {
		k.t.Errorf("request %x with %d bytes, its number says %d", request, len(arg), size)
	}
	if err := k.refuse[request]; err != nil {
		return err
	}
	if k.gone {
		return syscall.ENODEV
	}
	switch request {
	case queryCapability:
		copy(arg[capCard:], k.card)
		le.PutUint32(arg[capCapabilities:], k.can|hasDeviceCaps)
		le.PutUint32(arg[capDevice:], k.can)
	case enumFormat:
		i := int(le.Uint32(arg))
		if i >= len(k.forms) {
			return syscall.EINVAL
		}
		le.PutUint32(arg[descPixel:], k.forms[i])
	case setFormat:
		le.PutUint32(arg[formatWidth:], 64) // what it has
		le.PutUint32(arg[formatHeight:], 32)
		le.PutUint32(arg[formatLine:], uint32(k.stride))
	case requestBuffers:
		le.PutUint32(arg, 2)
		k.buffers = [][]byte{make([]byte, 1<<16), make([]byte, 1<<16)}
	case queryBuffer:
		i := le.Uint32(arg)
		le.PutUint32(arg[bufferOffset:], i<<16)
		le.PutUint32(arg[bufferLength:], uint32(len(k.buffers[i])))
	case queueBuffer:
		k.queued = append(k.queued, le.Uint32(arg))
	case dequeueBuffer:
		if !k.on || len(k.queued) == 0 {
			return syscall.EAGAIN
		}
		i := k.queued[0]
		k.queued = k.queued[1:]
		le.PutUint32(arg, i)
		le.PutUint32(arg[bufferUsed:], uint32(copy(k.buffers[i], k.frame(k.sent))))
		if k.sent < k.flagged {
			le.PutUint32(arg[bufferFlags:], flagError)
		}
		k.sent++
	case streamOn:
		k.on = true
	case streamOff:
		k.on = false
	default:
		k.t.Errorf("request %x", request)
	}
	return nil
}

func (k *fake) mmap(offset int64, length int) ([]byte, error) {
	k.mapped++
	return k.buffers[offset>>16][:length], nil
}

func (k *fake) munmap([]byte) error {
	k.mapped--
	return nil
}

func (k *fake) wait(_ time.Duration, try func() error) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-k.closed:
			return os.ErrClosed
		case <-tick.C:
		}
		if err := try(); !errors.Is(err, syscall.EAGAIN) {
			return err
		}
	}
}

func (k *fake) Close() error {
	select {
	case <-k.closed:
	default:
		close(k.closed)
	}
	return nil
}

// through opens a camera with a fake driver.
func through(k *fake) (*Camera, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Camera{frames: make(chan []byte, 1), failed: make(chan error, 1), cancel: cancel}
	if err := c.look(ctx, k, "/dev/video9", Options{Every: time.Millisecond, Width: 640, Height: 480}); err != nil {
		cancel()
		return nil, err
	}
	return c, nil
}

func TestCameraGivesPictures(t *testing.T) {
	for name, k := range map[string]*fake{
		"YUYV":           newFakeCamera(t, yuyv(chart(), 128), pixelYUYV),
		"YUYV, long":     newFakeCamera(t, yuyv(chart(), 160), pixelYUYV),
		"MJPEG":          newFakeCamera(t, withoutTables(t), pixelYUYV, pixelMJPEG),
		"broken between": newFakeCamera(t, withoutTables(t), pixelMJPEG),
	} {
		switch name {
		case "YUYV, long":
			k.stride = 160
		case "broken between":
			whole := k.frame(0)
			k.flagged = 2
			k.frame = func(n int) []byte {
				if n < 5 {
					return []byte("no picture")
				}
				return whole
			}
		}
		c, err := through(k)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if c.Name() != "Fake Cam (/dev/video9)" {
			t.Errorf("%s: called %q", name, c.Name())
		}
		for range 3 {
			img, err := jpeg.Decode(bytes.NewReader(next(t, c)))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !near(img.At(24, 16), chart().At(24, 16), 12) || img.Bounds().Dx() != 64 {
				t.Errorf("%s: %v at 24, want green; %v", name, img.At(24, 16), img.Bounds())
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if k.on || k.mapped != 0 {
			t.Errorf("%s: streams %v, %d buffers are mapped still", name, k.on, k.mapped)
		}
	}
}

func TestCameraThatIsUnpluggedSaysSo(t *testing.T) {
	k := newFakeCamera(t, withoutTables(t), pixelMJPEG)
	c, err := through(k)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	next(t, c)
	k.mu.Lock()
	k.gone = true
	k.mu.Unlock()
	select {
	case err := <-c.Failed():
		if !errors.Is(err, ErrLost) {
			t.Errorf("%v, want ErrLost", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("nobody says so")
	}
}

func TestWhatCannotBeUsedIsRefused(t *testing.T) {
	spoil := func(f func(k *fake)) *fake {
		k := newFakeCamera(t, nil, pixelMJPEG)
		f(k)
		return k
	}
	for name, c := range map[string]struct {
		k    *fake
		want error
	}{
		"no capture":   {spoil(func(k *fake) { k.can = canStream }), ErrNoCamera},
		"no V4L2":      {spoil(func(k *fake) { k.refuse[queryCapability] = syscall.ENOTTY }), ErrNoCamera},
		"other pixels": {spoil(func(k *fake) { k.forms = []uint32{1, 2} }), ErrNoCamera},
		"busy format":  {spoil(func(k *fake) { k.refuse[setFormat] = syscall.EBUSY }), ErrBusy},
		"busy buffers": {spoil(func(k *fake) { k.refuse[requestBuffers] = syscall.EBUSY }), ErrBusy},
		"busy stream":  {spoil(func(k *fake) { k.refuse[streamOn] = syscall.EBUSY }), ErrBusy},
	} {
		if _, err := through(c.k); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if c.k.mapped != 0 {
			t.Errorf("%s: %d buffers are mapped still", name, c.k.mapped)
		}
		select {
		case <-c.k.closed:
		default:
			t.Errorf("%s: the device stays open", name)
		}
	}
}

func TestFormatsAreNamed(t *testing.T) {
	k := newFakeCamera(t, nil, pixelYUYV, 7, pixelMJPEG)
	if got := formatsOf(k); !slices.Equal(got, []string{"YUYV", "MJPEG"}) {
		t.Errorf("formats %v", got)
	}
	if found, err := List(); err != nil {
		t.Errorf("%v, %v", found, err)
	}
}

// The numbers of requests on amd64 and arm64, as a C compiler has them.
func TestRequestsHaveTheirNumbers(t *testing.T) {
	for name, c := range map[string][2]uintptr{
		"VIDIOC_QUERYCAP": {queryCapability, 0x80685600}, "VIDIOC_ENUM_FMT": {enumFormat, 0xc0405602}, "VIDIOC_S_FMT": {setFormat, 0xc0d05605},
		"VIDIOC_REQBUFS": {requestBuffers, 0xc0145608}, "VIDIOC_QUERYBUF": {queryBuffer, 0xc0585609}, "VIDIOC_QBUF": {queueBuffer, 0xc058560f},
		"VIDIOC_DQBUF": {dequeueBuffer, 0xc0585611}, "VIDIOC_STREAMON": {streamOn, 0x40045612}, "VIDIOC_STREAMOFF": {streamOff, 0x40045613},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %x, want %x", name, c[0], c[1])
		}
	}
}
