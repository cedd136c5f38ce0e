package main

import "context"

// heed returns what load does, or ctx's error as soon as ctx ends: loading a
// model, and waiting for other ranks, cannot be stopped. What comes of it later
// is freed, if the process is there that long.
func heed[T any](ctx context.Context, load func() (T, error), free func(T)) (T, error) {
	type outcome struct {
		made T
		err  error
	}
	var none T
	out := make(chan outcome) // nobody takes it once ctx has ended
	go func() {
		made, err := load()
		select {
		case out <- outcome{made, err}:
		case <-ctx.Done():
			if err == nil {
				free(made)
			}
		}
	}()
	select {
	case o := <-out:
		return o.made, o.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}
