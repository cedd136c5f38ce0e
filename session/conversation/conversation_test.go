package conversation

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"hark/engine/chat"
	"hark/engine/token"
	"hark/session/realtime"
)

type medium struct {
	tokens int
	closed int
}

func (m *medium) Tokens() int { return m.tokens }
func (m *medium) Close()      { m.closed++ }

func user(id string, parts ...realtime.Content) *Item {
	return &Item{Item: realtime.Item{ID: id, Type: realtime.Message, Role: realtime.RoleUser, Content: parts}}
}

func text(s string) realtime.Content { return realtime.Content{Type: realtime.InputText, Text: s} }

func assistant(id, s string, ids ...token.ID) *Item {
	return &Item{Item: realtime.Item{ID: id, Type: realtime.Message, Role: realtime.RoleAssistant,
		Content: []realtime.Content{{Type: realtime.OutputText, Text: s}}}, IDs: ids}
}

func order(l *List) string {
	var ids []string
	for _, it := range l.Items() {
		ids = append(ids, it.ID)
	}
	return strings.Join(ids, " ")
}

func TestItemsKeepTheirPlaces(t *testing.T) {
	var l List
	l.Add(user("a"))
	l.Add(user("b"))
	for _, tt := range []struct {
		previous, id string
		ok           bool
		want         string
	}{
		{"a", "c", true, "a c b"},
		{realtime.RootItem, "d", true, "d a c b"},
		{"", "e", true, "d a c b e"},
		{"x", "f", false, "d a c b e"},
	} {
		if ok := l.Insert(tt.previous, user(tt.id)); ok != tt.ok || order(&l) != tt.want {
			t.Errorf("Insert(%q) = %v, order %q, want %v, %q", tt.previous, ok, order(&l), tt.ok, tt.want)
		}
	}
	if got := l.Before(l.Get("c")); got != "a" {
		t.Errorf("Before(c) = %q, want a", got)
	}
	if got := l.Before(l.Get("d")); got != "" {
		t.Errorf("Before(d) = %q, want none", got)
	}
	if l.Last() != "e" || l.Get("f") != nil || l.Len() != 5 {
		t.Errorf("Last %q, Len %d", l.Last(), l.Len())
	}
}

func TestMediaAreFreedOnce(t *testing.T) {
	var l List
	m := &medium{tokens: 3}
	it := user("a", text("x"))
	it.Attach(0, m)
	l.Add(it)
	if it.Tokens() != 3 {
		t.Errorf("Tokens = %d, want 3", it.Tokens())
	}
	if l.Delete("a") != it || l.Delete("a") != nil || l.Len() != 0 || l.Last() != "" {
		t.Errorf("%d items left", l.Len())
	}
	it.Close()
	it.Close()
	l.Add(it)
	l.Close()
	if m.closed != 1 {
		t.Errorf("closed %d times, want once", m.closed)
	}
}

// show prints messages as a line each.
func show(messages []chat.Message) string {
	var b strings.Builder
	for _, m := range messages {
		fmt.Fprintf(&b, "%s:", m.Role)
		for _, c := range m.Content {
			switch {
			case c.Kind == chat.Image:
				fmt.Fprintf(&b, " image%d(%d)", c.Media, c.Tokens)
			case c.Kind == chat.Audio:
				fmt.Fprintf(&b, " audio%d(%d)", c.Media, c.Tokens)
			case c.IDs != nil:
				fmt.Fprintf(&b, " %v", c.IDs)
			default:
				fmt.Fprintf(&b, " %q", c.Text)
			}
		}
		for _, c := range m.ToolCalls {
			fmt.Fprintf(&b, " call %s %s %s", c.ID, c.Name, c.Arguments)
		}
		if m.ToolCallID != "" {
			fmt.Fprintf(&b, " for %s", m.ToolCallID)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestRender(t *testing.T) {
	picture := user("p", realtime.Content{Type: realtime.InputImage})
	picture.Attach(0, &medium{tokens: 64})
	speech := user("s", realtime.Content{Type: realtime.InputAudio, Transcript: "unused"})
	speech.Attach(0, &medium{tokens: 25})
	speech.Attach(0, &medium{tokens: 5})
	replayed := user("r", realtime.Content{Type: realtime.InputAudio, Transcript: "hello there"})
	system := &Item{Item: realtime.Item{Type: realtime.Message, Role: realtime.RoleSystem, Content: []realtime.Content{text("Be kind.")}}}
	call := func(id string) *Item {
		return &Item{Item: realtime.Item{Type: realtime.FunctionCall, CallID: id, Name: "f", Arguments: "{}"}}
	}
	output := func(id string) *Item {
		return &Item{Item: realtime.Item{Type: realtime.FunctionCallOutput, CallID: id, Output: "42"}}
	}
	forgotten := user("x", text("old"))
	forgotten.Forgotten = true
	for _, tt := range []struct {
		name, instructions string
		items              []*Item
		want               string
		media              int
	}{
		{"empty", "", nil, "", 0},
		{"instructions", "Be brief.", []*Item{system}, "system: \"Be brief.\\nBe kind.\"\n", 0},
		{"picture then speech is one turn", "", []*Item{picture, speech}, "user: image0(64) audio1(25) audio2(5)\n", 3},
		{"texts meet on lines", "", []*Item{user("a", text("one")), user("b", text("two")), picture, user("c", text("three"))},
			"user: \"one\\ntwo\" image0(64) \"three\"\n", 1},
		{"own ids", "", []*Item{user("a", text("hi")), assistant("b", "Hello", 7, 8), user("c", text("and?"))},
			"user: \"hi\"\nassistant: [7 8]\nuser: \"and?\"\n", 0},
		{"replayed words", "", []*Item{replayed, assistant("b", "Hello")}, "user: \"hello there\"\nassistant: \"Hello\"\n", 0},
		{"calls", "", []*Item{user("a", text("hi")), call("1"), call("2"), output("1"), output("2")},
			"user: \"hi\"\nassistant: call 1 f {} call 2 f {}\ntool: \"42\" for 1\ntool: \"42\" for 2\n", 0},
		{"speech while a tool works", "", []*Item{call("1"), user("a", text("hurry")), output("1")},
			"assistant: call 1 f {}\nuser: \"hurry\"\ntool: \"42\" for 1\n", 0},
		{"output without a call", "", []*Item{output("9")}, "user: \"42\"\n", 0},
		{"empty things", "", []*Item{user("a"), user("b", text("  ")), assistant("c", "")}, "", 0},
		{"forgotten", "", []*Item{forgotten, user("a", text("new"))}, "user: \"new\"\n", 0},
	} {
		messages, media := Render(tt.instructions, tt.items)
		if got := show(messages); got != tt.want || len(media) != tt.media {
			t.Errorf("%s:\n got %s with %d media\nwant %s with %d", tt.name, got, len(media), tt.want, tt.media)
		}
	}
}

func TestRenderLeavesItemsAlone(t *testing.T) {
	items := []*Item{user("a", text("one")), user("b", text("two"))}
	Render("", items)
	first, _ := Render("", items)
	second, _ := Render("", items)
	if !reflect.DeepEqual(first, second) {
		t.Errorf("%s then %s", show(first), show(second))
	}
}
