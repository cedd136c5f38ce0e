//go:build (linux || darwin) && (amd64 || arm64) && !static

package echo

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// libraries are the names under which a system has libspeexdsp.
var libraries = map[string][]string{
	"linux":  {"libspeexdsp.so.1", "libspeexdsp.so"},
	"darwin": {"libspeexdsp.1.dylib", "/opt/homebrew/lib/libspeexdsp.1.dylib", "/usr/local/lib/libspeexdsp.1.dylib"},
}[runtime.GOOS]

// Requests of speex_echo_ctl and speex_preprocess_ctl (speex_echo.h,
// speex_preprocess.h). They never change.
const (
	echoSetSamplingRate            = 24
	preprocessSetNoiseSuppress     = 18
	preprocessSetEchoSuppress      = 20
	preprocessSetEchoSuppressAlive = 22
	preprocessSetEchoState         = 24
)

// By how much the suppressor may lower what the filter leaves, in dB: where
// only echo is left, and where somebody speaks as well.
const (
	suppress      = -45
	suppressAlive = -15
)

// speex are the functions of the library.
type speex struct {
	echoInit, echoReset, echoDestroy, echoCancel, echoCtl           uintptr
	preprocessInit, preprocessDestroy, preprocessRun, preprocessCtl uintptr
}

// openSpeex opens the first library that is one.
func openSpeex(file string) (*speex, error) {
	paths := libraries
	if file != "" {
		paths = []string{file}
	}
	failed := ErrNoLibrary
	for _, path := range paths {
		lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err != nil {
			if file != "" {
				failed = fmt.Errorf("%w: %v", ErrNoLibrary, err)
			}
			continue
		}
		s := &speex{}
		for name, f := range map[string]*uintptr{
			"speex_echo_state_init": &s.echoInit, "speex_echo_state_reset": &s.echoReset, "speex_echo_state_destroy": &s.echoDestroy,
			"speex_echo_cancellation": &s.echoCancel, "speex_echo_ctl": &s.echoCtl,
			"speex_preprocess_state_init": &s.preprocessInit, "speex_preprocess_state_destroy": &s.preprocessDestroy,
			"speex_preprocess_run": &s.preprocessRun, "speex_preprocess_ctl": &s.preprocessCtl,
		} {
			if *f, err = purego.Dlsym(lib, name); err != nil {
				return nil, fmt.Errorf("%w: %v", ErrNoLibrary, err)
			}
		}
		return s, nil // the library stays open
	}
	return nil, failed
}

// filter is an adaptive filter and, unless it is to keep the rest, a suppressor.
// Its memory is the library's; the frames are ours and pinned for each call.
type filter struct {
	lib              *speex
	echo, preprocess uintptr
	mic, far, out    [FrameSamples]int16
}

// openFilter makes a filter of so many samples.
func openFilter(file string, tail int, keepResidual bool) (*filter, error) {
	lib, err := openSpeex(file)
	if err != nil {
		return nil, err
	}
	f := &filter{lib: lib}
	f.echo, _, _ = purego.SyscallN(lib.echoInit, FrameSamples, uintptr(tail))
	if f.echo == 0 {
		return nil, fmt.Errorf("%w: it makes no filter of %d samples", ErrNoLibrary, tail)
	}
	control(lib.echoCtl, f.echo, echoSetSamplingRate, int32(Rate))
	if keepResidual {
		return f, nil
	}
	f.preprocess, _, _ = purego.SyscallN(lib.preprocessInit, FrameSamples, uintptr(Rate))
	if f.preprocess == 0 {
		f.close()
		return nil, fmt.Errorf("%w: it makes no suppressor", ErrNoLibrary)
	}
	purego.SyscallN(lib.preprocessCtl, f.preprocess, preprocessSetEchoState, f.echo)
	control(lib.preprocessCtl, f.preprocess, preprocessSetNoiseSuppress, 0) // models like their noise as it is
	control(lib.preprocessCtl, f.preprocess, preprocessSetEchoSuppress, suppress)
	control(lib.preprocessCtl, f.preprocess, preprocessSetEchoSuppressAlive, suppressAlive)
	return f, nil
}

// control sets a number.
func control(function, state uintptr, request uintptr, value int32) {
	v := &value
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(v)
	purego.SyscallN(function, state, request, uintptr(unsafe.Pointer(v)))
}

// process cleans a frame.
func (f *filter) process(clean, mic, far []float32) {
	toInt16(&f.mic, mic)
	toInt16(&f.far, far)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(f)
	out := uintptr(unsafe.Pointer(&f.out))
	purego.SyscallN(f.lib.echoCancel, f.echo, uintptr(unsafe.Pointer(&f.mic)), uintptr(unsafe.Pointer(&f.far)), out)
	if f.preprocess != 0 {
		purego.SyscallN(f.lib.preprocessRun, f.preprocess, out)
	}
	for i, v := range f.out {
		clean[i] = float32(v) / 32768
	}
}

// toInt16 converts samples as the library takes them.
func toInt16(dst *[FrameSamples]int16, src []float32) {
	for i := range dst {
		dst[i] = int16(max(-32768, min(32767, src[i]*32768)))
	}
}

// reset forgets what the filter learned.
func (f *filter) reset() { purego.SyscallN(f.lib.echoReset, f.echo) }

// close frees the filter. It may be called again.
func (f *filter) close() {
	if f.preprocess != 0 {
		purego.SyscallN(f.lib.preprocessDestroy, f.preprocess)
	}
	if f.echo != 0 {
		purego.SyscallN(f.lib.echoDestroy, f.echo)
	}
	f.preprocess, f.echo = 0, 0
}
