package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hark/engine"
)

// TestPlacesAreQueuedFor has callers wait for the only place: those who speak
// come first, in the order they came.
func TestPlacesAreQueuedFor(t *testing.T) {
	bubble(t, &engine.Options{MaxSequences: 1, MaxWaiting: 4}, func(t *testing.T, e *engine.Engine) {
		first, err := e.OpenWait(t.Context(), engine.Batch)
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		done := make(chan struct{})
		for i, class := range []engine.Class{engine.Speculative, engine.Batch, engine.Speaking, engine.Speaking} {
			go func() {
				s, err := e.OpenWait(t.Context(), class)
				if err != nil {
					t.Error(err)
				} else {
					order = append(order, i) // one at a time: there is one place
					s.Close()
				}
				done <- struct{}{}
			}()
			synctest.Wait()
		}
		if st := e.Stats(); st.Sequences != 1 || st.Waiting != 4 || !e.Loaded() {
			t.Errorf("%d sequences, %d waiting, loaded %v; want 1, 4, true", st.Sequences, st.Waiting, e.Loaded())
		}
		if _, err := e.OpenWait(t.Context(), engine.Speaking); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("one more than may wait: %v, want ErrBusy", err)
		}
		if _, err := e.Open(); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("Open passed those who wait: %v, want ErrBusy", err)
		}
		first.Close()
		for range 4 {
			<-done
		}
		if want := []int{2, 3, 1, 0}; !slices.Equal(order, want) {
			t.Errorf("places went to %v, want %v", order, want)
		}
		synctest.Wait()
		if st := e.Stats(); st.Sequences != 0 || st.Waiting != 0 || e.Loaded() {
			t.Errorf("%d sequences, %d waiting, loaded %v in the end", st.Sequences, st.Waiting, e.Loaded())
		}
	})
}

func TestWaitingEndsWithItsContextOrTheEngine(t *testing.T) {
	bubble(t, &engine.Options{MaxSequences: 1}, func(t *testing.T, e *engine.Engine) {
		s := sequence(t, e)
		late, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := e.OpenWait(late, engine.Speaking)
		if !errors.Is(err, engine.ErrOverload) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after the deadline: %v, want ErrOverload with the context's error", err)
		}
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("waited %v, want 3 s", d)
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := e.OpenWait(ctx, engine.Batch); !errors.Is(err, context.Canceled) || errors.Is(err, engine.ErrOverload) {
			t.Errorf("cancelled: %v, want Canceled alone", err)
		}
		if n := e.Stats().Waiting; n != 0 {
			t.Errorf("%d still wait", n)
		}
		if err := s.Append([]engine.Part{engine.Tokens{3}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Fork(); !errors.Is(err, engine.ErrBusy) {
			t.Errorf("fork without a place: %v, want ErrBusy", err)
		}
		if _, err := e.OpenWait(t.Context(), 7); err == nil {
			t.Error("a class that there is not was taken")
		}
		ended := make(chan error)
		go func() {
			_, err := e.OpenWait(t.Context(), engine.Speaking)
			ended <- err
		}()
		synctest.Wait()
		go e.Close()
		if err := <-ended; !errors.Is(err, engine.ErrClosed) {
			t.Errorf("the engine closed: %v, want ErrClosed", err)
		}
	})
}
