package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"hark/audio"
	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/audio/wav"
)

// talkCommand speaks a WAV file to a server, as a microphone would.
type talkCommand struct {
	modelFlags
	In     string `required:"" help:"WAV file to speak." type:"path" placeholder:"FILE"`
	System string `help:"Instructions for the model."`
	Image  string `help:"Picture to show before speaking." type:"path" placeholder:"FILE"`
	URL    string `help:"Server to talk to, as ws://HOST:PORT/v1/realtime; without it hark runs one itself." placeholder:"URL"`
	Key    string `help:"API key of the server."`
	VAD    bool   `name:"vad" help:"Let the server find the end of the turn instead of committing at the end of the file."`
}

const (
	protocolRate audio.Rate = 24000
	piece                   = 100 * time.Millisecond // of sound in one event
	replyLimit              = 60 * time.Second
)

// event is what talk reads of a server event.
type event struct {
	Type       string `json:"type"`
	Delta      string `json:"delta"`
	Transcript string `json:"transcript"`
	Error      struct {
		Code, Message string
	} `json:"error"`
	Response struct {
		Status  string `json:"status"`
		Details struct {
			Error struct{ Message string } `json:"error"`
		} `json:"status_details"`
		Usage struct {
			Input  int `json:"input_tokens"`
			Output int `json:"output_tokens"`
		} `json:"usage"`
	} `json:"response"`
}

// Run speaks and prints the answer.
func (c *talkCommand) Run(ctx context.Context) error {
	data, err := os.ReadFile(c.In)
	if err != nil {
		return usage("--in: %w", err)
	}
	clip, err := wav.Decode(data, nil)
	if err != nil {
		return usage("--in %s: %w", c.In, err)
	}
	if len(clip.Samples) == 0 {
		return usage("--in %s: no sound in the file", c.In)
	}
	sound, err := toProtocol(clip)
	if err != nil {
		return usage("--in %s: %w", c.In, err)
	}
	target := c.URL
	if target == "" {
		stop, at, err := serveLocally(&c.modelFlags)
		if err != nil {
			return err
		}
		defer stop()
		target = at
	} else if target, err = realtimeURL(target); err != nil {
		return err
	}
	return c.talk(ctx, target, sound)
}

// toProtocol makes 24 kHz PCM16 of a clip.
func toProtocol(clip *wav.Clip) ([]byte, error) {
	r, err := resample.New(clip.Rate, protocolRate)
	if err != nil {
		return nil, err
	}
	samples := append(slices.Clone(r.Push(clip.Samples)), r.Flush()...)
	return pcm.Append(nil, pcm.PCM16, samples), nil
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
	if u.Path == "" || u.Path == "/" || u.Path == "/v1" {
		u.Path = "/v1/realtime"
	}
	return u.String(), nil
}

