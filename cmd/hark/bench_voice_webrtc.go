package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"hark/audio"
	"hark/audio/pcm"
	"hark/audio/resample"
	"hark/media/opus"
	"hark/media/rtc/phone"
)

// voiceLink is the way to a session.
type voiceLink interface {
	send(ctx context.Context, event any) error
	recv(ctx context.Context) ([]byte, error)
	// speak says a piece of PCM16 at protocolRate that lies one benchTick
	// before due.
	speak(ctx context.Context, sound []byte) error
	// sounded returns when sound of the answer was first heard outside the
	// events, zero for not yet, and deafen forgets it.
	sounded() time.Time
	deafen()
	close()
}

// socketLink is a WebSocket.
type socketLink struct{ conn *websocket.Conn }

func dialSocket(ctx context.Context, target, key string) (voiceLink, error) {
	header := http.Header{}
	if key != "" {
		header.Set("Authorization", "Bearer "+key)
	}
	conn, resp, err := websocket.Dial(ctx, target, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("%s: %s", target, resp.Status)
		}
		return nil, fmt.Errorf("%s: %w", target, err)
	}
	conn.SetReadLimit(1 << 20)
	return socketLink{conn}, nil
}

func (l socketLink) send(ctx context.Context, event any) error {
	return wsjson.Write(ctx, l.conn, event)
}

func (l socketLink) recv(ctx context.Context) ([]byte, error) {
	_, data, err := l.conn.Read(ctx)
	return data, err
}

func (l socketLink) speak(ctx context.Context, sound []byte) error {
	return l.send(ctx, map[string]any{"type": "input_audio_buffer.append", "audio": base64.StdEncoding.EncodeToString(sound)})
}

func (socketLink) sounded() time.Time { return time.Time{} }
func (socketLink) deafen()            {}
func (l socketLink) close()           { l.conn.CloseNow() }

// callLink is a call over WebRTC.
type callLink struct {
	p       *phone.Phone
	decoder *pcm.Decoder
	stream  *resample.Stream
	waiting []float32 // for a whole frame

	mu   sync.Mutex
	loud time.Time // when the voice was first heard
}

// audible is the level above which a sample counts as sound, not as what is
// left of silence when it was encoded.
const audible = 0.005

// callsAt returns where calls begin at the server of a WebSocket.
func callsAt(target string) string {
	base, query, _ := strings.Cut(target, "?")
	base = "http" + strings.TrimPrefix(base, "ws") + "/calls" // wss becomes https
	if query != "" {
		base += "?" + query
	}
	return base
}

func dialCall(ctx context.Context, target, key string) (voiceLink, error) {
	l := &callLink{}
	var err error
	if l.decoder, err = pcm.NewDecoder(pcm.PCM16); err != nil {
		return nil, err
	}
	if l.stream, err = resample.New(audio.Rate(protocolRate), opus.EncodedRate); err != nil {
		return nil, err
	}
	if l.p, err = phone.Dial(ctx, phone.Options{URL: callsAt(target), Key: key, Heard: l.hear}); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *callLink) hear(samples []float32) {
	if !slices.ContainsFunc(samples, func(s float32) bool { return s > audible || s < -audible }) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loud.IsZero() {
		l.loud = time.Now()
	}
}

func (l *callLink) send(_ context.Context, event any) error {
	data, err := json.Marshal(event)
	if err != nil {
		return err
	}
	return l.p.Send(data)
}

func (l *callLink) recv(ctx context.Context) ([]byte, error) { return l.p.Recv(ctx) }

func (l *callLink) speak(_ context.Context, sound []byte) error {
	l.waiting = append(l.waiting, l.stream.Push(l.decoder.Push(sound))...)
	for len(l.waiting) >= opus.FrameSamples {
		if err := l.p.Say(l.waiting[:opus.FrameSamples]); err != nil {
			return err
		}
		l.waiting = l.waiting[:copy(l.waiting, l.waiting[opus.FrameSamples:])]
	}
	return nil
}

func (l *callLink) sounded() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loud
}

func (l *callLink) deafen() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loud = time.Time{}
}

func (l *callLink) close() { _ = l.p.Close() } // measured already
