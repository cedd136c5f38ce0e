// Command ask answers cases for the demo model's evaluation with hark's own
// engine, greedy, in raw form: nothing is cut off a clip, and a tool call is
// printed as the chat format has it. Calls are kept within the declarations, as
// sessions keep them, unless -free is given. It reads one JSON object a line from its
// standard input and writes one a line.
//
//	go run ./tools/demo-model/ask -model DIR < cases > answers
//
// Start reading at main.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"hark/audio/wav"
	"hark/engine"
	"hark/engine/backend/cpu"
	"hark/engine/chat"
	_ "hark/engine/model/all"
	"hark/engine/token"
	"hark/engine/weights"
	"hark/vision"
)

// request is one case. Image and Sound are files.
type request struct {
	Messages []message `json:"messages"`
	Tools    []struct {
		Function chat.Tool `json:"function"`
	} `json:"tools"`
	Image string `json:"image"`
	Sound string `json:"sound"`
	Most  int    `json:"most"`
}

type message struct {
	Role      string          `json:"role"`
	Content   json.RawMessage `json:"content"`
	ToolCalls []struct {
		ID       string
		Function struct {
			Name      string
			Arguments json.RawMessage
		}
	} `json:"tool_calls"`
	ToolResponses []struct{ Response json.RawMessage } `json:"tool_responses"`
}

func main() {
	log.SetFlags(0)
	dir := flag.String("model", "", "folder of the checkpoint")
	free := flag.Bool("free", false, "do not keep tool calls within their declarations")
	rounded := flag.Bool("rounded", false, "activations in 8 bits, as hark runs on processors that multiply bytes fast")
	flag.Parse()
	src, err := weights.Dir(*dir)
	if err != nil {
		log.Fatal(err)
	}
	e, err := engine.Open(src, cpu.New(&cpu.Options{Rounded: *rounded}), nil)
	if err != nil {
		log.Fatal(err)
	}
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for {
		var r request
		if err := in.Decode(&r); err == io.EOF {
			return
		} else if err != nil {
			log.Fatal(err)
		}
		answer, err := ask(e, &r, *free)
		if err != nil {
			log.Fatal(err)
		}
		if err := out.Encode(map[string]string{"answer": answer}); err != nil {
			log.Fatal(err)
		}
	}
}

// ask answers one case.
func ask(e *engine.Engine, r *request, free bool) (string, error) {
	media, err := r.media(e)
	if err != nil {
		return "", err
	}
	defer func() {
		for _, m := range media {
			m.close()
		}
	}()
	messages, err := r.chat(len(media))
	if err != nil {
		return "", err
	}
	o := chat.Options{Generate: true}
	for _, t := range r.Tools {
		o.Tools = append(o.Tools, t.Function)
	}
	prompt, err := e.Prompt(messages, parts(media), o)
	if err != nil {
		return "", err
	}
	seq, err := e.Open()
	if err != nil {
		return "", err
	}
	defer seq.Close()
	if _, err := seq.Set(prompt); err != nil {
		return "", err
	}
	g := engine.Generate{Max: r.Most}
	if len(o.Tools) > 0 && !free {
		if g.Grammar, g.Trigger, err = e.Format().Calls(o.Tools, false); err != nil {
			return "", err
		}
	}
	var ids []token.ID
	for t, err := range seq.Generate(context.Background(), g) {
		if err != nil {
			return "", err
		}
		if t.Stop != engine.StopEOS {
			ids = append(ids, t.ID)
		}
	}
	return strings.TrimSpace(e.Tokenizer().Decode(ids)), nil
}

// medium is a picture or a clip that must be closed.
type medium struct {
	engine.Part
	close func()
}

func parts(media []medium) (list []engine.Part) {
	for _, m := range media {
		list = append(list, m.Part)
	}
	return list
}

// media loads the picture, then the clip.
func (r *request) media(e *engine.Engine) (list []medium, err error) {
	if r.Image != "" {
		data, err := os.ReadFile(r.Image)
		if err != nil {
			return nil, err
		}
		img, err := vision.Decode(data, nil)
		if err != nil {
			return nil, err
		}
		p, err := e.NewPicture(img, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, medium{p, p.Close})
	}
	if r.Sound != "" {
		data, err := os.ReadFile(r.Sound)
		if err != nil {
			return nil, err
		}
		sound, err := wav.Decode(data, nil)
		if err != nil {
			return nil, err
		}
		c, err := e.NewClip()
		if err != nil {
			return nil, err
		}
		if err := c.Push(sound.Samples); err != nil {
			return nil, err
		}
		c.End()
		list = append(list, medium{c, c.Close})
	}
	return list, nil
}

// chat turns messages in the form of transformers into hark's.
func (r *request) chat(media int) ([]chat.Message, error) {
	var list []chat.Message
	next := 0
	for _, m := range r.Messages {
		msg := chat.Message{Role: chat.Role(m.Role)}
		var text string
		var parts []struct{ Type, Text string }
		if len(m.Content) > 0 && json.Unmarshal(m.Content, &text) != nil {
			if err := json.Unmarshal(m.Content, &parts); err != nil {
				return nil, err
			}
		} else if text != "" {
			msg.Content = []chat.Content{{Text: text}}
		}
		for _, p := range parts {
			c := chat.Content{Text: p.Text, Media: next}
			switch p.Type {
			case "image":
				c.Kind, next = chat.Image, next+1
			case "audio":
				c.Kind, next = chat.Audio, next+1
			}
			msg.Content = append(msg.Content, c)
		}
		for _, c := range m.ToolCalls {
			msg.ToolCalls = append(msg.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
		list = append(list, msg)
		for i, t := range m.ToolResponses {
			list = append(list, chat.Message{Role: chat.ToolRole, ToolCallID: msg.ToolCalls[i].ID, Result: t.Response})
		}
	}
	if next != media {
		return nil, fmt.Errorf("%d media, the messages name %d", media, next)
	}
	return list, nil
}
