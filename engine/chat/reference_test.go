package chat

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"hark/engine/token"
)

// soft is the number of soft tokens of every picture, clip and frame in the
// goldens.
const soft = 2

// tokenizer returns that of the test checkpoints.
func tokenizer(t testing.TB) *token.Tokenizer {
	t.Helper()
	data, err := os.ReadFile("../token/testdata/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	tok, err := token.Load(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// format returns the small or the large flavour.
func format(t testing.TB, large bool) (*token.Tokenizer, Format) {
	t.Helper()
	tok := tokenizer(t)
	f, err := NewGemma4(tok, large)
	if err != nil {
		t.Fatal(err)
	}
	return tok, f
}

// golden is a case of testdata/cases.json, in the words of the reference.
type golden struct {
	Flavour, Name, Text string
	IDs                 []token.ID
	Input               struct {
		Messages []struct {
			Role             Role
			Content          json.RawMessage
			Reasoning        string
			ReasoningContent string `json:"reasoning_content"`
			ToolCalls        []struct {
				ID       string
				Function struct {
					Name      string
					Arguments json.RawMessage
				}
			} `json:"tool_calls"`
			ToolCallID string `json:"tool_call_id"`
			Name       string
		}
		Tools []struct {
			Function struct {
				Name, Description    string
				Parameters, Response json.RawMessage
			}
		}
		Generate bool `json:"add_generation_prompt"`
		Think    bool `json:"enable_thinking"`
		Preserve bool `json:"preserve_thinking"`
	}
}

// kinds are the reference's names for kinds of content.
var kinds = map[string]Kind{
	"text": Text, "image": Image, "image_url": Image, "audio": Audio, "input_audio": Audio, "video": Video,
}

// conversation translates a golden.
func (g *golden) conversation(t testing.TB) ([]Message, Options) {
	t.Helper()
	o := Options{Generate: g.Input.Generate, Think: g.Input.Think, PreserveThinking: g.Input.Preserve}
	for _, tool := range g.Input.Tools {
		f := tool.Function
		o.Tools = append(o.Tools, Tool{f.Name, f.Description, f.Parameters, f.Response})
	}
	var msgs []Message
	media := 0
	for _, m := range g.Input.Messages {
		out := Message{Role: m.Role, Reasoning: m.Reasoning + m.ReasoningContent, ToolCallID: m.ToolCallID, Name: m.Name}
		for _, c := range m.ToolCalls {
			out.ToolCalls = append(out.ToolCalls, ToolCall{c.ID, c.Function.Name, c.Function.Arguments})
		}
		var text string
		var parts []struct{ Type, Text string }
		switch {
		case len(m.Content) == 0:
		case json.Unmarshal(m.Content, &text) == nil:
			out.Content = []Content{{Text: text}}
		case json.Unmarshal(m.Content, &parts) == nil:
			for _, p := range parts {
				c := Content{Kind: kinds[p.Type], Text: p.Text, Media: media}
				if c.Kind != Text {
					media++
				}
				if c.Kind == Video {
					c.Frames = []Frame{{0, c.Media}, {61*time.Second + 999*time.Millisecond, c.Media}}
				}
				out.Content = append(out.Content, c)
			}
		default:
			t.Fatalf("%s: content %s", g.Name, m.Content)
		}
		msgs = append(msgs, out)
	}
	return msgs, o
}

// flatten puts soft tokens in the place of media.
func flatten(t testing.TB, tok *token.Tokenizer, runs []Run) []token.ID {
	t.Helper()
	var ids []token.ID
	for _, r := range runs {
		ids = append(ids, r.IDs...)
		if r.Media < 0 {
			if len(r.IDs) == 0 || r.Kind != Text {
				t.Errorf("run %+v", r)
			}
			continue
		}
		id, ok := tok.Special([]string{Image: "<|image|>", Audio: "<|audio|>", Video: "<|video|>"}[r.Kind])
		if !ok || r.IDs != nil {
			t.Errorf("run %+v", r)
		}
		ids = append(ids, slices.Repeat([]token.ID{id}, soft)...)
	}
	return ids
}

// compare checks all cases of a file.
func compare(t *testing.T, path string, least int) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < least {
		t.Fatalf("%d cases, want %d", len(cases), least)
	}
	tok, small := format(t, false)
	_, large := format(t, true)
	for _, c := range cases {
		f := small
		if c.Flavour == "large" {
			f = large
		}
		msgs, o := c.conversation(t)
		text, err := f.Text(msgs, o)
		if err != nil {
			t.Errorf("%s, %s: %v", c.Name, c.Flavour, err)
			continue
		}
		if text != c.Text {
			t.Errorf("%s, %s:\n got %q\nwant %q", c.Name, c.Flavour, text, c.Text)
			continue
		}
		runs, err := f.Render(msgs, o)
		if err != nil {
			t.Errorf("%s, %s: %v", c.Name, c.Flavour, err)
			continue
		}
		if ids := flatten(t, tok, runs); !slices.Equal(ids, c.IDs) {
			t.Errorf("%s, %s: ids\n got %v\nwant %v", c.Name, c.Flavour, ids, c.IDs)
		}
	}
}

// TestRenderEqualsTheReference compares with the template under jinja2 and
// with the reference's tokenizer; tools/goldens/chat.py makes the file.
func TestRenderEqualsTheReference(t *testing.T) {
	t.Parallel()
	compare(t, "testdata/cases.json", 36)
}
