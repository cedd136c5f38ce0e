//go:build (linux || darwin) && (amd64 || arm64) && !static

package piper

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// systemRuntimes are the names under which a system has ONNX Runtime.
var systemRuntimes = map[string][]string{
	"linux":  {"libonnxruntime.so", "libonnxruntime.so.1"},
	"darwin": {"libonnxruntime.dylib", "/opt/homebrew/lib/libonnxruntime.dylib", "/usr/local/lib/libonnxruntime.dylib"},
}[runtime.GOOS]

// apiVersion is the version of ONNX Runtime's C interface that is asked for,
// that of release 1.16. Later releases have it too.
const apiVersion = 16

// The places of functions in OrtApi (onnxruntime_c_api.h). They never change:
// new functions come behind the old ones.
const (
	getErrorMessage            = 2
	createEnv                  = 3
	disableTelemetry           = 6
	createSession              = 7
	runSession                 = 9
	createSessionOptions       = 10
	setGraphOptimization       = 23
	setIntraOpThreads          = 24
	createRunOptions           = 39
	setTerminate               = 46
	createTensorWithData       = 49
	getTensorData              = 51
	getShapeElementCount       = 64
	getTensorTypeAndShape      = 65
	createCPUMemoryInfo        = 69
	releaseEnv                 = 92
	releaseStatus              = 93
	releaseMemoryInfo          = 94
	releaseSession             = 95
	releaseValue               = 96
	releaseRunOptions          = 97
	releaseTensorTypeAndShape  = 99
	releaseSessionOptions      = 100
	functions                  = 101
	elementFloat, elementInt64 = 1, 7 // ONNXTensorElementDataType
)

// ort is ONNX Runtime.
type ort struct {
	api [functions]uintptr
}

// openRuntime opens the first library that is one.
func openRuntime(paths []string) (*ort, error) {
	failed := []error{ErrNoRuntime}
	for _, path := range paths {
		lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		base, err := purego.Dlsym(lib, "OrtGetApiBase")
		if err != nil {
			failed = append(failed, err)
			continue
		}
		table, _, _ := purego.SyscallN(base)
		getAPI := at(table, 0)
		api, _, _ := purego.SyscallN(getAPI, apiVersion)
		if api == 0 {
			failed = append(failed, fmt.Errorf("%s is older than 1.16", path))
			continue
		}
		o := &ort{}
		for i := range o.api {
			o.api[i] = at(api, i)
		}
		return o, nil // the library stays open: nothing says when its threads have ended
	}
	return nil, errors.Join(failed...)
}

// at returns pointer i of a table outside Go's memory.
func at(table uintptr, i int) uintptr {
	return *(*uintptr)(unsafe.Add(foreign(table), i*int(unsafe.Sizeof(table))))
}

