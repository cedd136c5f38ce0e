package server

import (
	"context"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hark/engine"
	"hark/media"
	"hark/media/rtc/phone"
	"hark/server/keys"
)

// A WebSocket that joins a call sees what the client is told from then on, and
// before that the session; what it says counts as the client's.
func TestCallIsJoinedByWebSocket(t *testing.T) {
	path, key := keyFile(t, func(*keys.Key) {})
	other, secret := keys.Make("other")
	if err := keys.Change(path, func(list []keys.Key) ([]keys.Key, error) { return append(list, other), nil }); err != nil {
		t.Fatal(err)
	}
	puppet := newPuppet()
	s, url := serve(t, Options{Engine: puppet, KeyFile: path, Limits: Limits{Sessions: 1}})
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Key: key})
	tell(t, c, `{"type":"session.update","session":{"type":"realtime","instructions":"Be kind."}}`)
	await(t, c, "session.updated")

	newClient(t, url, secret).refused("GET", "/v1/realtime?call_id="+c.ID, nil, 404, "call_not_found", "call_id")
	newClient(t, url, key).refused("GET", "/v1/realtime?call_id=rtc_x", nil, 404, "call_not_found", "call_id")
	newClient(t, url, key).refused("GET", "/v1/realtime?call_id="+c.ID, nil, 426, "upgrade_required", "")
	join := func() *caller { return dial(t, url, "call_id="+c.ID+"&api-key="+key) }
	side := join()
	side.until("session.created")
	if ev := side.until("session.updated"); ev.Session.Instructions != "Be kind." {
		t.Errorf("joined: %+v", ev)
	}
	second := join()
	second.until("session.updated")

	puppet.tokens <- engine.Token{Text: "Hello."}
	side.send(`{"type":"response.create"}`)
	for _, see := range []func(){
		func() { await(t, c, "response.created") }, func() { side.until("response.created") }, func() { second.until("response.created") },
	} {
		see()
	}
	if ev := await(t, c, "response.output_text.delta"); !strings.Contains(ev, "Hello.") {
		t.Error(ev)
	}
	close(puppet.tokens)
	side.until("response.done")
	await(t, c, "response.done")

	second.conn.CloseNow() // one that leaves is no harm
	tell(t, c, `{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi."}]}}`)
	side.until("conversation.item.added")
	for len(s.calls.find(c.ID, senderWith(s, key)).party.side()) != 1 {
		<-time.After(time.Millisecond)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if code := side.closed(); code != 1000 {
		t.Errorf("the call is over: %v", code)
	}
	s.callsEnd(t)
}

// side returns who has joined.
func (p *party) side() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]any, len(p.sides))
	for i, side := range p.sides {
		out[i] = side
	}
	return out
}

// stuck is a connection that takes nothing.
type stuck struct{ code chan int }

func (s *stuck) Recv(ctx context.Context) (media.Packet, error) {
	s.code <- <-s.code
	return nil, io.EOF
}
func (s *stuck) Send(ctx context.Context, _ media.Packet) error { return ctx.Err() }
func (s *stuck) Close(code int, _ string) error {
	select {
	case s.code <- code:
	default:
	}
	return nil
}

// Who joined and takes nothing is closed, so that it does not take part unseen.
func TestWhoIsTooSlowForACallIsClosed(t *testing.T) {
	p, conn := &party{ended: make(chan struct{})}, &stuck{make(chan int, 1)}
	joined := make(chan error)
	go func() { joined <- p.join(conn) }()
	for len(p.side()) == 0 {
		runtime.Gosched()
	}
	p.tell(media.Event(`{}`))
	if err := <-joined; err != nil {
		t.Error(err)
	}
	if code := <-conn.code; code != closePolicy {
		t.Errorf("closed with %d", code)
	}
}

func senderWith(s *Server, key string) sender {
	holder, _ := s.keys.Find(key) // the test's own
	return sender{holder: holder}
}

// A phone that changes its network offers anew, and the call goes on.
func TestCallRestartsICE(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet()})
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls"})
	await(t, c, "session.created")
	before := c.PC.RemoteDescription().SDP
	if err := c.Offer(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if after := c.PC.RemoteDescription().SDP; ufrag(after) == ufrag(before) || ufrag(after) == "" {
		t.Errorf("credentials %q, then %q", ufrag(before), ufrag(after))
	}
	tell(t, c, `{"type":"session.update","session":{"type":"realtime","instructions":"Be kind."}}`)
	await(t, c, "session.updated")
	offer := fixture(t)
	api := newClient(t, url, "")
	api.refused("POST", "/v1/realtime/calls/rtc_x", offer, 404, "call_not_found", "")
	api.refused("POST", "/v1/realtime/calls/"+c.ID, "v=0", 400, "invalid_offer", "sdp")
}

