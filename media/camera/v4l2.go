//go:build linux && (amd64 || arm64 || riscv64 || loong64)

package camera

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Structures of linux/videodev2.h as 64-bit systems have them: sizes, and the
// places of the fields that are used. They are ABI and do not change.
const (
	sizeCapability  = 104 // driver [16], card [32], bus_info [32], version, capabilities, device_caps
	capCard         = 16
	capCapabilities = 84
	capDevice       = 88

	sizeFormatDesc   = 64 // index, type, flags, description [32], pixelformat
	descPixel        = 44
	sizeFormat       = 208 // type, 4 of padding, pix
	formatWidth      = 8
	formatHeight     = 12
	formatPixel      = 16
	formatField      = 20
	formatLine       = 24 // bytesperline
	formatImage      = 28 // sizeimage
	sizeRequest      = 20 // count, type, memory
	sizeBuffer       = 88 // index, type, bytesused, flags, field, timestamp, timecode, sequence, memory, offset, length
	bufferUsed       = 8
	bufferFlags      = 12
	bufferMemory     = 60
	bufferOffset     = 64
	bufferLength     = 72
	flagError        = 0x40 // V4L2_BUF_FLAG_ERROR
	captureType      = 1    // V4L2_BUF_TYPE_VIDEO_CAPTURE
	memoryMap        = 1    // V4L2_MEMORY_MMAP
	fieldNone        = 1    // V4L2_FIELD_NONE
	canCapture       = 0x00000001
	canStream        = 0x04000000
	hasDeviceCaps    = 0x80000000
	pixelMJPEG       = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24
	pixelJPEG        = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24
	pixelYUYV        = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24
	buffersWanted    = 4
	frameSilence     = 5 * time.Second // a camera that is silent so long is gone
	mostFormats      = 64
	mostBufferedSize = 64 << 20
)

// Requests, _IOC(direction, 'V', number, size) of asm-generic/ioctl.h.
const (
	write, read = 1 << 30, 2 << 30
	letter      = 'V' << 8

	queryCapability = read | sizeCapability<<16 | letter | 0
	enumFormat      = read | write | sizeFormatDesc<<16 | letter | 2
	setFormat       = read | write | sizeFormat<<16 | letter | 5
	requestBuffers  = read | write | sizeRequest<<16 | letter | 8
	queryBuffer     = read | write | sizeBuffer<<16 | letter | 9
	queueBuffer     = read | write | sizeBuffer<<16 | letter | 15
	dequeueBuffer   = read | write | sizeBuffer<<16 | letter | 17
	streamOn        = write | 4<<16 | letter | 18
	streamOff       = write | 4<<16 | letter | 19
)

var le = binary.LittleEndian

// driver is what is asked of the kernel. Tests have their own.
type driver interface {
	// ioctl makes a request; arg is the structure, read or written.
	ioctl(request uintptr, arg []byte) error
	// mmap maps a buffer of the driver.
	mmap(offset int64, length int) ([]byte, error)
	munmap([]byte) error
	// wait returns when a frame may be there: syscall.EAGAIN of try says that
	// none is.
	wait(patience time.Duration, try func() error) error
	Close() error
}

// device is an open camera that streams.
type device struct {
	driver
	pixel                 uint32
	width, height, stride int
	buffers               [][]byte
	once                  sync.Once
}

// List returns the cameras of this machine. Devices that give no pictures
// which are understood here are left out, and those that may not be opened.
func List() ([]Device, error) {
	paths, err := filepath.Glob("/dev/video*")
	if err != nil {
		return nil, err
	}
	var found []Device
	for _, path := range paths {
		k, err := openKernel(path)
		if err != nil {
			continue
		}
		name, err := describe(k)
		if formats := formatsOf(k); err == nil && len(formats) > 0 {
			found = append(found, Device{Path: path, Name: name, Formats: formats})
		}
		k.Close()
	}
	return found, nil
}

