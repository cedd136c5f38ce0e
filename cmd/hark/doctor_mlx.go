package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"hark/engine/backend/mlx"
	"hark/engine/backend/mlx/mlxc"
)

// mlxFinding opens MLX and asks the embedded model on it. That there is none is
// no failure.
func mlxFinding(ctx context.Context, library string) finding {
	f := finding{Name: "mlx", Status: info, Path: library}
	start := time.Now()
	b, err := mlx.New(&mlx.Options{Library: library})
	if err != nil {
		f.Detail = mlxAdvice(err)
		return f
	}
	device := b.Device()
	got, err := askDemo(ctx, b)
	f.Seconds = time.Since(start).Seconds()
	switch {
	case err != nil:
		f.Status, f.Detail = fail, fmt.Sprintf("%s: %v", device, err)
	case got.Answer != answer:
		f.Status, f.Detail = fail, fmt.Sprintf("%s: asked %q, it says %q, want %q", device, question, got.Answer, answer)
	default:
		f.Status = pass
		f.Detail = fmt.Sprintf("%s: says %q; first token after %.0f ms, then %.0f tokens a second", device, got.Answer, got.FirstTokenMs, got.TokensASecond)
	}
	return f
}

// mlxAdvice says why MLX does not start and what helps.
func mlxAdvice(err error) string {
	switch mac := runtime.GOOS == "darwin" && runtime.GOARCH == "arm64"; {
	case !mlxc.Available:
		return "this build opens no libraries; the processor computes"
	case errors.Is(err, mlxc.ErrMissing) && mac:
		return "not found: \"brew install mlx-c\" lets Metal compute; until then the processor does"
	case errors.Is(err, mlxc.ErrMissing):
		return "not found; the processor computes (an NVIDIA device: docs/cuda.md, a Mac: docs/metal.md)"
	case errors.Is(err, mlxc.ErrVersion) && mac:
		return fmt.Sprintf("%v: \"brew upgrade mlx-c\" may help, or a newer hark", err)
	}
	return err.Error()
}
