package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// serverEvent is what is read of a server's event.
type serverEvent struct {
	Type       string  `json:"type"`
	ItemID     string  `json:"item_id"`
	ResponseID string  `json:"response_id"`
	Delta      string  `json:"delta"`
	Transcript string  `json:"transcript"`
	Start      float64 `json:"start_time"`
	Error      struct {
		Code, Message string
	} `json:"error"`
	Session struct {
		Modalities []string `json:"output_modalities"`
	} `json:"session"`
	Item struct {
		Type, Name string
	} `json:"item"`
	Response struct {
		ID           string `json:"id"`
		Conversation string `json:"conversation_id"`
		Status       string `json:"status"`
		Details      struct {
			Reason string                   `json:"reason"`
			Error  struct{ Message string } `json:"error"`
		} `json:"status_details"`
		Usage struct {
			Output int `json:"output_tokens"`
		} `json:"usage"`
		Timings struct {
			FirstToken float64 `json:"first_token_ms"`
		} `json:"timings"`
	} `json:"response"`
}

// decodeServer reads an event.
func decodeServer(data []byte) (*serverEvent, error) {
	e := &serverEvent{}
	if err := json.Unmarshal(data, e); err != nil {
		return nil, fmt.Errorf("the server sends what is no event: %w", err)
	}
	return e, nil
}

// exchange is what the user said and what was answered. Either may be missing:
// pictures and silence are answered too, and not everything is.
type exchange struct {
	item, response string
	user           strings.Builder
	heard          bool // the user's words are whole, or there are none
	answer         strings.Builder
	status         string // of the answer, "" as long as it goes on
	why            string // it failed
	tokens         int
	cut            bool // it was interrupted
	asked          bool // by response.create, or in writing

	speechEnd, turnEnd, firstToken, firstSound, ended time.Time
}

// newest returns the newest exchange that is not shown whole, nil for none.
func (t *talk) newest() *exchange {
	if len(t.exchanges) == 0 {
		return nil
	}
	return t.exchanges[len(t.exchanges)-1]
}

// find returns an exchange by what it has, nil for none.
func (t *talk) find(fits func(x *exchange) bool) *exchange {
	if i := slices.IndexFunc(t.exchanges, fits); i >= 0 {
		return t.exchanges[i]
	}
	return nil
}

func (t *talk) byResponse(id string) *exchange {
	return t.find(func(x *exchange) bool { return x.response == id && id != "" })
}

func (t *talk) byItem(id string) *exchange {
	return t.find(func(x *exchange) bool { return x.item == id && id != "" })
}

// receive takes one event of the server.
func (t *talk) receive(e *serverEvent, now time.Time) {
	switch e.Type {
	case "session.created", "session.updated":
		t.aloud = t.c.aloud() && slices.Contains(e.Session.Modalities, "audio")
	case "error":
		t.complain(e)
	case "input_audio_buffer.speech_started":
		t.hearing = true
		t.interrupt(now)
		t.show.tell(happening{Type: "speech_started", At: t.since(now)})
	case "input_audio_buffer.speech_stopped":
		t.hearing = false
		t.show.tell(happening{Type: "speech_stopped", At: t.since(now)})
	case "input_audio_buffer.committed":
		t.hearing = false
		x := &exchange{item: e.ItemID, heard: !t.c.Captions, speechEnd: t.lastSpeech, turnEnd: now}
		if x.speechEnd.IsZero() {
			x.speechEnd = now
		}
		t.exchanges = append(t.exchanges, x)
	case "conversation.item.input_audio_transcription.delta",
		"conversation.item.input_audio_transcription.completed",
		"conversation.item.input_audio_transcription.failed":
		t.caption(e, now)
	case "response.created":
		t.answering = e.Response.ID
		t.stats.Answers++
		x := t.newest()
		if x == nil || x.response != "" {
			x = &exchange{heard: true, turnEnd: now, speechEnd: now}
			t.exchanges = append(t.exchanges, x)
		}
		x.response = e.Response.ID
	case "response.done":
		t.answerDone(e, now)
	default:
		t.receiveAnswer(e, now)
	}
}

// receiveAnswer takes a piece of an answer.
func (t *talk) receiveAnswer(e *serverEvent, now time.Time) {
	x := t.byResponse(e.ResponseID)
	if x == nil {
		return
	}
	switch e.Type {
	case "response.output_text.delta":
		t.tokenCame(x, now)
		t.answered(x, e.Delta)
	case "response.output_audio_transcript.delta":
		t.tokenCame(x, now)
		t.voice.say(x, e.ItemID, e.Delta, e.Start)
	case "response.output_audio.delta":
		t.tokenCame(x, now)
		data, err := base64.StdEncoding.DecodeString(e.Delta)
		if err != nil {
			t.end(fmt.Errorf("the server sends what is no sound: %w", err))
			return
		}
		t.voice.add(x, e.ItemID, data)
	case "response.output_audio.done":
		if e.ItemID == t.voice.item {
			t.voice.over = true
		}
	case "response.output_item.done":
		if e.Item.Type == "function_call" {
			t.answered(x, "[call of "+e.Item.Name+"]")
		}
	}
}

