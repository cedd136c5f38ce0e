package cpu

import (
	"testing"

	"hark/engine/tensor/tensortest"
)

func TestBackendKeepsTheContract(t *testing.T) {
	b := New(&Options{Threads: 2})
	defer b.Close()
	tensortest.Run(t, b)
}