func ufrag(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// A call without a track for sound has the answer's sound in events.
func TestCallOfEventsAlone(t *testing.T) {
	puppet := newPuppet()
	_, url := serve(t, Options{Engine: puppet, Speaker: hummer{}})
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls", Silent: true})
	puppet.say("Hello.")
	tell(t, c, `{"type":"response.create"}`)
	await(t, c, "response.output_audio.delta")
	await(t, c, "response.done")
}

func TestCallsCountAsSessions(t *testing.T) {
	s, url := serve(t, Options{Engine: newPuppet(), Limits: Limits{Sessions: 1}})
	c := callUp(t, phone.Options{URL: url + "/v1/realtime/calls"})
	await(t, c, "session.created")
	newClient(t, url, "").refused("POST", "/v1/realtime/calls", fixture(t), 503, "server_overloaded", "")
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	s.callsEnd(t)
	callUp(t, phone.Options{URL: url + "/v1/realtime/calls"})
}

func TestServerWithoutCallsSaysSo(t *testing.T) {
	_, url := serve(t, Options{Engine: newPuppet(), WebRTC: WebRTC{Off: true}})
	newClient(t, url, "").refused("POST", "/v1/realtime/calls", fixture(t), 501, "webrtc_not_available", "")
	// Nor does one that has its own port, of which somebody has taken half.
	first, url := serve(t, Options{Engine: newPuppet()})
	newClient(t, url, "").read("GET", "/health", nil, 200) // it serves
	taken, err := New(Options{Engine: newPuppet(), Addr: "127.0.0.1:0", WebRTC: WebRTC{Port: int(first.calls.answerer().Addr().Port())}})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := taken.Listen()
	if err != nil {
		t.Fatal(err)
	}
	if err := taken.Serve(ln); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Serve = %v", err)
	}
	if err := taken.Close(); err != nil {
		t.Error(err)
	}
}

// Twenty calls at once on one port, each with its own answer.
func TestTwentyCallsAtOnce(t *testing.T) {
	const n = 20
	_, url := serve(t, Options{Engine: newPuppet()})
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range n {
		name := "caller " + string(rune('a'+i))
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, err := phone.Dial(ctx, phone.Options{URL: url + "/v1/realtime/calls"})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if err := c.Send([]byte(`{"type":"session.update","session":{"type":"realtime","instructions":"` + name + `"}}`)); err != nil {
				t.Error(err)
			}
			for {
				ev, err := c.Recv(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if strings.HasPrefix(string(ev), `{"type":"session.updated"`) {
					if !strings.Contains(string(ev), name) {
						t.Errorf("%s got %s", name, ev)
					}
					return
				}
			}
		})
	}
}

// After 200 calls goroutines, sockets and memory are where they were after the
// first, and half of the calls connected within 150 ms.
func TestManyCallsLeaveNothing(t *testing.T) {
	n := 200
	if raceEnabled {
		n = 30 // cryptography ten times as slow
	}
	s, url := serve(t, Options{Engine: newPuppet()})
	var took []time.Duration
	once := func() {
		began := time.Now()
		c, err := phone.Dial(t.Context(), phone.Options{URL: url + "/v1/realtime/calls"})
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(began))
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 10 { // pools and tables grow
		once()
	}
	s.callsEnd(t)
	goroutines, sockets, bytes := held()
	for range n {
		once()
	}
	s.callsEnd(t)
	for end := time.Now().Add(10 * time.Second); ; <-time.After(10 * time.Millisecond) {
		g, f, b := held()
		if g <= goroutines+2 && f <= sockets+1 && b <= bytes+2<<20 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("goroutines %d, then %d; files %d, then %d; heap %d, then %d", goroutines, g, sockets, f, bytes, b)
			break
		}
	}
	slices.Sort(took)
	t.Logf("connected: median %v, 95 %% %v", took[len(took)/2], took[len(took)*95/100])
	if median := took[len(took)/2]; median > 150*time.Millisecond && !raceEnabled {
		t.Errorf("the median call connected after %v", median)
	}
}

// held returns the goroutines, the open files where they can be counted, and
// the bytes of the heap.
func held() (goroutines, files int, bytes uint64) {
	list, err := os.ReadDir("/proc/self/fd")
	if err == nil {
		files = len(list)
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), files, m.HeapAlloc
}