// describe returns the name of a camera, or says that it is none.
func describe(k driver) (string, error) {
	c := make([]byte, sizeCapability)
	if err := k.ioctl(queryCapability, c); err != nil {
		return "", fmt.Errorf("%w: it does not know V4L2: %w", ErrNoCamera, err)
	}
	can := le.Uint32(c[capCapabilities:])
	if can&hasDeviceCaps != 0 {
		can = le.Uint32(c[capDevice:])
	}
	if can&canCapture == 0 || can&canStream == 0 {
		return "", fmt.Errorf("%w: it does not give a stream of pictures", ErrNoCamera)
	}
	name, _, _ := strings.Cut(string(c[capCard:capCard+32]), "\x00")
	return name, nil
}

// pixels returns the forms of pictures that a camera has.
func pixels(k driver) (all []uint32) {
	for i := range mostFormats {
		d := make([]byte, sizeFormatDesc)
		le.PutUint32(d, uint32(i))
		le.PutUint32(d[4:], captureType)
		if k.ioctl(enumFormat, d) != nil {
			break // EINVAL behind the last
		}
		all = append(all, le.Uint32(d[descPixel:]))
	}
	return all
}

// formatsOf names those that are understood, best first.
func formatsOf(k driver) (names []string) {
	for _, p := range pixels(k) {
		switch p {
		case pixelMJPEG, pixelJPEG:
			names = append(names, "MJPEG")
		case pixelYUYV:
			names = append(names, "YUYV")
		}
	}
	return names
}

// openDevice begins to look through a camera.
func (c *Camera) openDevice(ctx context.Context, path string, o Options) error {
	k, err := openKernel(path)
	if err != nil {
		return err
	}
	return c.look(ctx, k, path, o)
}

// look starts a camera.
func (c *Camera) look(ctx context.Context, k driver, path string, o Options) error {
	name, err := describe(k)
	var d *device
	if err == nil {
		d, err = start(k, o)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), k.Close())
	}
	c.name = name + " (" + path + ")"
	c.closer = d
	c.wg.Go(func() {
		if err := c.runDevice(ctx, d, o.Every); err != nil && ctx.Err() == nil {
			c.failed <- err
		}
		d.stop()
	})
	return nil
}

// start chooses the form of the pictures, maps buffers and begins to stream.
func start(k driver, o Options) (*device, error) {
	d := &device{driver: k}
	for _, p := range pixels(k) {
		if p == pixelMJPEG || p == pixelJPEG && d.pixel != pixelMJPEG || p == pixelYUYV && d.pixel == 0 {
			d.pixel = p
		}
	}
	if d.pixel == 0 {
		return nil, fmt.Errorf("%w: it has neither MJPEG nor YUYV", ErrNoCamera)
	}
	f := make([]byte, sizeFormat)
	le.PutUint32(f, captureType)
	le.PutUint32(f[formatWidth:], uint32(o.Width))
	le.PutUint32(f[formatHeight:], uint32(o.Height))
	le.PutUint32(f[formatPixel:], d.pixel)
	le.PutUint32(f[formatField:], fieldNone)
	if err := k.ioctl(setFormat, f); err != nil {
		return nil, busy(err)
	}
	if p := le.Uint32(f[formatPixel:]); p != d.pixel {
		return nil, fmt.Errorf("%w: it was asked for pictures of the form %08x and gives %08x", ErrNoCamera, d.pixel, p)
	}
	d.width, d.height = int(le.Uint32(f[formatWidth:])), int(le.Uint32(f[formatHeight:]))
	d.stride = max(int(le.Uint32(f[formatLine:])), 2*d.width)
	if err := d.allocate(); err != nil {
		d.unmap()
		return nil, err
	}
	kind := le.AppendUint32(nil, captureType)
	if err := k.ioctl(streamOn, kind); err != nil {
		d.unmap()
		return nil, busy(err)
	}
	return d, nil
}

