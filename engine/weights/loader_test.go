package weights

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"hark/engine/tensor"
)

func config(t *testing.T, text string) *Quantization {
	t.Helper()
	q, err := ParseQuantization([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestLoadReportsAll(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{
		"norm.weight": blank("F32", 4),
		"bent.weight": blank("F32", 5),
		"left.weight": blank("BF16", 2, 2),
		"proj.weight": blank("BF16", 2, 64),
		"ints.weight": blank("I32", 4),
		"fine.weight": blank("BF16", 3, 4),
		"spare.bias":  blank("F32", 1),
	}
	quantized(tensors, "packed", "BF16", Scheme{tensor.Affine, 8, 64}, 2, 64)
	l := NewLoader(open(t, tensors), config(t, `{"quantization":{"group_size":64,"bits":4,"proj":{"bits":8,"group_size":64}}}`))
	l.Ignore(func(name string) bool { return strings.HasPrefix(name, "spare.") })
	if got := l.Floats("norm.weight", 4); len(got) != 4 {
		t.Errorf("Floats = %v, want 4 values", got)
	}
	if got := l.Floats("bent.weight", 4); len(got) != 4 {
		t.Errorf("Floats of a misshapen tensor = %v, want 4 zeros", got)
	}
	l.Floats("ints.weight", 4)
	l.Floats("gone.weight", 7)
	for _, name := range []string{"gone", "proj", "packed"} {
		if got := l.Matrix(name, 2, 64); got.Shape != nil {
			t.Errorf("Matrix(%s) = %v, want the zero Stored", name, got)
		}
	}
	if got := l.Matrix("fine", 3, 4); !slices.Equal(got.Shape, []int{3, 4}) || got.Format != tensor.BF16 {
		t.Errorf("Matrix(fine) = %+v", got)
	}
	err := l.Err()
	var all *LoadError
	if !errors.As(err, &all) {
		t.Fatalf("Err = %v, want a LoadError", err)
	}
	if want := []string{"gone.weight"}; !slices.Equal(all.Missing, want) {
		t.Errorf("Missing = %v, want %v", all.Missing, want)
	}
	if want := []string{"left.weight"}; !slices.Equal(all.Unused, want) {
		t.Errorf("Unused = %v, want %v", all.Unused, want)
	}
	if want := []ShapeMismatch{{singleFile, "bent.weight", "F32", []int{5}, []int{4}}}; !reflect.DeepEqual(all.Shapes, want) {
		t.Errorf("Shapes = %v, want %v", all.Shapes, want)
	}
	if len(all.Other) != 3 {
		t.Errorf("Other = %q, want 3 lines", all.Other)
	}
	text := err.Error()
	for _, want := range []string{
		"test: 1 missing, 1 misshapen, 1 unused, 3 contradictory",
		"model.safetensors: bent.weight: F32 [5], want [4]",
		"left.weight: BF16 [2 2], not called for",
		"gone.weight: missing, want",
		"ints.weight: dtype I32, want floats",
		"proj.weight: BF16 without scales, config says affine, 8 bits, group 64",
		"packed.weight: config says affine, 4 bits, group 64; [2 16] codes and [2 1] scales of a matrix [2 64] say affine, 8 bits, group 64",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("error lacks %q:\n%s", want, text)
		}
	}
}

func TestLoadOfAllThatIsThereSucceeds(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{"a.weight": blank("F16", 2, 3), "s": floats([]float32{2.5})}
	l := NewLoader(open(t, tensors), nil)
	if a := l.Matrix("a.weight", 2, 3); a.Format != tensor.F16 || a.Name != "a.weight" || a.Group != 0 || len(a.Data) != 12 {
		t.Errorf("Matrix = %+v", a)
	}
	if got := l.Floats("s", 1); len(got) != 1 || got[0] != 2.5 {
		t.Errorf("Floats of a scalar as [1] = %v", got)
	}
	if got := l.Floats("s"); len(got) != 1 || got[0] != 2.5 {
		t.Errorf("Floats of a scalar = %v", got)
	}
	if err := l.Err(); err != nil {
		t.Errorf("Err = %v", err)
	}
}

func TestRenamedTensorsAreKnownByTheirNewNames(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{
		"model.a.weight": blank("F32", 2, 2), "a.weight": blank("F32", 2, 2), "model.dead": blank("F32", 1),
		"model.b.weight": blank("F32", 2, 2),
	}
	l := NewLoader(open(t, tensors), nil)
	l.Rename(func(name string) string {
		if name == "model.dead" {
			return ""
		}
		return strings.TrimPrefix(name, "model.")
	})
	if !l.Has("b") || !l.Has("b.weight") || l.Has("model.b.weight") || l.Has("dead") {
		t.Error("Has does not go by the new names")
	}
	if shape, ok := l.Shape("b"); !ok || !slices.Equal(shape, []int{2, 2}) {
		t.Errorf("Shape = %v, %v", shape, ok)
	}
	l.Matrix("a", 2, 2)
	l.Matrix("b", 2, 2)
	var all *LoadError
	if !errors.As(l.Err(), &all) || len(all.Other) != 1 || !strings.Contains(all.Other[0], "the same tensor as") {
		t.Errorf("Err = %v, want the two tensors named a", l.Err())
	}
}

func TestSplitRowsGivesTheRows(t *testing.T) {
	t.Parallel()
	tensors := map[string]made{"dense": numbered("BF16", 3, 4, 5), "flat": numbered("F32", 4, 2)}
	quantized(tensors, "packed", "F16", Scheme{tensor.Affine, 4, 32}, 2, 6, 64)
	l := NewLoader(open(t, tensors), config(t, `{"quantization":{"group_size":32,"bits":4}}`))
	for _, c := range []struct {
		name  string
		at    int
		shape []int
	}{{"dense", 1, []int{3, 4, 5}}, {"flat", 3, []int{4, 2}}, {"packed", 2, []int{2, 6, 64}}, {"packed", 6, []int{2, 6, 64}}} {
		s := l.Matrix(c.name, c.shape...)
		a, b := SplitRows(s, c.at)
		axis := len(c.shape) - 2
		out := c.shape[axis]
		if a.Shape[axis] != c.at || b.Shape[axis] != out-c.at || s.Shape[axis] != out {
			t.Errorf("%s at %d: shapes %v, %v", c.name, c.at, a.Shape, b.Shape)
		}
		stack := size(c.shape[:axis])
		for part, p := range [][3][]byte{{s.Data, a.Data, b.Data}, {s.Scales, a.Scales, b.Scales}, {s.Biases, a.Biases, b.Biases}} {
			var got []byte
			for i := range stack {
				for _, half := range p[1:] {
					n := len(half) / stack
					got = append(got, half[i*n:(i+1)*n]...)
				}
			}
			if string(got) != string(p[0]) {
				t.Errorf("%s at %d: part %d is not the whole again", c.name, c.at, part)
			}
		}
	}
	if a, b := SplitRows(tensor.Stored{}, 3); a.Shape != nil || b.Shape != nil {
		t.Error("SplitRows of the zero Stored is not zero")
	}
	if err := l.Err(); err != nil {
		t.Error(err)
	}
}
