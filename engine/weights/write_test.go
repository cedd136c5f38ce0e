package weights

import (
	"bytes"
	"io"
	"testing"
)

func TestWriteReadsBack(t *testing.T) {
	var b bytes.Buffer
	write := func(p []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(p); return err }
	}
	err := Write(&b, map[string]string{"format": "pt"}, []Tensor{
		{Name: "z", DType: "U8", Shape: []int{3}, Bytes: 3, Data: write([]byte{7, 8, 9})},
		{Name: "a", DType: "F32", Shape: []int{1, 2}, Bytes: 8, Data: write([]byte{0, 0, 128, 63, 0, 0, 0, 64})},
		{Name: "scalar", DType: "F32", Bytes: 4, Data: write(make([]byte, 4))},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Memory("test", map[string][]byte{"model.safetensors": b.Bytes()}))
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoader(c, nil)
	if got := l.Floats("a", 1, 2); got[0] != 1 || got[1] != 2 {
		t.Errorf("a = %v, want 1 2", got)
	}
	if e, _ := c.Entry("z"); !bytes.Equal(e.Data, []byte{7, 8, 9}) {
		t.Errorf("z = %v, want 7 8 9", e.Data)
	}
	err = Write(io.Discard, nil, []Tensor{{Name: "short", DType: "U8", Shape: []int{3}, Bytes: 3, Data: write([]byte{1})}})
	if err == nil {
		t.Error("a tensor that was written short went unnoticed")
	}
}
