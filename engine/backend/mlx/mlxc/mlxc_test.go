//go:build mlx

package mlxc

import (
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

var library = flag.String("mlx-lib", built(), "file of mlx-c; without it what tools/mlx/make.sh makes, or else what the usual places have")

// built returns what tools/mlx/make.sh makes, "" if it is not there.
func built() string {
	const path = "../../../../.cache/mlx/site/mlx/lib/libmlxc.so"
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func open(t testing.TB) *Calls {
	t.Helper()
	l, err := Open(*library)
	if err != nil {
		t.Fatalf("tools/mlx/make.sh first: %v", err)
	}
	c := l.NewCalls()
	if err := c.Use(CPU); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// values evaluates a float32 array.
func values(t testing.TB, c *Calls, a Array, n int) []float32 {
	t.Helper()
	if a == 0 {
		t.Fatal(c.Err())
	}
	if err := c.Eval([]Array{a}); err != nil {
		t.Fatal(err)
	}
	return c.Floats(a, n)
}

// TestCallsPassEveryKindOfArgument calls functions with floats between
// integers, optional numbers, strings, and more integers than registers.
func TestCallsPassEveryKindOfArgument(t *testing.T) {
	c := open(t)
	x := New(c, []float32{3, 4, 0, 0}, Float32, 1, 4)
	y := c.RMSNorm(x, 0, 0.25) // 3/sqrt(25/4+0.25)
	if got, want := values(t, c, y, 4)[0], float32(3/math.Sqrt(6.5)); math.Abs(float64(got-want)) > 1e-6 {
		t.Errorf("RMSNorm = %v, want %v", got, want)
	}
	s := c.Slice(x, []int{0, 1}, []int{1, 3})
	if got := values(t, c, s, 2); got[0] != 4 || got[1] != 0 {
		t.Errorf("Slice = %v, want 4 0", got)
	}
	data := make([]uint32, 4)
	data[0] = 0x87654321
	w := &Quantized{
		Data: New(c, data, Uint32, 1, 4), Scales: New(c, []float32{2}, Float32, 1, 1), Biases: New(c, []float32{-1}, Float32, 1, 1),
		Mode: Affine, Bits: 4, Group: 32,
	}
	row := make([]float32, 32)
	row[1], row[2] = 1, 10
	xq := New(c, row, Float32, 1, 32)
	if got := values(t, c, c.QuantizedMatmul(xq, w), 1)[0]; got != 3+50 {
		t.Errorf("QuantizedMatmul = %v, want 53", got)
	}
	if got := values(t, c, c.Dequantize(w, Float32), 32); got[0] != 1 || got[7] != 15 || got[8] != -1 {
		t.Errorf("Dequantize = %v", got)
	}
	picture := New(c, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, Float32, 1, 3, 3, 1)
	kernel := New(c, []float32{1, 0, 0, 0, 0, 0, 0, 0, 1}, Float32, 1, 3, 3, 1)
	if got := values(t, c, c.Conv2d(picture, kernel, [2]int{2, 2}, [2]int{0, 1}), 2); got[0] != 8 || got[1] != 2 {
		t.Errorf("Conv2d = %v, want 8 2", got)
	}
	if c.Err() != nil {
		t.Error(c.Err())
	}
}

// TestErrorsComeBack: what MLX refuses is an error with its reason, and the
// process goes on.
func TestErrorsComeBack(t *testing.T) {
	c := open(t)
	a, b := New(c, []float32{1, 2}, Float32, 2), New(c, []float32{1, 2, 3}, Float32, 3)
	if sum := c.Add(a, b); sum != 0 {
		t.Error("shapes that do not fit were added")
	}
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "broadcast") {
		t.Errorf("Err = %v, want that shapes cannot be broadcast", err)
	}
	if c.Err() != nil {
		t.Error("the error stayed")
	}
	if got := values(t, c, c.Add(a, a), 2); got[1] != 4 {
		t.Errorf("after the error: %v, want 2 4", got)
	}
}

// TestCompiledClosure applies a closure to several shapes.
func TestCompiledClosure(t *testing.T) {
	c := open(t)
	c.Fuse(false)
	f, err := c.Compile(func(c *Calls, in []Array) []Array {
		double := c.Add(in[0], in[0])
		defer c.Free(double)
		return []Array{c.Multiply(double, in[1])}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.FreeClosure(f)
	for _, n := range []int{1, 5, 3} {
		x := make([]float32, n)
		x[n-1] = 3
		a, b := New(c, x, Float32, n), New(c, x, Float32, n)
		if got := values(t, c, c.Apply(f, a, b), n)[n-1]; got != 18 {
			t.Errorf("%v, want 18", got)
		}
	}
}

// TestOpenSaysWhatIsWrong opens what is not there, not a library, and another
// library.
func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "gone.so")); !errors.Is(err, ErrMissing) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Open(text); err == nil || !strings.Contains(err.Error(), "text.so") {
		t.Errorf("a text: %v", err)
	}
	another := map[string]string{"linux": "libm.so.6", "darwin": "libSystem.B.dylib"}[runtime.GOOS]
	if _, err := Open(another); !errors.Is(err, ErrVersion) {
		t.Errorf("another library: %v", err)
	}
	for version, ok := range map[string]bool{"0.32.2": true, "0.32.9": true, "0.31.1": false, "0.33.0": false, "": false} {
		if err := fits(version); (err == nil) != ok {
			t.Errorf("version %q: %v", version, err)
		}
	}
}

// TestCallsAllocateNothing: an operation is recorded and freed without memory
// of Go.
func TestCallsAllocateNothing(t *testing.T) {
	c := open(t)
	a := New(c, []float32{1, 2}, Float32, 1, 2)
	if n := testing.AllocsPerRun(1000, func() {
		c.Free(c.Add(a, a))
		c.Free(c.RMSNorm(a, 0, 1e-6))
		c.Free(c.Reshape(a, 2, 1))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	c := open(b)
	x := New(c, []float32{1, 2}, Float32, 1, 2)
	for b.Loop() {
		c.Free(c.Add(x, x))
	}
}

func BenchmarkRMSNorm(b *testing.B) {
	c := open(b)
	x := New(c, []float32{1, 2}, Float32, 1, 2)
	for b.Loop() {
		c.Free(c.RMSNorm(x, 0, 1e-6))
	}
}

// BenchmarkCall is a call that does next to nothing.
func BenchmarkCall(b *testing.B) {
	c := open(b)
	x := New(c, []float32{1, 2}, Float32, 1, 2)
	for b.Loop() {
		c.call(fnArrayNdim, uintptr(x))
	}
}
