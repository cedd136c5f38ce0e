//go:build mlx && soak

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"hark/engine/backend/backendtest"
	"hark/engine/backend/mlx/mlxc"
	"hark/server"
)

var soak = flag.Duration("soak", 30*time.Minute, "how long sessions come and go")

// soakers is how many clients there are at a time.
const soakers = 4

// TestSoakOnMLX has clients come and go, some of them in the middle of an
// answer, with text, sound and pictures, over HTTP and over the Realtime
// protocol. The process and MLX hold no more in the last quarter of the time
// than in the second, nor are there more goroutines, and at the end MLX holds
// nothing.
func TestSoakOnMLX(t *testing.T) {
	library := backendtest.Library()
	f := modelFlags{backendFlags: backendFlags{Backend: "mlx", MLXLib: library, MLXCache: 256}, Lookup: 8}
	r, err := f.start(t.Context(), server.Options{Addr: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../../testdata/samples/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	s := &soaking{t: t, addr: r.addr.String(), until: time.Now().Add(*soak)}
	if err := json.Unmarshal(data, &s.cases); err != nil {
		t.Fatal(err)
	}
	opened, err := mlxc.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	calls := opened.NewCalls()
	var clients sync.WaitGroup
	for i := range soakers {
		clients.Go(func() { s.client(rand.New(rand.NewPCG(3, uint64(i)))) })
	}
	most := [4][3]int64{} // by quarter: resident bytes, bytes in arrays, goroutines
	start := time.Now()
	for tick := time.NewTicker(5 * time.Second); time.Now().Before(s.until); <-tick.C {
		quarter := min(int(4*time.Since(start) / *soak), 3)
		now := [3]int64{residentBytes(), calls.Memory().Active, int64(runtime.NumGoroutine())}
		for i, v := range now {
			most[quarter][i] = max(most[quarter][i], v)
		}
	}
	clients.Wait()
	done, cut, sessions := s.counts()
	t.Logf("%d answers, %d left in the middle, %d realtime sessions", done, cut, sessions)
	t.Logf("most by quarter, MB: process %d %d %d %d, MLX %d %d %d %d", most[0][0]>>20, most[1][0]>>20, most[2][0]>>20, most[3][0]>>20,
		most[0][1]>>20, most[1][1]>>20, most[2][1]>>20, most[3][1]>>20)
	t.Logf("most goroutines by quarter: %d %d %d %d", most[0][2], most[1][2], most[2][2], most[3][2])
	for i, what := range []string{"bytes of the process", "bytes of MLX", "goroutines"} {
		slack := []int64{16 << 20, 16 << 20, 16}[i]
		if before, after := most[1][i], most[3][i]; after > before+before/10+slack {
			t.Errorf("%s grew from %d to %d", what, before, after)
		}
	}
	if err := r.close(); err != nil {
		t.Error(err)
	}
	left := calls.Memory().Active
	t.Logf("%d bytes in arrays when all is closed", left)
	if left > 1<<16 {
		t.Error("arrays were leaked")
	}
	if done == 0 || cut == 0 || sessions == 0 {
		t.Error("nobody came, left or spoke")
	}
}

// residentBytes returns the memory of the process, that of Go where the system
// does not say.
func residentBytes() int64 {
	if data, err := os.ReadFile("/proc/self/statm"); err == nil {
		if n, err := strconv.Atoi(string(bytes.Fields(data)[1])); err == nil {
			return int64(n * os.Getpagesize())
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// soaking is what the clients share.
type soaking struct {
	t     *testing.T
	addr  string
	until time.Time
	cases []sampleCase

	mu                  sync.Mutex
	done, cut, sessions int
}

func (s *soaking) counts() (done, cut, sessions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done, s.cut, s.sessions
}

func (s *soaking) count(n *int) {
	s.mu.Lock()
	*n++
	s.mu.Unlock()
}

// client asks until the time is over.
func (s *soaking) client(rng *rand.Rand) {
	for time.Now().Before(s.until) {
		c := &s.cases[rng.IntN(len(s.cases))]
		switch left := rng.IntN(3) == 0; {
		case c.Audio != "" && rng.IntN(2) == 0:
			if err := s.speak(c, left); err != nil {
				s.t.Errorf("%s, spoken: %v", c.Name, err)
				return
			}
		default:
			if err := s.ask(c, left, time.Duration(rng.IntN(2000))*time.Millisecond); err != nil {
				s.t.Errorf("%s: %v", c.Name, err)
				return
			}
		}
	}
}

// ask asks over HTTP; who leaves does so after a while.
func (s *soaking) ask(c *sampleCase, leave bool, after time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if leave {
		ctx, cancel = context.WithTimeout(ctx, after)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+s.addr+"/v1/chat/completions", bytes.NewReader(c.body(s.t)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
	}
	switch {
	case leave && err != nil:
		s.count(&s.cut)
		return nil
	case err == nil && resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s", resp.Status)
	case err == nil:
		s.count(&s.done)
	}
	return err
}

// speak is a realtime session of one spoken question; who leaves does so with
// the first words of the answer.
func (s *soaking) speak(c *sampleCase, leave bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws://"+s.addr+"/v1/realtime?model=hark", nil)
	if err != nil {
		return err
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	wav, err := os.ReadFile(filepath.Join("../../testdata/samples", c.Audio))
	if err != nil {
		return err
	}
	sound := wav[44:]
	events := []string{`{"type":"session.update","session":{"type":"realtime","output_modalities":["text"],"audio":{"input":{"turn_detection":null}}}}`}
	for len(sound) > 0 {
		n := min(len(sound), 9600)
		events = append(events, fmt.Sprintf(`{"type":"input_audio_buffer.append","audio":%q}`, base64.StdEncoding.EncodeToString(sound[:n])))
		sound = sound[n:]
	}
	events = append(events, `{"type":"input_audio_buffer.commit"}`, `{"type":"response.create"}`)
	for _, e := range events {
		if err := ws.Write(ctx, websocket.MessageText, []byte(e)); err != nil {
			return err
		}
	}
	for {
		_, data, err := ws.Read(ctx)
		if err != nil {
			return err
		}
		var e struct {
			Type  string
			Error json.RawMessage
		}
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		switch {
		case e.Type == "error":
			return fmt.Errorf("%s", e.Error)
		case e.Type == "response.done":
			s.count(&s.sessions)
			return ws.Close(websocket.StatusNormalClosure, "")
		case leave && e.Type == "response.output_text.delta":
			s.count(&s.cut)
			return nil
		}
	}
}
