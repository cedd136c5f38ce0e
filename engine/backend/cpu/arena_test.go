package cpu

import "testing"

func TestClassHoldsWhatIsAskedFor(t *testing.T) {
	sizes := map[int]int{}
	for n := 1; n < 100000; n++ {
		index, size := class(n)
		if size < n || n > minClass && size > n+n/4 {
			t.Fatalf("class of %d values holds %d", n, size)
		}
		if before, ok := sizes[index]; ok && before != size {
			t.Fatalf("class %d holds %d and %d values", index, before, size)
		}
		sizes[index] = size
		if again, _ := class(size); again != index {
			t.Fatalf("a buffer of %d values is of class %d, was of %d", size, again, index)
		}
	}
	if index, size := class(1 << 40); index >= classes || size < 1<<40 {
		t.Errorf("class of 2^40 values is %d of %d, of size %d", index, classes, size)
	}
}

func TestArenaUsesMemoryAgain(t *testing.T) {
	var m arena
	a := m.alloc(10, 10)
	first := &a.data[0]
	m.endStep()
	if b := m.alloc(99); &b.data[0] != first || b != a {
		t.Error("the next step got new memory or a new handle")
	}
}

func TestViewsHoldTheirMemory(t *testing.T) {
	var m arena
	a := m.alloc(100)
	view := m.view(a.buf, a.data[50:], 50)
	view.kept = true
	m.endStep()
	if b := m.alloc(100); &b.data[0] == &view.data[:1][0] || b.buf == view.buf {
		t.Error("memory was given out again while a kept view holds it")
	}
	m.release(view)
	m.endStep()
	index, _ := class(100)
	if n := len(m.free[index]); n != 2 {
		t.Errorf("%d free buffers, want 2", n)
	}
}

func TestFreeWithinTheStepGivesMemoryBack(t *testing.T) {
	var m arena
	a := m.alloc(100)
	first := &a.data[0]
	m.release(a)
	m.release(a)
	b := m.alloc(100)
	if &b.data[0] != first {
		t.Error("freed memory was not used again")
	}
	if a == b {
		t.Error("a handle was used again within its step")
	}
	m.endStep()
	if len(m.handles) != 2 {
		t.Errorf("%d free handles, want 2", len(m.handles))
	}
}

func TestTrimDropsWhatLayUnused(t *testing.T) {
	var m arena
	m.alloc(100)
	m.alloc(5000)
	m.endStep()
	for range 2 * idleSteps {
		m.alloc(100)
		m.endStep()
	}
	small, _ := class(100)
	large, _ := class(5000)
	if len(m.free[small]) != 1 || len(m.free[large]) != 0 {
		t.Errorf("%d small and %d large buffers are free, want 1 and 0", len(m.free[small]), len(m.free[large]))
	}
}