// talk holds one turn.
func (c *talkCommand) talk(ctx context.Context, target string, sound []byte) error {
	header := http.Header{}
	if c.Key != "" {
		header.Set("Authorization", "Bearer "+c.Key)
	}
	conn, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if resp != nil {
			return fmt.Errorf("%s: %s", target, resp.Status)
		}
		return fmt.Errorf("%s: %w", target, err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	if err := c.setUp(ctx, conn); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var end atomic.Int64 // when the file ended, in nanoseconds since 1970
	speaking := make(chan error, 1)
	go func() { speaking <- c.speak(ctx, conn, sound, &end) }()
	err = c.listen(ctx, conn, &end)
	cancel()
	if spoken := <-speaking; err == nil && !errors.Is(spoken, context.Canceled) {
		err = spoken
	}
	return err
}

// setUp configures the session and shows the picture.
func (c *talkCommand) setUp(ctx context.Context, conn *websocket.Conn) error {
	var turns any
	if c.VAD {
		turns = map[string]any{"type": "server_vad"}
	}
	session := map[string]any{
		"type": "realtime", "output_modalities": []string{"text"},
		"audio": map[string]any{"input": map[string]any{
			"format":         map[string]any{"type": "audio/pcm", "rate": protocolRate},
			"turn_detection": turns,
		}},
	}
	if c.System != "" {
		session["instructions"] = c.System
	}
	if err := wsjson.Write(ctx, conn, map[string]any{"type": "session.update", "session": session}); err != nil {
		return err
	}
	if err := await(ctx, conn, "session.updated"); err != nil || c.Image == "" {
		return err
	}
	data, err := os.ReadFile(c.Image)
	if err != nil {
		return usage("--image: %w", err)
	}
	uri := "data:" + http.DetectContentType(data) + ";base64," + base64.StdEncoding.EncodeToString(data)
	err = wsjson.Write(ctx, conn, map[string]any{"type": "conversation.item.create", "item": map[string]any{
		"type": "message", "role": "user", "content": []any{map[string]any{"type": "input_image", "image_url": uri}},
	}})
	if err != nil {
		return err
	}
	return await(ctx, conn, "conversation.item.done")
}

// await reads events until one of type want.
func await(ctx context.Context, conn *websocket.Conn, want string) error {
	ctx, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	for {
		e, err := receive(ctx, conn)
		if err != nil {
			return err
		}
		if e.Type == want {
			return nil
		}
	}
}

// receive reads one event; an error event becomes an error.
func receive(ctx context.Context, conn *websocket.Conn) (*event, error) {
	_, data, err := conn.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server ended the connection: %w", err)
	}
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	if e.Type == "error" {
		return nil, fmt.Errorf("server: %s (%s)", e.Error.Message, e.Error.Code)
	}
	return &e, nil
}

// speak sends the sound as fast as a microphone would and then commits it, or
// with --vad goes on with silence, as a microphone does, until ctx ends.
func (c *talkCommand) speak(ctx context.Context, conn *websocket.Conn, sound []byte, end *atomic.Int64) error {
	size := int(piece.Seconds()*float64(protocolRate)) * 2 // bytes a piece
	due := time.Now()
	send := func(part []byte) error {
		err := wsjson.Write(ctx, conn, map[string]any{"type": "input_audio_buffer.append", "audio": base64.StdEncoding.EncodeToString(part)})
		if err != nil {
			return err
		}
		due = due.Add(piece * time.Duration(len(part)) / time.Duration(size))
		return sleepUntil(ctx, due)
	}
	for part := range slices.Chunk(sound, size) {
		if err := send(part); err != nil {
			return err
		}
	}
	end.Store(time.Now().UnixNano())
	if c.VAD {
		for quiet := make([]byte, size); ; {
			if err := send(quiet); err != nil {
				return err
			}
		}
	}
	for _, t := range []string{"input_audio_buffer.commit", "response.create"} {
		if err := wsjson.Write(ctx, conn, map[string]any{"type": t}); err != nil {
			return err
		}
	}
	return nil
}

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

// listen prints the answer as it comes and its latency.
func (c *talkCommand) listen(ctx context.Context, conn *websocket.Conn, end *atomic.Int64) error {
	var first time.Time
	for {
		e, err := receive(ctx, conn)
		if err != nil {
			return err
		}
		switch e.Type {
		case "response.output_text.delta", "response.output_audio_transcript.delta":
			if first.IsZero() {
				first = time.Now()
			}
			fmt.Print(e.Delta)
		case "response.done":
			fmt.Println()
			if s := e.Response.Status; s != "completed" && s != "incomplete" {
				return errors.New("the answer " + s + ": " + e.Response.Details.Error.Message)
			}
			if at := time.Unix(0, end.Load()); !first.IsZero() && end.Load() != 0 {
				fmt.Fprintf(os.Stderr, "first token %d ms after the end of the file, all %d tokens after %d ms\n",
					first.Sub(at).Milliseconds(), e.Response.Usage.Output, time.Since(at).Milliseconds())
			}
			return conn.Close(websocket.StatusNormalClosure, "")
		}
	}
}
