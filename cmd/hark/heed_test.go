package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// TestWhoLoadsHeedsItsContext: what is interrupted returns at once, and frees
// what it would have been.
func TestWhoLoadsHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		begun, ready, freed := make(chan struct{}), make(chan struct{}), make(chan int, 1)
		go func() {
			<-begun
			interrupt()
		}()
		_, err := heed(ctx, func() (int, error) {
			close(begun)
			<-ready
			return 7, nil
		}, func(n int) { freed <- n })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
		close(ready)
		if n := <-freed; n != 7 {
			t.Errorf("%d was freed", n)
		}
	})
}

// TestWhatWasLoadedIsHandedOver, and an error as it is.
func TestWhatWasLoadedIsHandedOver(t *testing.T) {
	free := func(int) { t.Error("it was freed") }
	if n, err := heed(t.Context(), func() (int, error) { return 7, nil }, free); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	failed := errors.New("no such model")
	if _, err := heed(t.Context(), func() (int, error) { return 0, failed }, free); err != failed {
		t.Errorf("%v, want %v", err, failed)
	}
}

// TestAModelHeedsItsContext: an interrupted command opens none.
func TestAModelHeedsItsContext(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	f := modelFlags{backendFlags: backendFlags{Backend: "cpu"}, Threads: 1}
	e, done, err := f.open(ctx, nil)
	if err == nil { // it was quicker
		if done(); e == nil {
			t.Error("no engine and no error")
		}
	} else if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}
