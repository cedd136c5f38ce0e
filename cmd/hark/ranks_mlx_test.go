//go:build mlx

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestRanksEndWhenOneIsLost: who is left ends with an error that says so, and
// does not wait in an exchange for ever.
func TestRanksEndWhenOneIsLost(t *testing.T) {
	dir := t.TempDir()
	hark := filepath.Join(dir, "hark")
	if out, err := exec.Command("go", "build", "-o", hark, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for lost, want := range []string{"the leader is gone", "a follower is gone"} {
		file := filepath.Join(dir, fmt.Sprint(lost))
		text := fmt.Sprintf(`{"hosts": [{"ring": %q}, {"ring": %q, "control": %q}]}`, free(t), free(t), free(t))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		flags := []string{"--ranks", file, "--backend", "mlx", "--mlx-lib", backendtest.Library()}
		ranks := []*exec.Cmd{
			exec.CommandContext(ctx, hark, append([]string{"serve", "--addr", free(t), "--voice", "none", "--webrtc-port=-1"}, flags...)...),
			exec.CommandContext(ctx, hark, append([]string{"rank", "1"}, flags...)...),
		}
		var said [2]bytes.Buffer
		out, err := ranks[0].StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		for i, rank := range ranks {
			rank.Stderr = &said[i]
			if err := rank.Start(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := bufio.NewReader(out).ReadString('\n') // it listens, with its model
		if err != nil {
			t.Fatalf("%v\n%s%s", err, said[0].Bytes(), said[1].Bytes())
		}
		address := strings.Fields(strings.TrimPrefix(line, "hark listens on "))[0]
		question := `{"model": "hark", "messages": [{"role": "user", "content": "` + strings.Repeat("What does the sheep say? ", 600) + `"}]}`
		request, err := http.NewRequestWithContext(ctx, "POST", address+"/v1/chat/completions", strings.NewReader(question))
		if err != nil {
			t.Fatal(err)
		}
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			if answer, err := http.DefaultClient.Do(request); err == nil {
				answer.Body.Close()
			}
		}()
		time.AfterFunc(300*time.Millisecond, func() { ranks[lost].Process.Kill() }) // while it reads
		err = ranks[1-lost].Wait()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != exitFailure || !strings.Contains(said[1-lost].String(), want) {
			t.Errorf("rank %d ended with %v and said\n%s\nwant %q", 1-lost, err, said[1-lost].Bytes(), want)
		}
		ranks[lost].Wait()
		<-asked
		stop()
	}
}

// TestARankThatWaitsHeedsItsFirstSignal: while the other ranks are not there,
// MLX waits and cannot be stopped.
func TestARankThatWaitsHeedsItsFirstSignal(t *testing.T) {
	dir := t.TempDir()
	hark, file := filepath.Join(dir, "hark"), filepath.Join(dir, "hosts.json")
	if out, err := exec.Command("go", "build", "-o", hark, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := fmt.Sprintf(`{"hosts": [{"ring": %q}, {"ring": %q, "control": %q}]}`, free(t), free(t), free(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	rank := exec.CommandContext(ctx, hark, "rank", "1", "--ranks", file, "--backend", "mlx", "--mlx-lib", backendtest.Library())
	said, err := rank.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := rank.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for lines.Scan() && !strings.Contains(lines.Text(), "waiting for the other ranks") {
	}
	if err := rank.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := rank.Wait(); err != nil {
		t.Errorf("it ended with %v, want none", err)
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
