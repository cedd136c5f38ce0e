package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"hark/engine/chat"
	"hark/engine/model"
	"hark/engine/token"
	"hark/engine/trace"
	"hark/vision"
)

// traceCommand writes what happens inside a model.
type traceCommand struct {
	modelFlags
	IDs      []int32  `name:"ids" help:"Token ids to feed, with commas. One placeholder stands for a whole picture or clip." placeholder:"2,5,7"`
	Messages string   `help:"JSON file with a chat to feed instead: {\"messages\": […]}, as in chat completions, or the list alone; image and audio parts take --image and --audio in order." type:"path" placeholder:"FILE"`
	Image    []string `help:"Picture for the next image placeholder; repeatable." type:"path" placeholder:"FILE"`
	Audio    []string `help:"WAV file for the next audio placeholder; repeatable." type:"path" placeholder:"FILE"`
	Steps    int      `help:"Greedy tokens to generate." default:"0"`
	Layers   bool     `help:"Write every layer's output too."`
	Out      string   `required:"" help:"Safetensors file to write." type:"path" placeholder:"FILE"`
}

// exitNotFinite is the exit code when an activation holds NaN or Inf.
const exitNotFinite = 3

// Run traces.
func (c *traceCommand) Run(ctx context.Context) error {
	if (len(c.IDs) == 0) == (c.Messages == "") {
		return usage("give either --ids or --messages")
	}
	if c.Steps < 0 {
		return usage("--steps must not be negative")
	}
	in := &trace.Input{Steps: c.Steps, Layers: c.Layers}
	for _, id := range c.IDs {
		in.IDs = append(in.IDs, token.ID(id))
	}
	if err := c.media(in); err != nil {
		return err
	}
	src, err := c.source()
	if err != nil {
		return err
	}
	defer src.Close()
	var render func(model.Model) ([]token.ID, error)
	if c.Messages != "" {
		messages, err := readMessages(c.Messages)
		if err != nil {
			return err
		}
		render = func(m model.Model) ([]token.ID, error) { return trace.Render(m, messages) }
	}
	b, err := c.backend(nil)
	if err != nil {
		return usageError{err}
	}
	result, err := trace.Run(src, b, in, render)
	var bad *trace.NotFinite
	if err != nil && !errors.As(err, &bad) {
		return usageError{err}
	}
	if err := c.write(result); err != nil {
		return err
	}
	if bad != nil {
		fmt.Fprintln(os.Stderr, "hark:", bad)
		os.Exit(exitNotFinite)
	}
	return nil
}

func (c *traceCommand) media(in *trace.Input) error {
	for _, path := range c.Image {
		data, err := os.ReadFile(path)
		if err != nil {
			return usage("--image: %w", err)
		}
		img, err := vision.Decode(data, nil)
		if err != nil {
			return usage("--image %s: %w", path, err)
		}
		in.Pictures = append(in.Pictures, img)
	}
	for _, path := range c.Audio {
		samples, err := readSound(path)
		if err != nil {
			return err
		}
		in.Clips = append(in.Clips, samples)
	}
	return nil
}

// write writes the file wholly or not at all.
func (c *traceCommand) write(r *trace.Result) (err error) {
	f, err := os.CreateTemp(filepath.Dir(c.Out), ".trace-*")
	if err != nil {
		return usageError{err}
	}
	defer os.Remove(f.Name())
	if err := errors.Join(r.Write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), c.Out)
}

// readMessages reads a chat: a list of messages, or an object that holds one.
func readMessages(path string) ([]chat.Message, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("--messages: %w", err)
	}
	type part struct{ Type, Text string }
	type message struct {
		Role    string
		Content json.RawMessage
	}
	var whole struct{ Messages []message }
	if err := json.Unmarshal(data, &whole.Messages); err != nil {
		if err := json.Unmarshal(data, &whole); err != nil {
			return nil, usage("--messages %s: %w", path, err)
		}
	}
	var out []chat.Message
	for i, m := range whole.Messages {
		var text string
		var parts []part
		if err := json.Unmarshal(m.Content, &text); err == nil {
			parts = []part{{"text", text}}
		} else if err := json.Unmarshal(m.Content, &parts); err != nil {
			return nil, usage("--messages %s: message %d: %w", path, i, err)
		}
		msg := chat.Message{Role: chat.Role(m.Role)}
		for _, p := range parts {
			content := chat.Content{Text: p.Text}
			switch p.Type {
			case "text", "input_text", "output_text":
			case "image", "image_url", "input_image":
				content.Kind = chat.Image
			case "audio", "input_audio", "audio_url":
				content.Kind = chat.Audio
			default:
				return nil, usage("--messages %s: message %d: part of type %q, want text, image or audio", path, i, p.Type)
			}
			msg.Content = append(msg.Content, content)
		}
		out = append(out, msg)
	}
	return out, nil
}
