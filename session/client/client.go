// Package client is the user's end of a session for programs in Go: it sets the
// session up, answers calls of tools with functions, and tells what is heard and
// answered as values instead of JSON. It works over any wire that carries the
// protocol's events; sound and pictures go past it, as the wire has them.
//
//	c := client.New(wire, client.Options{Instructions: "…", Tools: []client.Tool{…}})
//	for event, err := range c.Events(ctx) {
//		switch event := event.(type) { case client.Answer: fmt.Print(event.Delta) … }
//	}
//
// Start reading at Client.Events; what the server's events become is in
// receive.go.
package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"sync"
)

// Wire carries events, each a JSON object. A *pipe.Program is one. Send may be
// called while Recv waits, and from several goroutines.
type Wire interface {
	// Send sends one event.
	Send(event []byte) error
	// Recv waits for the next one. io.EOF: the server ended the session.
	Recv() ([]byte, error)
	// Close ends the connection, and a Recv that waits.
	Close() error
}

// Options are the choices of a session. The zero value works.
type Options struct {
	// Instructions are the system prompt; "" leaves the server's.
	Instructions string
	// Tools are what the model may call.
	Tools []Tool
	// Text has answers given in text, even where there is a voice.
	Text bool
	// Voice is the name of the voice; "" leaves the server's.
	Voice string
	// Captions has the model write down what the user says: see Heard.
	Captions bool
	// Language is that of the user and of the voice, a BCP 47 tag; "" leaves it
	// open. It counts where there are Captions.
	Language string
	// Session are further fields of the protocol's session object, or others
	// for those that the options above fill; nil: none.
	Session map[string]any
}

// Tool is a function that the model may call.
type Tool struct {
	// Name is what the model calls, and Description says when.
	Name, Description string
	// Parameters is a JSON Schema of the arguments' object; nil: there are none.
	Parameters json.RawMessage
	// Call does it, and returns what the model is told: text or JSON. An error
	// is told to the model too, as {"error": "…"}. It runs on a goroutine of its own, beside other
	// calls of one answer; ctx ends with Events.
	Call func(ctx context.Context, arguments json.RawMessage) (string, error)
}

// Client is the user's end of one session. Its methods may be called from any
// goroutine; Events once.
type Client struct {
	wire  Wire
	o     Options
	tools map[string]Tool

	mu      sync.Mutex
	active  bool // a response is in progress
	wanted  bool // another is to follow it
	pending int  // calls of tools that have not returned

	// Of the goroutine that ranges over Events.
	ready    bool              // Ready was told
	captions map[string]string // of utterances that are being written down
}

// New makes a client. It sends nothing before Events.
func New(w Wire, o Options) *Client {
	c := &Client{wire: w, o: o, tools: map[string]Tool{}, captions: map[string]string{}}
	for _, tool := range o.Tools {
		c.tools[tool.Name] = tool
	}
	return c
}

// incoming is an event of the server, or the end of the wire.
type incoming struct {
	data []byte
	err  error
}

// Events sets the session up and returns what happens in it, until the server
// ends it (a nil error, as the last thing: the loop just ends), the wire breaks
// or ctx ends: that error is the last thing. Leaving the loop closes the wire.
// When it is over, every Tool.Call has returned.
func (c *Client) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer c.wire.Close()
		defer cancel()
		in := make(chan incoming)    // no queue: the wire has one
		results := make(chan result) // no queue: a call that is over waits
		running.Go(func() { c.runReader(ctx, in) })
		run := func(calls []call) {
			for _, k := range calls {
				running.Go(func() { c.runCall(ctx, k, results) })
			}
		}
		for {
			var event Event
			var err error
			select {
			case <-ctx.Done():
				err = ctx.Err()
			case r := <-results:
				event, err = c.returned(r)
			case m := <-in:
				if m.err != nil {
					if err = ended(m.err); err == nil {
						return
					}
					break
				}
				var calls []call
				event, calls, err = c.receive(m.data)
				run(calls)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if event != nil && !yield(event, nil) {
				return
			}
		}
	}
}

// runReader hands on what comes over the wire until that ends.
func (c *Client) runReader(ctx context.Context, in chan<- incoming) {
	for {
		data, err := c.wire.Recv()
		select {
		case in <- incoming{data, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Ask says something in writing. An answer in progress is cut off first.
func (c *Client) Ask(text string) error {
	return c.ask([]map[string]any{{"type": "input_text", "text": text}})
}

// Show shows a picture, PNG, JPEG, GIF or WebP, with a text that may be "", and
// has the model answer. Frames of a camera are better sent over the wire
// itself: they are seen with what is said next.
func (c *Client) Show(picture []byte, text string) error {
	uri := "data:" + http.DetectContentType(picture) + ";base64," + base64.StdEncoding.EncodeToString(picture)
	content := []map[string]any{{"type": "input_image", "image_url": uri}}
	if text != "" {
		content = append(content, map[string]any{"type": "input_text", "text": text})
	}
	return c.ask(content)
}

// Interrupt cuts the answer in progress off.
func (c *Client) Interrupt() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wanted = false; !c.active {
		return nil
	}
	return c.send("response.cancel", nil)
}

// Instruct replaces the instructions.
func (c *Client) Instruct(text string) error {
	return c.send("session.update", map[string]any{"session": map[string]any{"type": "realtime", "instructions": text}})
}

func (c *Client) ask(content []map[string]any) error {
	err := c.send("conversation.item.create", map[string]any{"item": map[string]any{"type": "message", "role": "user", "content": content}})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active {
		c.wanted = true
		return c.send("response.cancel", nil)
	}
	return c.respond()
}

// respond asks for an answer, now or once the present one has ended. The caller
// holds mu.
func (c *Client) respond() error {
	if c.wanted = c.active; c.wanted {
		return nil
	}
	c.active = true
	return c.send("response.create", nil)
}

// send sends one event.
func (c *Client) send(kind string, fields map[string]any) error {
	event := map[string]any{"type": kind}
	for name, value := range fields {
		event[name] = value
	}
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("client: %s: %w", kind, err)
	}
	return c.wire.Send(data)
}

// configure tells the server how the program wants to talk.
func (c *Client) configure() error {
	session := map[string]any{"type": "realtime"}
	if c.o.Instructions != "" {
		session["instructions"] = c.o.Instructions
	}
	if c.o.Text {
		session["output_modalities"] = []string{"text"}
	}
	audio := map[string]any{}
	if c.o.Voice != "" {
		audio["output"] = map[string]any{"voice": c.o.Voice}
	}
	if c.o.Captions {
		transcription := map[string]any{"model": "hark"}
		if c.o.Language != "" {
			transcription["language"] = c.o.Language
		}
		audio["input"] = map[string]any{"transcription": transcription}
	}
	if len(audio) > 0 {
		session["audio"] = audio
	}
	if len(c.o.Tools) > 0 {
		tools := make([]map[string]any, len(c.o.Tools))
		for i, t := range c.o.Tools {
			tools[i] = map[string]any{"type": "function", "name": t.Name, "description": t.Description}
			if t.Parameters != nil {
				tools[i]["parameters"] = t.Parameters
			}
		}
		session["tools"] = tools
	}
	for name, value := range c.o.Session {
		session[name] = value
	}
	return c.send("session.update", map[string]any{"session": session})
}
