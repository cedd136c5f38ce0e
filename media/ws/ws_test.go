package ws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/internal/leak"
	"hark/media"
	"hark/media/mediatest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// client is a far side made of the same library.
type client struct {
	ws   *websocket.Conn
	code int
	text string
}

func (c *client) Send(event []byte) error {
	return c.ws.Write(context.Background(), websocket.MessageText, event)
}

func (c *client) Recv() ([]byte, error) {
	kind, data, err := c.ws.Read(context.Background())
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		c.code, c.text = int(closed.Code), closed.Reason
		return nil, io.EOF
	}
	if err == nil && kind != websocket.MessageText {
		err = fmt.Errorf("a %v frame", kind)
	}
	return data, err
}

func (c *client) Close() error             { return c.ws.Close(websocket.StatusNormalClosure, "") }
func (c *client) Vanish()                  { c.ws.CloseNow() }
func (c *client) CloseCode() (int, string) { return c.code, c.text }

// listen serves connections of one kind until the test ends.
func listen(t *testing.T, o *Options) (url string, conns chan *Conn) {
	conns = make(chan *Conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := Accept(w, r, o)
		if err != nil {
			return
		}
		conns <- conn
	}))
	t.Cleanup(server.Close)
	return server.URL, conns
}

func dial(t *testing.T, url string, o *websocket.DialOptions) *client {
	t.Helper()
	conn, _, err := websocket.Dial(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	return &client{ws: conn}
}

func connect(t *testing.T, o *Options) (*Conn, *client) {
	t.Helper()
	url, conns := listen(t, o)
	c := dial(t, url, nil)
	conn := <-conns
	t.Cleanup(func() {
		c.Vanish()
		conn.Close(1000, "")
	})
	return conn, c
}

func TestConn(t *testing.T) {
	mediatest.TestConn(t, func(t *testing.T) (media.Conn, mediatest.Client) {
		conn, client := connect(t, nil)
		return conn, client
	})
}

func TestSubprotocolIsSelectedIfOfferedAndNotDemanded(t *testing.T) {
	url, conns := listen(t, nil)
	for offered, want := range map[string]string{
		"":                                       "",
		"realtime":                               "realtime",
		"realtime, openai-insecure-api-key.ek_x": "realtime",
		"openai-insecure-api-key.ek_x":           "",
	} {
		o := &websocket.DialOptions{}
		if offered != "" {
			o.Subprotocols = strings.Split(offered, ", ")
		}
		c := dial(t, url, o)
		if got := c.ws.Subprotocol(); got != want {
			t.Errorf("offered %q: selected %q, want %q", offered, got, want)
		}
		c.Vanish()
		(<-conns).Close(1000, "")
	}
}

func TestForeignOriginsAreRefusedUnlessAllowed(t *testing.T) {
	for _, tt := range []struct {
		origin  string
		allowed []string
		ok      bool
	}{
		{"", nil, true},
		{"http://evil.example", nil, false},
		{"null", nil, false},
		{"http://good.example", []string{"http://good.example"}, true},
		{"http://bad.example", []string{"http://good.example"}, false},
	} {
		url, conns := listen(t, &Options{Origins: tt.allowed})
		o := &websocket.DialOptions{HTTPHeader: http.Header{}}
		if tt.origin != "" {
			o.HTTPHeader.Set("Origin", tt.origin)
		}
		conn, resp, err := websocket.Dial(context.Background(), url, o)
		if (err == nil) != tt.ok {
			t.Errorf("origin %q with %v: %v, want ok %v", tt.origin, tt.allowed, err, tt.ok)
		}
		if err != nil {
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("origin %q: status %d, want 403", tt.origin, resp.StatusCode)
			}
			continue
		}
		conn.CloseNow()
		(<-conns).Close(1000, "")
	}
}

func TestTooLargeFrameClosesWithReason(t *testing.T) {
	conn, c := connect(t, &Options{ReadLimit: 1 << 10})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		c.Send(bytes.Repeat([]byte("x"), 4<<10)) // may fail half way
		if _, err := c.Recv(); err != io.EOF {
			t.Errorf("client: %v, want a close", err)
		}
		if code, _ := c.CloseCode(); code != 1009 {
			t.Errorf("close code %d, want 1009", code)
		}
	})
	if p, err := conn.Recv(context.Background()); !errors.Is(err, websocket.ErrMessageTooBig) {
		t.Errorf("Recv = %v, %v, want %v", p, err, websocket.ErrMessageTooBig)
	}
}

func TestBinaryFramesAreEvents(t *testing.T) {
	conn, c := connect(t, nil)
	if err := c.ws.Write(context.Background(), websocket.MessageBinary, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if p, err := conn.Recv(context.Background()); err != nil || string(p.(media.Event)) != "{}" {
		t.Errorf("Recv = %v, %v", p, err)
	}
}

func TestClientThatDoesNotReadIsTooSlow(t *testing.T) {
	conn, _ := connect(t, &Options{SlowAfter: 50 * time.Millisecond})
	event := bytes.Repeat([]byte("x"), 800<<10)
	start := time.Now()
	var err error
	for range 10 * Queue { // more than the queue and the buffers of TCP hold
		if err = conn.Send(context.Background(), media.Event(event)); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrSlow) {
		t.Fatalf("Send: %v, want %v", err, ErrSlow)
	}
	if _, err := conn.Recv(context.Background()); !errors.Is(err, ErrSlow) {
		t.Errorf("Recv: %v, want %v", err, ErrSlow)
	}
	conn.Close(1008, "too slow")
	if d := time.Since(start); d > 8*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestClientThatDoesNotAnswerPingsIsGone(t *testing.T) {
	conn, _ := connect(t, &Options{PingEvery: 30 * time.Millisecond}) // this client answers only while it reads
	if _, err := conn.Recv(context.Background()); !errors.Is(err, ErrGone) {
		t.Errorf("Recv: %v, want %v", err, ErrGone)
	}
	if err := conn.Send(context.Background(), media.Event("{}")); !errors.Is(err, ErrGone) {
		t.Errorf("Send: %v, want %v", err, ErrGone)
	}
}

func TestQuietClientThatAnswersPingsStays(t *testing.T) {
	conn, c := connect(t, &Options{PingEvery: 20 * time.Millisecond})
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { c.Recv() })
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := conn.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Recv: %v, want a quiet connection", err)
	}
}

func TestClientThatSendsALongFrameSlowlyStays(t *testing.T) {
	conn, c := connect(t, &Options{PingEvery: 30 * time.Millisecond})
	w, err := c.ws.Writer(context.Background(), websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		piece := bytes.Repeat([]byte("x"), 8<<10)                      // more than the writer keeps
		for tick := time.NewTicker(5 * time.Millisecond); ; <-tick.C { // answers no ping
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := conn.Recv(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Recv: %v, want to be still reading", err)
	}
	c.Vanish()
}

func TestSendRefusesWhatIsNoEvent(t *testing.T) {
	conn, _ := connect(t, nil)
	if err := conn.Send(context.Background(), media.Picture("x")); err == nil {
		t.Error("no error")
	}
}

func TestPlainRequestIsAnswered(t *testing.T) {
	url, _ := listen(t, nil)
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d, want 426", resp.StatusCode)
	}
}
