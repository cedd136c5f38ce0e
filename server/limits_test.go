package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/engine"
	"hark/internal/leak"
	"hark/server/trace"
)

func TestRequestsWaitTheirTurn(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p, Limits: Limits{Completions: 1, Queue: 1, QueueTime: time.Minute}})
	first, _ := busy(t, p, url)
	var wg sync.WaitGroup
	wg.Go(func() {
		c := newClient(t, url, "")
		if resp := c.do("POST", "/v1/responses", `{"input":"hi"}`); resp.StatusCode != 200 {
			t.Errorf("the one that waits: %d", resp.StatusCode)
		}
	})
	for _, waiting := s.gate.state(); waiting == 0; _, waiting = s.gate.state() {
	}
	c := newClient(t, url, "")
	resp := c.do("POST", "/v1/audio/speech", `{"input":"hi"}`) // no voice is found before no place is
	if resp.StatusCode != 501 {
		t.Errorf("speech: %d", resp.StatusCode)
	}
	third := c.do("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"hi"}]}`)
	if data, _ := io.ReadAll(third.Body); third.StatusCode != 429 || third.Header.Get("Retry-After") == "" || !strings.Contains(string(data), "server_overloaded") {
		t.Errorf("the third: %d %s", third.StatusCode, data)
	}
	if data := c.read("GET", "/ready", nil, 503); !strings.Contains(string(data), "overloaded") {
		t.Errorf("ready: %s", data)
	}
	p.say("Two")
	p.say("Three")
	events(t, first.Body)
	wg.Wait()
	c.read("GET", "/ready", nil, 200)
}

func TestPatienceOfTheQueueEnds(t *testing.T) {
	p := newPuppet()
	_, url := serve(t, Options{Engine: p, Limits: Limits{Completions: 1, QueueTime: 20 * time.Millisecond}})
	busy(t, p, url)
	newClient(t, url, "").refused("POST", "/v1/responses", `{"input":"hi"}`, 429, "server_overloaded", "")
	p.say("Two")
}

func TestBodiesAreBoundedTogether(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p, Limits: Limits{BodyBytes: 100}})
	s.bodies.Add(maxBodies*100 - 50)
	c := newClient(t, url, "")
	c.refused("POST", "/v1/responses", `{"input":"`+strings.Repeat("x", 60)+`"}`, 429, "server_overloaded", "")
	p.say("ok")
	c.read("POST", "/v1/responses", `{"input":"hi"}`, 200)
	if n := s.bodies.Load(); n != maxBodies*100-50 {
		t.Errorf("%d bytes are held at the end", n)
	}
}

