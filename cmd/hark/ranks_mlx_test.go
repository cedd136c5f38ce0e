//go:build mlx

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hark/engine/backend/backendtest"
)

// TestTwoRanksAnswerAsOne runs two processes that divide the embedded model by
// MLX's ring on loopback.
func TestTwoRanksAnswerAsOne(t *testing.T) {
	dir := t.TempDir()
	hark := filepath.Join(dir, "hark")
	if out, err := exec.Command("go", "build", "-o", hark, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(dir, "hosts.json")
	text := fmt.Sprintf(`{"hosts": [{"ring": %q}, {"ring": %q, "control": %q}]}`, free(t), free(t), free(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	const samples = "../../testdata/samples/"
	for _, question := range [][]string{
		{"-p", "How do you say hello in Italian?"},
		{"-p", "", "--audio", samples + "question-0.wav"},
		{"-p", "What do you see?", "--image", samples + "picture-2.png"},
	} {
		mlx := []string{"--backend", "mlx", "--mlx-lib", backendtest.Library()}
		ask := append(append([]string{"chat", "--greedy"}, question...), mlx...)
		one := run(t, hark, ask...)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		var said bytes.Buffer
		follower := exec.CommandContext(ctx, hark, append([]string{"rank", "1", "--ranks", file}, mlx...)...)
		follower.Stderr = &said
		if err := follower.Start(); err != nil {
			t.Fatal(err)
		}
		two := run(t, hark, append(ask, "--ranks", file)...)
		if err := follower.Wait(); err != nil {
			t.Errorf("rank 1: %v\n%s", err, said.Bytes())
		}
		stop()
		if two != one {
			t.Errorf("%v: two ranks say %q, one %q", question, two, one)
		}
		t.Logf("%v: %s", question, one)
	}
}

// run returns what a command prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var failed bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, failed.Bytes())
	}
	return string(out)
}

// free returns an address on loopback that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
