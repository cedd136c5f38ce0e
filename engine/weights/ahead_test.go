package weights

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"hark/engine/tensor"
)

// TestMatricesAreReadAhead loads a checkpoint, all of which the system then has
// in memory, and closes while it may still be read.
func TestMatricesAreReadAhead(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, singleFile), file(map[string]made{
		"a.weight": numbered("BF16", 64, 1024), "b.weight": numbered("F32", 64, 1024),
	}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wait := range []bool{true, false} {
		src, err := Dir(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Open(src)
		if err != nil {
			t.Fatal(err)
		}
		l := NewLoader(c, nil)
		var held []tensor.Stored
		for _, name := range c.Names() {
			held = append(held, l.Matrix(name, 64, 1024))
		}
		if err := l.Err(); err != nil {
			t.Fatal(err)
		}
		if wait {
			src.(*dir).ahead.reading.Wait()
			for i, m := range held {
				if !bytes.Equal(m.Data, c.entries[c.Names()[i]].Data) {
					t.Errorf("matrix %d changed", i)
				}
			}
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTablesAreReadLast(t *testing.T) {
	small, table := make([]byte, 10), make([]byte, tableBytes)
	var order []int
	for _, d := range inOrder([][]byte{table, small[:3], small[:5], table, small[:1]}) {
		order = append(order, len(d))
	}
	for i, want := range []int{3, 5, 1, tableBytes, tableBytes} {
		if order[i] != want {
			t.Fatalf("order %v", order)
		}
	}
}