func TestClientThatReadsNothingIsGone(t *testing.T) {
	p := newPuppet()
	s, url := serve(t, Options{Engine: p, Limits: Limits{patience: 50 * time.Millisecond}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"stream":true,"messages":[{"role":"user","content":"hi"}]}`
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for inside, _ := s.gate.state(); inside == 0; inside, _ = s.gate.state() {
	}
	long := strings.Repeat("long ", 100_000)
	for inside, _ := s.gate.state(); inside > 0; inside, _ = s.gate.state() {
		select {
		case p.tokens <- engine.Token{Text: long}:
		case <-time.After(10 * time.Millisecond):
		}
	}
	s.running.Wait()
	if n := p.open.Load(); n != 0 {
		t.Errorf("%d sequences are open", n)
	}
}

// TestBodiesThatDoNotArriveEndTheirConnection: also where nobody reads them, and
// without a key.
func TestBodiesThatDoNotArriveEndTheirConnection(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet(), Keys: []string{"k"}, Limits: Limits{arrival: 50 * time.Millisecond}})
	for _, head := range []string{
		"GET /health", "GET /", "POST /v1/chat/completions", "POST /v1/nothing",
		"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer k",
		"POST /v1/realtime/calls HTTP/1.1\r\nAuthorization: Bearer k",
	} {
		for _, length := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(head, "HTTP/") {
				head += " HTTP/1.1"
			}
			fmt.Fprintf(conn, "%s\r\nHost: 127.0.0.1\r\n%s\r\n\r\n", head, length)
			conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if answer, err := io.ReadAll(conn); err != nil {
				t.Errorf("%q with %s: %v after %q, want the end of the connection", head, length, err, answer)
			}
			conn.Close()
		}
	}
}

// Whatever is in progress, Close returns within five seconds, and nothing of
// the server is left.
func TestCloseWithEverythingOpen(t *testing.T) {
	leak.Check(t)
	p, other := newPuppet(), newPuppet()
	s, url := serve(t, Options{Engine: p})
	_, url2 := serve(t, Options{Engine: other})
	stream, _ := busy(t, p, url)
	caller := call(t, url, nil)
	const head = "POST /v1/responses HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 28\r\n"
	for _, text := range []string{head, head + "\r\n{", head + "\r\n" + `{"input":"hi","stream":true}`} { // half a header, half a body, all
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, text)
	}
	for inside, _ := s.gate.state(); inside < 2; inside, _ = s.gate.state() {
	}
	start := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("Close took %v", d)
	}
	caller.closed()
	io.Copy(io.Discard, stream.Body)
	other.say("Still here.")
	if got := ask[reply](newClient(t, url2, ""), "POST", "/v1/responses", `{"input":"hi"}`); got.text() != "Still here." {
		t.Errorf("the other server: %+v", got)
	}
}

func TestMetricsCount(t *testing.T) {
	p := newPuppet()
	_, url := serve(t, Options{Engine: p, Keys: []string{"k"}, Stats: func() engine.Stats {
		return engine.Stats{Steps: 7, StepTime: engine.Histogram{Counts: [43]int64{2, 1}, Sum: time.Second}}
	}})
	c := newClient(t, url, "k")
	p.say("One ", "two.")
	c.read("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"hi"}]}`, 200)
	c.read("POST", "/v1/chat/completions", `{}`, 400)
	page := string(c.read("GET", "/metrics", nil, 200))
	for _, want := range []string{
		`hark_http_requests_total{code="200",method="POST",route="/v1/chat/completions"} 1`,
		`hark_http_requests_total{code="400",method="POST",route="/v1/chat/completions"} 1`,
		`hark_http_tokens_total{kind="completion"} 3`, `hark_http_tokens_total{kind="prompt"} 10`, `hark_http_tokens_total{kind="cached"} 4`,
		`hark_http_first_token_seconds_count 1`, `hark_http_queue_seconds_count 1`, `hark_sessions 0`, `hark_http_answering 0`,
		`hark_engine_steps_total 7`, `hark_engine_step_seconds_bucket{le="5e-05"} 2`, `hark_engine_step_seconds_sum 1`, `hark_engine_step_seconds_count 3`,
		`hark_speculations_total 0`, `go_goroutines `,
	} {
		if !strings.Contains(page, "\n"+want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	newClient(t, url, "").refused("GET", "/metrics", nil, 401, "invalid_api_key", "")
}

func TestSpansTellOfRequests(t *testing.T) {
	var mu sync.Mutex
	var names []string
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var batch struct {
			ResourceSpans []struct {
				ScopeSpans []struct {
					Spans []struct{ Name, ParentSpanID string }
				}
			}
		}
		data, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(data, &batch); err != nil || strings.Contains(string(data), "secret words") {
			t.Errorf("%v in %s", err, data)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range batch.ResourceSpans[0].ScopeSpans[0].Spans {
			names = append(names, s.Name)
		}
	}))
	defer collector.Close()
	tracer, err := trace.New(trace.Options{Endpoint: collector.URL})
	if err != nil {
		t.Fatal(err)
	}
	p := newPuppet()
	s, url := serve(t, Options{Engine: p, Tracer: tracer})
	p.say("secret words")
	newClient(t, url, "").read("POST", "/v1/responses", `{"input":"secret words"}`, 200)
	newClient(t, url, "").read("GET", "/health", nil, 200)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(names, " "); got != "queue answer POST /v1/responses" {
		t.Errorf("spans %s", got)
	}
}
