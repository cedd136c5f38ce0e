package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"hark/audio"
	"hark/audio/speech"
	"hark/engine"
	"hark/media"
	"hark/media/pipe"
	"hark/session"
)

const protocolRate audio.Rate = 24000

// wire carries the events of one session.
type wire interface {
	// Send sends one event.
	Send(event []byte) error
	// Recv waits for the next. io.EOF: the session has ended.
	Recv() ([]byte, error)
	// Close ends the session, and a Recv that waits.
	Close() error
}

// caller makes sessions.
type caller interface {
	// call begins a session, or goes on with the conversation that has an id.
	call(ctx context.Context, conversation string) (wire, error)
	// again reports whether a lost session may be called back.
	again() bool
	close()
	// String says what it is, for people.
	String() string
}

// local calls a model in this process.
type local struct {
	engine *engine.Engine
	name   string
	voice  speech.Speaker // nil: answers are text
	free   func()
}

func (l *local) String() string { return l.name + " on " + l.engine.Device() }

func (l *local) again() bool { return false }

// close frees the model.
func (l *local) close() {
	if l.voice != nil {
		l.voice.Close()
	}
	l.free()
}

// eventsOnly is a connection whose far end plays the voice by itself, as over
// a WebSocket: both kinds of wires are the same to who talks.
type eventsOnly struct{ media.Conn }

// call begins a session.
func (l *local) call(ctx context.Context, _ string) (wire, error) {
	conn, program := pipe.New(nil)
	w := &localWire{Program: program}
	ctx = context.WithoutCancel(ctx) // Close ends it, behind what is on its way
	w.running.Go(func() {
		w.ended = session.Run(ctx, eventsOnly{conn}, session.Options{Engine: session.NewEngine(l.engine), Model: l.name, Speaker: l.voice,
			Instructions: defaultInstructions})
	})
	return w, nil
}

// localWire is a session in this process.
type localWire struct {
	*pipe.Program
	running sync.WaitGroup
	ended   error // of the session, once running is over
}

// Close leaves the session and waits for its end.
func (w *localWire) Close() error {
	err := w.Program.Close()
	w.running.Wait()
	return errors.Join(err, w.ended)
}

// defaultInstructions are those of sessions that set none.
const defaultInstructions = "You are a helpful voice assistant."

// remote calls a server.
type remote struct {
	url, key string
}

func (r *remote) String() string { return r.url }

func (r *remote) again() bool { return true }

func (r *remote) close() {}

// How long a server may take to answer the call, and to take an event.
const (
	dialLimit  = 10 * time.Second
	writeLimit = 10 * time.Second
)

// call connects.
func (r *remote) call(ctx context.Context, conversation string) (wire, error) {
	header := http.Header{}
	if r.key != "" {
		header.Set("Authorization", "Bearer "+r.key)
	}
	target := r.url
	if conversation != "" {
		u, err := url.Parse(target)
		if err != nil {
			return nil, err
		}
		q := u.Query()
		q.Set("conversation_id", conversation)
		u.RawQuery = q.Encode()
		target = u.String()
	}
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		return nil, refusal(r.url, resp, err)
	}
	conn.SetReadLimit(32 << 20)
	return &remoteWire{conn: conn}, nil
}

// refusal says in words why a server cannot be talked to.
func refusal(target string, resp *http.Response, err error) error {
	if resp == nil {
		return fmt.Errorf("%s cannot be reached: %w", target, err)
	}
	var body struct{ Error struct{ Message string } }
	if resp.Body != nil {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		_ = json.Unmarshal(text, &body) // what is no JSON has no message
	}
	why := resp.Status
	if body.Error.Message != "" {
		why += ": " + body.Error.Message
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return usage("%s refuses the key: %s (--key, or HARK_KEY in the environment)", target, why)
	case http.StatusNotFound, http.StatusOK, http.StatusMethodNotAllowed:
		return usage("%s is no realtime session: %s (the path is /v1/realtime)", target, why)
	}
	return fmt.Errorf("%s refuses the call: %s", target, why)
}

// remoteWire is a WebSocket.
type remoteWire struct{ conn *websocket.Conn }

// Send sends one event.
func (w *remoteWire) Send(event []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	return w.conn.Write(ctx, websocket.MessageText, event)
}

// Recv waits for the next event.
func (w *remoteWire) Recv() ([]byte, error) {
	_, data, err := w.conn.Read(context.Background())
	if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
		return nil, io.EOF
	}
	return data, err
}

// Close leaves in order; a server that is gone is not waited for.
func (w *remoteWire) Close() error {
	w.conn.Close(websocket.StatusNormalClosure, "") // its error says that the server is gone
	return nil
}

// realtimeURL completes what the user typed: scheme and path may be left out.
func realtimeURL(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "ws://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "", usage("--url %q is no address of a server", s)
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return "", usage("--url %q: want ws:// or wss://", s)
	}
	if u.Path == "" || u.Path == "/" || u.Path == "/v1" || u.Path == "/v1/" {
		u.Path = "/v1/realtime"
	}
	return u.String(), nil
}

// event is what is read of a server's event where only its end counts.
type event struct {
	Type  string `json:"type"`
	Error struct {
		Code, Message string
	} `json:"error"`
}

// await reads events until one of type want.
func await(ctx context.Context, conn *websocket.Conn, want string) error {
	ctx, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("the server ended the connection: %w", err)
		}
		var e event
		if err := json.Unmarshal(data, &e); err != nil {
			return err
		}
		switch e.Type {
		case "error":
			return fmt.Errorf("server: %s (%s)", e.Error.Message, e.Error.Code)
		case want:
			return nil
		}
	}
}

// sleepUntil waits for a moment.
func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
