package ranks

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"hark/internal/leak"
)

// agreed returns two ranks that have agreed, which miss each other early, and
// what connects them. Who leads tells lost once the other is gone.
func agreed(t *testing.T, lost func(error)) (leader, follower *Backend, near, far net.Conn) {
	t.Helper()
	leader, follower = single(t, 0), single(t, 1)
	for _, b := range []*Backend{leader, follower} {
		b.pulse, b.quiet = time.Millisecond, 300*time.Millisecond
	}
	near, far = agree(t, leader, follower, lost)
	return leader, follower, near, far
}

// TestASilentFollowerIsLost: one that has spoken and does not hang up, as a
// process that was stopped.
func TestASilentFollowerIsLost(t *testing.T) {
	leak.Check(t)
	told := make(chan error, 1)
	leader, _, _, far := agreed(t, func(err error) { told <- err })
	defer far.Close()
	if _, err := far.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if err := <-told; !errors.Is(err, ErrLost) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the driver was told %v, want ErrLost for its silence", err)
	}
	if err := leader.Close(); err != nil {
		t.Error(err)
	}
}

// TestASilentLeaderIsLost is the same the other way around.
func TestASilentLeaderIsLost(t *testing.T) {
	leak.Check(t)
	follower := single(t, 1)
	follower.pulse, follower.quiet = time.Millisecond, 300*time.Millisecond
	near, far := pipe(t)
	defer near.Close()
	if _, err := near.Write([]byte{byte(opPulse)}); err != nil {
		t.Fatal(err)
	}
	told := make(chan error, 1)
	err := follower.Follow(t.Context(), far, func(err error) { told <- err })
	if err := <-told; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the follower was told %v, want its silence", err)
	}
	if err == nil {
		t.Error("Follow ended without an error")
	}
}

// TestRanksWithNothingToDoStayTogether: they are quiet for longer than silence
// may last, but for their pulses.
func TestRanksWithNothingToDoStayTogether(t *testing.T) {
	leak.Check(t)
	leader, follower, _, far := agreed(t, func(err error) { t.Errorf("lost: %v", err) })
	heard := &counted{Conn: far, enough: make(chan struct{})}
	ended := make(chan error)
	go func() {
		ended <- follower.Follow(t.Context(), heard, func(err error) {
			if !errors.Is(err, io.EOF) {
				t.Errorf("the follower was told %v", err)
			}
		})
	}()
	<-heard.enough
	if err := leader.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Follow = %v behind an orderly end", err)
	}
}

// counted is a connection that has read enough once twice silence has passed.
type counted struct {
	net.Conn
	began  time.Time
	over   bool
	enough chan struct{}
}

func (c *counted) Read(p []byte) (int, error) {
	if c.began.IsZero() {
		c.began = time.Now()
	}
	if !c.over && time.Since(c.began) > 600*time.Millisecond {
		c.over = true
		close(c.enough)
	}
	return c.Conn.Read(p)
}
