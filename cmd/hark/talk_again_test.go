package main

import (
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/audio/pcm"
	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/demo"
	"hark/server"
	"hark/session"
)

// mouth is a standard input that is silent but for what it is told to say.
type mouth struct {
	mu   sync.Mutex
	said []byte // not read yet
}

func (m *mouth) Read(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(p)
	m.said = m.said[copy(p, m.said):]
	return len(p), nil
}

func (m *mouth) say(t *testing.T, sample string) {
	t.Helper()
	c, _, _ := spokenBy(sample)
	said, err := readTurns(c.In)
	if err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = pcm.Append(nil, pcm.PCM16, said[0])
}

// cables is a listener whose connections can be cut.
type cables struct {
	net.Listener
	mu  sync.Mutex
	all []net.Conn
}

func (c *cables) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, conn)
	return conn, err
}

func (c *cables) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.all {
		conn.Close()
	}
	c.all = nil
}

// serveAgain serves an engine at an address until stop, with keys if there are
// any.
func serveAgain(t *testing.T, e session.Engine, addr string, keys ...string) (c *cables, stop func()) {
	t.Helper()
	s, err := server.New(server.Options{Engine: e, Addr: addr, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	c = &cables{Listener: ln}
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Serve(c); err != nil {
			t.Error(err)
		}
	})
	return c, func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
	}
}

// The line breaks and the conversation goes on; the server is started anew and
// is told of it; then it wants a key, and the talk ends.
func TestTalkCallsALostServerBack(t *testing.T) {
	e, err := engine.Open(demo.Source(), cpu.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	line, stop := serveAgain(t, session.NewEngine(e), "127.0.0.1:0")
	addr := line.Addr().String()

	c, out, log := spokenBy()
	user := &mouth{}
	c.URL, c.In, c.in = addr, []string{"-"}, user
	ended := make(chan error, 1)
	go func() { ended <- c.Run(t.Context()) }()
	user.say(t, "question-3")
	out.await(t, "ninety")

	line.cut()
	log.await(t, "calling again")
	log.await(t, "connected again")
	user.say(t, "question-6")
	out.await(t, "baa")
	if strings.Contains(log.String(), "knew nothing") {
		t.Errorf("a conversation that was kept was told anew:\n%s", log)
	}

	stop()
	log.await(t, "calling again")
	_, stop = serveAgain(t, session.NewEngine(e), addr)
	log.await(t, "knew nothing of the conversation and was told")
	user.say(t, "question-3")
	out.await(t, "ninety")
	stop()
	log.await(t, "calling again")
	_, stop = serveAgain(t, session.NewEngine(e), addr, "a key")
	defer stop()
	select {
	case err := <-ended:
		var wrong usageError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "refuses the key") {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on without the key")
	}
	if strings.Contains(log.String(), "server:") || strings.Count(out.String(), "you:") != 3 {
		t.Errorf("printed\n%s\n%s", out, log)
	}
}
