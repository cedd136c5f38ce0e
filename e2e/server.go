package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Build builds the hark binary of the module at root into folder and returns
// its path.
func Build(root, folder string) (string, error) {
	binary, err := filepath.Abs(filepath.Join(folder, "hark"))
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "./cmd/hark")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("e2e: go build ./cmd/hark: %w\n%s", err, out)
	}
	return binary, nil
}

// Server is one running "hark serve".
type Server struct {
	Address string // of the page: http://127.0.0.1:PORT/
	log     *os.File
	command *exec.Cmd
}

// StartServer runs "hark serve" with the embedded model on a free loopback
// port, or on the port of addr if that is given, and waits until it is
// healthy. What the server logs goes to a file in folder; flags are more of
// its flags.
func StartServer(ctx context.Context, binary, folder, addr string, flags ...string) (*Server, error) {
	if addr == "" {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	log, err := os.CreateTemp(folder, "serve-*.log")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: "http://" + addr + "/", log: log}
	s.command = exec.Command(binary, append([]string{"serve", "--addr", addr}, flags...)...)
	s.command.Stdout, s.command.Stderr = log, log
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("e2e: %w", err)
	}
	if err := s.waitHealthy(ctx, 30*time.Second); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends the server in order and returns an error if it did not go well.
func (s *Server) Stop() error {
	defer s.log.Close()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("e2e: stop: %w", err)
	}
	kill := time.AfterFunc(10*time.Second, func() { _ = s.command.Process.Kill() })
	defer kill.Stop()
	if err := s.command.Wait(); err != nil {
		return fmt.Errorf("e2e: hark serve: %w\n%s", err, s.Log())
	}
	return nil
}

// Pause stops the process where it is, as a machine that went to sleep.
func (s *Server) Pause() error { return s.command.Process.Signal(syscall.SIGSTOP) }

// Resume lets it go on.
func (s *Server) Resume() error { return s.command.Process.Signal(syscall.SIGCONT) }

// Kill ends the server as a power cut does.
func (s *Server) Kill() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait() // the error says that it was killed
	s.log.Close()
}

// Log returns what the server wrote.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// waitHealthy waits until /ready answers.
func (s *Server) waitHealthy(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if healthy(ctx, s.Address) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("e2e: hark serve was not ready after %v: %s", limit, strings.TrimSpace(s.Log()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// healthy asks once.
func healthy(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"ready", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	return answer.StatusCode == http.StatusOK
}

// freePort returns a TCP port that was free a moment ago.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("e2e: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	return port, listener.Close()
}