// tokenCame notes when the first piece of an answer came.
func (t *talk) tokenCame(x *exchange, now time.Time) {
	if x.firstToken.IsZero() {
		x.firstToken = now
	}
}

// answered shows a piece of an answer.
func (t *talk) answered(x *exchange, text string) {
	x.answer.WriteString(text)
	t.show.tell(happening{Type: "answer", At: t.since(time.Now()), Delta: text, of: x})
}

// caption takes words of the user.
func (t *talk) caption(e *serverEvent, now time.Time) {
	x := t.byItem(e.ItemID)
	if x == nil {
		return
	}
	switch {
	case strings.HasSuffix(e.Type, ".delta"):
		x.user.WriteString(e.Delta)
	case strings.HasSuffix(e.Type, ".completed"):
		x.user.Reset()
		x.user.WriteString(strings.TrimSpace(e.Transcript))
		x.heard = true
	default:
		x.heard = true
	}
	t.show.tell(happening{Type: "user", At: t.since(now), Delta: e.Delta, of: x})
}

// answerDone takes the end of an answer.
func (t *talk) answerDone(e *serverEvent, now time.Time) {
	if t.answering == e.Response.ID {
		t.answering = ""
	}
	if e.Response.Conversation != "" {
		t.id = e.Response.Conversation
	}
	x := t.byResponse(e.Response.ID)
	if x == nil {
		return
	}
	x.status, x.why, x.tokens, x.ended = e.Response.Status, e.Response.Details.Error.Message, e.Response.Usage.Output, now
	if t.voice.of == x {
		t.voice.over = true
	}
	// The words of an answer in sound come with their sound; its first token
	// was earlier, and only the server knows when.
	if tm := e.Response.Timings; t.aloud && tm.FirstToken > 0 {
		if at := x.turnEnd.Add(time.Duration(tm.FirstToken * float64(time.Millisecond))); at.Before(x.firstToken) {
			x.firstToken = at
		}
	}
}

// settle shows the exchanges that are whole, oldest first. When the talk is
// over, or the line is lost, all of them are.
func (t *talk) settle() {
	for len(t.exchanges) > 0 {
		x := t.exchanges[0]
		late := !x.ended.IsZero() && time.Since(x.ended) > captionLimit && !t.voice.playing()
		if !t.quit && !t.whole(x) && !late {
			return
		}
		t.exchanges = t.exchanges[1:]
		t.tellExchange(x)
	}
}

// whole reports whether everything of an exchange has come and was heard.
func (t *talk) whole(x *exchange) bool {
	if x.response == "" { // it is not answered yet, or never was
		return x.heard && len(t.exchanges) > 1 && t.exchanges[0] == x
	}
	return x.heard && x.status != "" && (t.voice.of != x || !t.voice.playing())
}

// tellExchange shows an exchange as it stays.
func (t *talk) tellExchange(x *exchange) {
	h := happening{Type: "exchange", At: t.since(time.Now()), User: x.user.String(), Answer: strings.TrimSpace(x.answer.String()),
		Status: x.status, Reason: x.why, Tokens: x.tokens, Cut: x.cut || x.status == "cancelled", of: x}
	h.FirstTokenMS, h.FirstSoundMS = after(x.speechEnd, x.firstToken), after(x.speechEnd, x.firstSound)
	h.TotalMS = after(x.speechEnd, x.ended)
	if x.response != "" {
		t.stats.add(h)
	}
	t.show.tell(h)
	t.keep("user", "input_text", h.User)
	t.keep("assistant", "output_text", h.Answer)
	if x.status == "failed" && t.files != nil {
		t.end(fmt.Errorf("the answer failed: %s", x.why))
	}
}

// after returns milliseconds, nil for what did not happen.
func after(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() {
		return nil
	}
	ms := max(0, float64(to.Sub(from).Microseconds())/1000)
	return &ms
}

// complain shows an error of the server, which is no end. Without a camera's
// extension no more frames are sent.
func (t *talk) complain(e *serverEvent) {
	if t.frames != nil && !t.blind && (strings.Contains(e.Error.Message, "input_image_buffer") || strings.Contains(e.Error.Message, "cannot see")) {
		t.blind = true
		t.notice("the server takes no frames of the camera: " + e.Error.Message)
		return
	}
	if e.Error.Code == "response_cancel_not_active" {
		return // it had just ended
	}
	if t.files != nil {
		t.end(fmt.Errorf("server: %s (%s)", e.Error.Message, e.Error.Code))
		return
	}
	t.notice("server: " + e.Error.Message)
}

func (t *talk) notice(text string) {
	t.show.tell(happening{Type: "notice", At: t.since(time.Now()), Text: text})
}

func (t *talk) since(at time.Time) float64 { return at.Sub(t.began).Seconds() }