// foreign is a pointer to memory outside Go's.
func foreign(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// call calls a function that returns an OrtStatus.
func (o *ort) call(function int, args ...uintptr) error {
	status, _, _ := purego.SyscallN(o.api[function], args...)
	if status == 0 {
		return nil
	}
	message, _, _ := purego.SyscallN(o.api[getErrorMessage], status)
	err := fmt.Errorf("piper: ONNX Runtime: %s", text(message))
	o.release(releaseStatus, status)
	return err
}

// release calls a function that frees something.
func (o *ort) release(function int, what uintptr) {
	if what != 0 {
		purego.SyscallN(o.api[function], what)
	}
}

// text copies a C string of at most a kilobyte.
func text(p uintptr) string {
	var b []byte
	for i := 0; p != 0 && i < 1024; i++ {
		c := *(*byte)(unsafe.Add(foreign(p), i))
		if c == 0 {
			break
		}
		b = append(b, c)
	}
	return string(b)
}

// cstring returns s as C reads it. It must be kept alive.
func cstring(s string) *byte { return &append([]byte(s), 0)[0] }

func address[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// session is a network that is ready to run.
type session struct {
	ort                  *ort
	env, handle, memory  uintptr
	closing              sync.RWMutex // run reads, close writes
	name                 *byte        // of the environment
	input, length        *byte        // names of inputs and outputs
	scales, sid, outputs *byte
}

func openSession(libraries []string, path string, threads int) (*session, error) {
	o, err := openRuntime(libraries)
	if err != nil {
		return nil, err
	}
	s := &session{ort: o, name: cstring("hark"), input: cstring("input"), length: cstring("input_lengths"),
		scales: cstring("scales"), sid: cstring("sid"), outputs: cstring("output")}
	var pin runtime.Pinner
	defer pin.Unpin()
	file := cstring(path)
	options := new(uintptr)
	env, handle, memory := new(uintptr), new(uintptr), new(uintptr)
	for _, p := range []any{file, options, env, handle, memory, s.name} {
		pin.Pin(p)
	}
	const warnings = 3 // errors only
	err = o.call(createEnv, warnings, address(s.name), address(env))
	if err == nil {
		o.call(disableTelemetry, *env) // it exists on one system only
		err = o.call(createSessionOptions, address(options))
	}
	if err == nil {
		err = o.call(setIntraOpThreads, *options, uintptr(threads))
	}
	if err == nil {
		const all = 99
		err = o.call(setGraphOptimization, *options, all)
	}
	if err == nil {
		err = o.call(createSession, *env, address(file), *options, address(handle))
	}
	if err == nil {
		err = o.call(createCPUMemoryInfo, 0, 0, address(memory)) // device allocator, default memory
	}
	o.release(releaseSessionOptions, *options)
	s.env, s.handle, s.memory = *env, *handle, *memory
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close frees the session once nothing runs in it.
func (s *session) close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.ort.release(releaseMemoryInfo, s.memory)
	s.ort.release(releaseSession, s.handle)
	s.ort.release(releaseEnv, s.env)
	s.memory, s.handle, s.env = 0, 0, 0
	return nil
}

// tensor makes a tensor of Go's memory, which must stay pinned.
func (s *session) tensor(pin *runtime.Pinner, data unsafe.Pointer, bytes int, kind uintptr, shape ...int64) (uintptr, error) {
	out := new(uintptr)
	pin.Pin(out)
	pin.Pin(&shape[0])
	pin.Pin(data)
	err := s.ort.call(createTensorWithData, s.memory, uintptr(data), uintptr(bytes),
		address(&shape[0]), uintptr(len(shape)), kind, address(out))
	return *out, err
}

// run runs the network once. The end of ctx stops it between two of its
// operations.
func (s *session) run(ctx context.Context, in *inputs) ([]float32, error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.handle == 0 {
		return nil, errors.New("piper: the voice is closed")
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	names := []uintptr{address(s.input), address(s.length), address(s.scales)}
	values := make([]uintptr, 3, 4)
	defer func() {
		for _, v := range values {
			s.ort.release(releaseValue, v)
		}
	}()
	var err [4]error
	values[0], err[0] = s.tensor(&pin, unsafe.Pointer(&in.ids[0]), 8*len(in.ids), elementInt64, 1, int64(len(in.ids)))
	values[1], err[1] = s.tensor(&pin, unsafe.Pointer(&in.length[0]), 8, elementInt64, 1)
	values[2], err[2] = s.tensor(&pin, unsafe.Pointer(&in.scales[0]), 4*len(in.scales), elementFloat, int64(len(in.scales)))
	if in.speaker != nil {
		var sid uintptr
		sid, err[3] = s.tensor(&pin, unsafe.Pointer(&in.speaker[0]), 8, elementInt64, 1)
		names, values = append(names, address(s.sid)), append(values, sid)
	}
	options, output, outputName := new(uintptr), new(uintptr), []uintptr{address(s.outputs)}
	for _, p := range []any{options, output, &outputName[0], &names[0], &values[0], s.input, s.length, s.scales, s.sid, s.outputs} {
		pin.Pin(p)
	}
	if err := errors.Join(err[:]...); err != nil {
		return nil, err
	}
	if err := s.ort.call(createRunOptions, address(options)); err != nil {
		return nil, err
	}
	defer s.ort.release(releaseRunOptions, *options)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		s.ort.call(setTerminate, *options) // it cannot fail
	})
	failed := s.ort.call(runSession, s.handle, *options, address(&names[0]), address(&values[0]), uintptr(len(values)),
		address(&outputName[0]), 1, address(output))
	if !stop() {
		<-stopped // it still uses the options
	}
	defer s.ort.release(releaseValue, *output)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if failed != nil {
		return nil, failed
	}
	return s.samples(&pin, *output)
}

// samples copies a tensor of floats.
func (s *session) samples(pin *runtime.Pinner, tensor uintptr) ([]float32, error) {
	shape, count, data := new(uintptr), new(uintptr), new(uintptr)
	for _, p := range []*uintptr{shape, count, data} {
		pin.Pin(p)
	}
	if err := s.ort.call(getTensorTypeAndShape, tensor, address(shape)); err != nil {
		return nil, err
	}
	defer s.ort.release(releaseTensorTypeAndShape, *shape)
	if err := s.ort.call(getShapeElementCount, *shape, address(count)); err != nil {
		return nil, err
	}
	if *count > maxSamples {
		return nil, fmt.Errorf("piper: the voice made %d samples, want at most %d", *count, maxSamples)
	}
	if err := s.ort.call(getTensorData, tensor, address(data)); err != nil {
		return nil, err
	}
	out := make([]float32, *count)
	copy(out, unsafe.Slice((*float32)(foreign(*data)), *count))
	return out, nil
}
