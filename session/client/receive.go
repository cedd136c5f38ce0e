package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Event is something that happened: Ready, Hearing, Heard, Answer, Done, Called
// or Fault.
type Event interface{ isEvent() }

// Ready says that the session is set up: from now on it listens.
type Ready struct {
	// Voice reports whether answers are spoken.
	Voice bool
}

// Hearing says that the user began to speak (On), or that the turn ended.
type Hearing struct{ On bool }

// Heard is what the user said, in words, while they are written down.
type Heard struct {
	// Item is the id of the utterance. Captions come beside the answer, and may
	// be behind the next Hearing.
	Item string
	// Text is all that is written down so far, or with Whole what was said.
	Text  string
	Whole bool
}

// Answer is a piece of an answer. Where it is spoken, a piece comes with the
// sound in which it begins.
type Answer struct{ Delta string }

// Done says that an answer has ended.
type Done struct {
	// Status is completed, cancelled, incomplete or failed, and Reason says why
	// it failed.
	Status, Reason string
	// Text is the whole answer.
	Text string
	// Calls is the number of tools that the model called in it. Another answer
	// follows when all of them have returned.
	Calls int
}

// Called says that a tool was called and has returned.
type Called struct {
	Name      string
	Arguments json.RawMessage
	Output    string // what the model was told
	Err       error  // of Tool.Call, or that there is no such tool
}

// Fault is an error that the server told of. The session goes on.
type Fault struct{ Code, Message string }

func (Ready) isEvent()   {}
func (Hearing) isEvent() {}
func (Heard) isEvent()   {}
func (Answer) isEvent()  {}
func (Done) isEvent()    {}
func (Called) isEvent()  {}
func (Fault) isEvent()   {}

// message is what is read of a server event.
type message struct {
	Type       string `json:"type"`
	ItemID     string `json:"item_id"`
	Delta      string `json:"delta"`
	Transcript string `json:"transcript"`
	Session    struct {
		Modalities []string `json:"output_modalities"`
	} `json:"session"`
	Response struct {
		Status  string `json:"status"`
		Details struct {
			Error struct {
				Message string `json:"message"`
			} `json:"error"`
		} `json:"status_details"`
		Output []output `json:"output"`
	} `json:"response"`
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// output is an item of an answer.
type output struct {
	Type      string `json:"type"`
	Status    string `json:"status"`
	Name      string `json:"name"`
	CallID    string `json:"call_id"`
	Arguments string `json:"arguments"`
	Content   []struct {
		Text       string `json:"text"`
		Transcript string `json:"transcript"`
	} `json:"content"`
}

// busy is the error of a response.create that came while the server answered by
// itself, and idle that of a response.cancel behind the end of an answer.
const (
	busy = "conversation_already_has_active_response"
	idle = "response_cancel_not_active"
)

// ended returns why the loop ends, nil for the end of a session in order.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("client: %w", err)
}

// receive takes one event of the server: what the program is told of it, if
// anything, and the calls that it makes.
func (c *Client) receive(data []byte) (Event, []call, error) {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, nil, fmt.Errorf("client: an event is no JSON: %w", err)
	}
	switch m.Type {
	case "session.created":
		return nil, nil, c.configure()
	case "session.updated":
		for _, modality := range m.Session.Modalities {
			if modality == "audio" {
				return c.first(Ready{Voice: true}), nil, nil
			}
		}
		return c.first(Ready{}), nil, nil
	case "input_audio_buffer.speech_started":
		return Hearing{On: true}, nil, nil
	case "input_audio_buffer.speech_stopped":
		return Hearing{}, nil, nil
	case "conversation.item.input_audio_transcription.delta":
		return c.caption(m.ItemID, m.Delta), nil, nil
	case "conversation.item.input_audio_transcription.completed":
		delete(c.captions, m.ItemID)
		return Heard{Item: m.ItemID, Text: m.Transcript, Whole: true}, nil, nil
	case "conversation.item.input_audio_transcription.failed":
		delete(c.captions, m.ItemID)
		return Fault{m.Error.Code, m.Error.Message}, nil, nil
	case "response.created":
		c.mu.Lock()
		c.active = true
		c.mu.Unlock()
	case "response.output_text.delta", "response.output_audio_transcript.delta":
		return Answer{m.Delta}, nil, nil
	case "response.done":
		return c.done(&m)
	case "error":
		return c.fault(&m)
	}
	return nil, nil, nil
}

// first returns r once: later updates of the session are the program's own.
func (c *Client) first(r Ready) Event {
	if c.ready {
		return nil
	}
	c.ready = true
	return r
}

// caption adds to the caption of an utterance.
func (c *Client) caption(item, delta string) Event {
	c.captions[item] += delta
	return Heard{Item: item, Text: c.captions[item]}
}

// done takes the end of an answer.
func (c *Client) done(m *message) (Event, []call, error) {
	d := Done{Status: m.Response.Status, Reason: m.Response.Details.Error.Message}
	var calls []call
	for _, o := range m.Response.Output {
		for _, part := range o.Content {
			d.Text += part.Text + part.Transcript
		}
		if o.Type == "function_call" && o.Status == "completed" {
			calls = append(calls, call{o.Name, o.CallID, json.RawMessage(o.Arguments)})
		}
	}
	d.Calls = len(calls)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = false
	c.pending += len(calls)
	if c.wanted {
		return d, calls, c.respond()
	}
	return d, calls, nil
}

// fault takes an error. Those that come of the client's and the server's words
// crossing on the way are no news.
func (c *Client) fault(m *message) (Event, []call, error) {
	switch m.Error.Code {
	case busy:
		c.mu.Lock()
		c.active, c.wanted = true, true
		c.mu.Unlock()
		return nil, nil, nil
	case idle:
		return nil, nil, nil
	}
	return Fault{m.Error.Code, m.Error.Message}, nil, nil
}