// busy says which errors mean that somebody else has the camera.
func busy(err error) error {
	if errors.Is(err, syscall.EBUSY) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return fmt.Errorf("camera: %w", err)
}

// allocate maps the driver's buffers and gives them to it to fill.
func (d *device) allocate() error {
	r := make([]byte, sizeRequest)
	le.PutUint32(r, buffersWanted)
	le.PutUint32(r[4:], captureType)
	le.PutUint32(r[8:], memoryMap)
	if err := d.ioctl(requestBuffers, r); err != nil {
		return busy(err)
	}
	n := le.Uint32(r)
	if n == 0 || n > 32 {
		return fmt.Errorf("camera: it has %d buffers", n)
	}
	for i := range n {
		b := newBuffer(i)
		if err := d.ioctl(queryBuffer, b); err != nil {
			return busy(err)
		}
		length := le.Uint32(b[bufferLength:])
		if length > mostBufferedSize {
			return fmt.Errorf("camera: a buffer of %d bytes", length)
		}
		m, err := d.mmap(int64(le.Uint32(b[bufferOffset:])), int(length))
		if err != nil {
			return fmt.Errorf("camera: %w", err)
		}
		d.buffers = append(d.buffers, m)
		if err := d.ioctl(queueBuffer, newBuffer(i)); err != nil {
			return busy(err)
		}
	}
	return nil
}

// newBuffer is a v4l2_buffer.
func newBuffer(index uint32) []byte {
	b := make([]byte, sizeBuffer)
	le.PutUint32(b, index)
	le.PutUint32(b[4:], captureType)
	le.PutUint32(b[bufferMemory:], memoryMap)
	return b
}

// runDevice takes frames as they come, so that the newest is never old, and
// hands one out each time.
func (c *Camera) runDevice(ctx context.Context, d *device, every time.Duration) error {
	var next time.Time
	for ctx.Err() == nil {
		b := newBuffer(0)
		err := d.wait(frameSilence, func() error { return d.ioctl(dequeueBuffer, b) })
		if err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
		index, used := le.Uint32(b), le.Uint32(b[bufferUsed:])
		if int(index) >= len(d.buffers) || int(used) > len(d.buffers[index]) {
			return fmt.Errorf("camera: a frame of %d bytes in buffer %d", used, index)
		}
		now := time.Now()
		if le.Uint32(b[bufferFlags:])&flagError == 0 && used > 0 && !now.Before(next) {
			if frame, err := d.encode(d.buffers[index][:used]); err == nil && len(frame) <= MaxFrame { // a broken one is left out
				c.hand(frame)
				next = now.Add(every)
			}
		}
		if err := d.ioctl(queueBuffer, newBuffer(index)); err != nil {
			return fmt.Errorf("%w: %w", ErrLost, err)
		}
	}
	return nil
}

// encode makes a JPEG of a frame.
func (d *device) encode(data []byte) ([]byte, error) {
	if d.pixel == pixelYUYV {
		return fromYUYV(data, d.width, d.height, d.stride)
	}
	return fromMJPEG(data)
}

// stop ends the stream and gives the buffers back.
func (d *device) stop() {
	d.once.Do(func() {
		d.ioctl(streamOff, le.AppendUint32(nil, captureType)) // a camera that is gone has none
		d.unmap()
	})
}

func (d *device) unmap() {
	for _, b := range d.buffers {
		d.munmap(b) // it cannot fail for what was mapped
	}
	d.buffers = nil
}

// kernel is the driver of a real camera. Its file is not blocking: reads wait
// in the runtime's poller, and Close ends them.
type kernel struct {
	file *os.File
	conn syscall.RawConn
}

func openKernel(path string) (*kernel, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, syscall.EBUSY):
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoCamera, err)
	}
	conn, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("camera: %w", err)
	}
	return &kernel{f, conn}, nil
}
