package ranks

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"hark/engine/backend/cpu"
	"hark/engine/tensor"
	"hark/internal/leak"
)

// pair returns two ranks of one thread that have agreed, and what connects
// them. Exchanges of both wait until gone is closed.
func pair(t *testing.T, gone chan struct{}, lost func(error)) (leader, follower *Backend, near, far net.Conn) {
	t.Helper()
	boxes := [][]chan part{{nil, make(chan part, 9)}, {make(chan part, 9), nil}}
	rank := func(n int) *Backend {
		device := cpu.New(&cpu.Options{Threads: 1})
		b := New(device, &ring{rank: n, b: device, boxes: boxes, gone: gone})
		b.whole = 0
		return b
	}
	leader, follower = rank(0), rank(1)
	near, far = agree(t, leader, follower, lost)
	return leader, follower, near, far
}

// agree connects two ranks and has them agree.
func agree(t *testing.T, leader, follower *Backend, lost func(error)) (near, far net.Conn) {
	t.Helper()
	near, far = pipe(t)
	joined := make(chan error)
	go func() { joined <- follower.Join(t.Context(), far, [32]byte{}) }()
	if err := leader.Lead(t.Context(), []net.Conn{near}, [32]byte{}, lost); err != nil {
		t.Fatal(err)
	}
	if err := <-joined; err != nil {
		t.Fatal(err)
	}
	return near, far
}

// matrix is a stored matrix of two values.
func matrix(values ...byte) tensor.Stored {
	return tensor.Stored{Name: "w", Shape: []int{2, 1}, Format: tensor.F32, Data: append(values, make([]byte, 8-len(values))...)}
}

// TestALostFollowerIsAnError: what needs the others fails, nothing hangs, and
// who drives the leader is told.
func TestALostFollowerIsAnError(t *testing.T) {
	leak.Check(t)
	gone, told := make(chan struct{}), make(chan error, 1)
	b, other, _, far := pair(t, gone, func(err error) { told <- err })
	defer other.Close()
	w, err := b.Weight(matrix())
	if err != nil {
		t.Fatal(err)
	}
	x := b.Input([]float32{1}, 1, 1)
	far.Close()
	close(gone)
	if err := <-told; !errors.Is(err, ErrLost) {
		t.Errorf("the driver was told %v, want ErrLost", err)
	}
	func() {
		defer func() {
			err, ok := recover().(*tensor.DeviceError)
			if !ok || !errors.Is(err, ErrLost) {
				t.Errorf("a product panicked with %v, want ErrLost", err)
			}
		}()
		b.Linear(x, w, nil)
	}()
	b.EndStep() // goes on, so that the engine can end
	b.NewKV(nil).Free()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// TestALostLeaderIsSeenWithinAnExchange: a follower that waits for its leader's
// part learns that there is none.
func TestALostLeaderIsSeenWithinAnExchange(t *testing.T) {
	leak.Check(t)
	gone := make(chan struct{})
	leader, follower, near, far := pair(t, gone, func(error) {})
	ended := make(chan error)
	go func() {
		ended <- follower.Follow(t.Context(), far, func(err error) {
			if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the follower was told %v, want the end of the connection", err)
			}
			close(gone) // what the process cannot do: wake the exchange
		})
	}()
	w, err := leader.Weight(matrix())
	if err != nil {
		t.Fatal(err)
	}
	x := leader.Input([]float32{1}, 1, 1)
	leader.tell(opLinear).tensor(x).weight(w).tensor(nil) // and no part of it
	leader.flush()
	near.Close()
	var failed *tensor.DeviceError
	if err := <-ended; !errors.As(err, &failed) {
		t.Errorf("Follow = %v, want the exchange's error", err)
	}
	if err := errors.Join(leader.Close(), follower.Close()); err != nil {
		t.Error(err)
	}
}

// TestAnotherModelIsRefused: a follower that loaded something else would
// compute nonsense, be it one value of a matrix.
func TestAnotherModelIsRefused(t *testing.T) {
	for name, model := range map[string][]tensor.Stored{"nothing": nil, "another value": {matrix(1)}} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			leader, follower := single(t, 0), single(t, 1)
			for _, w := range model {
				if _, err := follower.Weight(w); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := leader.Weight(matrix(2)); err != nil {
				t.Fatal(err)
			}
			near, far := pipe(t)
			defer near.Close()
			defer far.Close()
			joined := make(chan error)
			go func() { joined <- follower.Join(t.Context(), far, [32]byte{}) }()
			led := leader.Lead(t.Context(), []net.Conn{near}, [32]byte{}, nil)
			for who, err := range map[string]error{"led": led, "joined": <-joined} {
				if err == nil || errors.Is(err, ErrStranger) {
					t.Errorf("%s: %v, want an error about the model", who, err)
				}
			}
		})
	}
}

// single returns a rank of two that is alone.
func single(t *testing.T, n int) *Backend {
	device := cpu.New(&cpu.Options{Threads: 1})
	t.Cleanup(func() { device.Close() })
	return New(device, &ring{rank: n, b: device, boxes: make([][]chan part, 2)})
}

// TestStrangersLearnNothing: who has not the secret is told apart from a leader
// with another model, and sees nothing of it.
func TestStrangersLearnNothing(t *testing.T) {
	secret := [32]byte([]byte("the hash of another file of hosts"))
	for name, say := range map[string]func(t *testing.T, conn net.Conn){
		"hangs up":    func(t *testing.T, conn net.Conn) { conn.Close() },
		"a browser":   func(t *testing.T, conn net.Conn) { io.WriteString(conn, "GET / HTTP/1.1\r\n"+string(make([]byte, 64))) },
		"other hosts": func(t *testing.T, conn net.Conn) { single(t, 0).Join(t.Context(), conn, [32]byte{9}) },
		"an echo": func(t *testing.T, conn net.Conn) {
			heard := &bytes.Buffer{}
			io.Copy(conn, io.TeeReader(conn, heard))
			if bytes.Contains(heard.Bytes(), secret[:8]) {
				t.Error("the secret was sent")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			leak.Check(t)
			b := single(t, 1)
			near, far := pipe(t)
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer near.Close()
				say(t, near)
			}()
			if err := b.Join(t.Context(), far, secret); !errors.Is(err, ErrStranger) {
				t.Errorf("Join = %v, want ErrStranger", err)
			}
			far.Close()
			<-done
		})
	}
}

// TestJoinEndsWithItsContext: who says nothing is not waited for.
func TestJoinEndsWithItsContext(t *testing.T) {
	leak.Check(t)
	near, far := pipe(t)
	defer near.Close()
	defer far.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := single(t, 1).Join(ctx, far, [32]byte{}); !errors.Is(err, ErrStranger) {
		t.Errorf("Join = %v, want ErrStranger", err)
	}
}
