package mediatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"hark/media"
)

// limit bounds the whole suite; nothing in it takes long.
const limit = 30 * time.Second

// TestConn runs the suite of every transport. pair makes a connection and its
// client; it fails the test by itself if it cannot.
func TestConn(t *testing.T, pair func(t *testing.T) (media.Conn, Client)) {
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, t *testing.T, conn media.Conn, client Client)
	}{
		{"EventsKeepTheirOrderBothWays", testOrder},
		{"LargeEventsArriveWhole", testLarge},
		{"ClientThatLeavesIsEOF", testLeave},
		{"ClientThatVanishesIsAnError", testVanish},
		{"CloseTellsTheReasonAfterWhatWasSent", testReason},
		{"CloseEndsRecvAndSendAndMayBeRepeated", testClose},
		{"CancelledRecvReturns", testCancel},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			conn, client := pair(t)
			defer client.Vanish() // a test that fails may leave early
			test.run(ctx, t, conn, client)
			client.Vanish()      // nobody answers the close, and nobody waits for it
			conn.Close(1000, "") // may be repeated: the tests that closed do not mind
		})
	}
}

func wantEvent(ctx context.Context, t *testing.T, conn media.Conn, want string) {
	t.Helper()
	p, err := conn.Recv(ctx)
	if err != nil {
		t.Fatalf("Recv: %v, want %.40q", err, want)
	}
	if got, ok := p.(media.Event); !ok || string(got) != want {
		t.Fatalf("Recv = %T %.40q, want %.40q", p, got, want)
	}
}

func testOrder(ctx context.Context, t *testing.T, conn media.Conn, client Client) {
	const n = 100
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for i := range n {
			if err := client.Send(fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
				t.Errorf("client: %v", err)
				return
			}
		}
	})
	wg.Go(func() {
		for i := range n {
			if err := conn.Send(ctx, media.Event(fmt.Sprintf(`{"m":%d}`, i))); err != nil {
				t.Errorf("Send: %v", err)
				return
			}
		}
	})
	wg.Go(func() {
		for i := range n {
			if got, err := client.Recv(); err != nil || string(got) != fmt.Sprintf(`{"m":%d}`, i) {
				t.Errorf("client got %q, %v, want number %d", got, err, i)
				return
			}
		}
	})
	for i := range n {
		wantEvent(ctx, t, conn, fmt.Sprintf(`{"n":%d}`, i))
	}
}

func testLarge(ctx context.Context, t *testing.T, conn media.Conn, client Client) {
	up := append(append([]byte(`"`), bytes.Repeat([]byte("ab"), 4<<20)...), '"')
	down := up[:800<<10]
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		if err := client.Send(up); err != nil {
			t.Errorf("client: %v", err)
		}
	})
	wantEvent(ctx, t, conn, string(up))
	if err := conn.Send(ctx, media.Event(down)); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Recv(); err != nil || !bytes.Equal(got, down) {
		t.Errorf("client got %d bytes, %v, want %d", len(got), err, len(down))
	}
}

func testLeave(ctx context.Context, t *testing.T, conn media.Conn, client Client) {
	if err := client.Send([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { client.Close() }) // what it returns is the client's affair
	wantEvent(ctx, t, conn, "{}")
	if p, err := conn.Recv(ctx); err != io.EOF {
		t.Errorf("Recv = %v, %v, want io.EOF", p, err)
	}
}

func testVanish(ctx context.Context, t *testing.T, conn media.Conn, client Client) {
	client.Vanish()
	p, err := conn.Recv(ctx)
	if err == nil || err == io.EOF || ctx.Err() != nil {
		t.Errorf("Recv = %v, %v, want an error other than io.EOF", p, err)
	}
}

func testReason(ctx context.Context, t *testing.T, conn media.Conn, client Client) {
	for i := range 3 {
		if err := conn.Send(ctx, media.Event(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { conn.Close(4001, "because") })
	for i := range 3 {
		if got, err := client.Recv(); err != nil || string(got) != fmt.Sprint(i) {
			t.Errorf("client got %q, %v, want %d", got, err, i)
		}
	}
	if got, err := client.Recv(); err != io.EOF {
		t.Errorf("client got %q, %v, want io.EOF", got, err)
	}
	if code, reason := client.CloseCode(); code != 4001 || reason != "because" {
		t.Errorf("CloseCode = %d %q, want 4001 because", code, reason)
	}
}

func testClose(ctx context.Context, t *testing.T, conn media.Conn, client Client) {
	var wg sync.WaitGroup
	wg.Go(func() {
		if p, err := conn.Recv(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("Recv = %v, %v, want an error", p, err)
		}
	})
	wg.Go(func() { client.Recv() }) // answers the close
	for range 3 {
		wg.Go(func() { conn.Close(1000, "") })
	}
	wg.Wait()
	if err := conn.Send(ctx, media.Event("{}")); err == nil {
		t.Error("Send after Close: no error")
	}
}

func testCancel(ctx context.Context, t *testing.T, conn media.Conn, _ Client) {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if p, err := conn.Recv(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Recv = %v, %v, want context.Canceled", p, err)
	}
}
