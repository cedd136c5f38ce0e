package realtime

import "strings"

// maxID is the longest id that a client may choose for an item or a call. The
// protocol says 32; longer ones are taken.
const maxID = 512

func (o object) id(name string) string {
	s, _ := o.text(name)
	if len(s) > maxID {
		o.r.fail(CodeTooLong, o.param(name), "%s has %d characters, want at most %d", o.param(name), len(s), maxID)
	}
	return s
}

// decodeItem reads an item. References are only allowed in the input of a
// response.
func decodeItem(o object, reference bool) Item {
	var it Item
	o.need("type")
	name, _ := o.text("type")
	allowed := []string{string(Message), string(FunctionCall), string(FunctionCallOutput)}
	if reference {
		allowed = append(allowed, string(ItemReference))
	}
	if !o.oneOf("type", name, allowed...) {
		return it
	}
	it.Type = ItemType(name)
	it.ID = o.id("id")
	switch it.Type {
	case Message:
		decodeMessage(o, &it)
	case FunctionCall:
		o.need("name")
		it.Name, _ = o.text("name")
		it.CallID = o.id("call_id")
		it.Arguments, _ = o.text("arguments")
		if strings.TrimSpace(it.Arguments) == "" {
			it.Arguments = "{}"
		}
	case FunctionCallOutput:
		o.need("call_id")
		it.CallID = o.id("call_id")
		it.Output, _ = o.text("output")
	case ItemReference:
		o.need("id")
	}
	return it
}

func decodeMessage(o object, it *Item) {
	o.need("role")
	role, _ := o.text("role")
	if role == "developer" {
		role = string(RoleSystem)
	}
	if !o.oneOf("role", role, string(RoleSystem), string(RoleUser), string(RoleAssistant)) {
		return
	}
	it.Role = Role(role)
	// An answer that was cut off may be replayed as such.
	if status, _ := o.text("status"); status == string(Incomplete) {
		it.Status = Incomplete
	}
	if raw := o.raw("content"); len(raw) > 0 && raw[0] == '"' { // the form of chat completions
		s, _ := o.text("content")
		it.Content = []Content{{Type: it.Role.text(), Text: s}}
		return
	}
	o.need("content")
	raws, _ := o.list("content")
	for i, raw := range raws {
		if part, ok := o.r.object(o.index("content", i), raw); ok {
			it.Content = append(it.Content, decodeContent(part, it.Role))
		}
	}
}

// text returns the type of text parts in messages of the role.
func (r Role) text() ContentType {
	if r == RoleAssistant {
		return OutputText
	}
	return InputText
}

// decodeContent reads a part. Text and audio are accepted under every name
// that a version of the protocol has for them.
func decodeContent(o object, role Role) Content {
	var c Content
	o.need("type")
	name, _ := o.text("type")
	switch name {
	case "input_text", "output_text", "text":
		c.Type = role.text()
		o.need("text")
		c.Text, _ = o.text("text")
	case "input_audio", "output_audio", "audio":
		c.Type = InputAudio
		if role == RoleAssistant {
			c.Type = OutputAudio
		}
		c.Audio, _ = o.bytes("audio")
		c.Transcript, _ = o.text("transcript")
		if role == RoleSystem {
			o.r.fail(CodeInvalidValue, o.param("type"), "a system message has text only, got %q", name)
		}
	case "input_image":
		c.Type = InputImage
		if role != RoleUser {
			o.r.fail(CodeInvalidValue, o.param("type"), "only a user message has pictures, this one is of role %q", role)
		}
		decodeImage(o, &c)
	default:
		o.oneOf("type", name, "input_text", "input_audio", "input_image", "output_text", "output_audio")
	}
	return c
}

// decodeImage reads a data URI, as a string or as {"url": …}.
func decodeImage(o object, c *Content) {
	field := o
	name := "image_url"
	if raw := o.raw(name); len(raw) > 0 && raw[0] == '{' {
		field, _ = o.object(name)
		name = "url"
	}
	if !field.need(name) {
		return
	}
	url, ok := field.text(name)
	if !ok {
		return
	}
	data, err := DecodeDataURI(url)
	if err != nil {
		field.r.fail(CodeInvalidValue, field.param(name), "%s: %v", field.param(name), err)
		return
	}
	c.Image = data
	if len(url) <= maxImageEcho {
		c.ImageURL = url
	}
	if c.Detail, ok = o.text("detail"); ok {
		o.oneOf("detail", c.Detail, "auto", "low", "high")
	}
}

func decodeTools(o object) (tools Opt[[]Tool]) {
	raws, ok := o.list("tools")
	if !ok {
		return tools
	}
	tools = some(make([]Tool, 0, len(raws)))
	for i, raw := range raws {
		if tool, ok := o.r.object(o.index("tools", i), raw); ok {
			tools.Value = append(tools.Value, decodeTool(tool))
		}
	}
	return tools
}

// decodeTool reads the flat form, or the nested one of chat completions.
func decodeTool(o object) Tool {
	var t Tool
	kind, ok := o.text("type")
	if ok && !o.oneOf("type", kind, "function") {
		return t
	}
	if nested, ok := o.object("function"); ok {
		o = nested
	}
	o.need("name")
	t.Name, _ = o.text("name")
	t.Description, _ = o.text("description")
	if _, ok := o.object("parameters"); ok {
		t.Parameters = o.raw("parameters")
	}
	return t
}

// decodeToolChoice reads a mode, or an object that names a function.
func decodeToolChoice(o object) (c Opt[ToolChoice]) {
	raw := o.raw("tool_choice")
	if raw == nil {
		return c
	}
	if raw[0] != '{' {
		mode, ok := o.text("tool_choice")
		if !ok || !o.oneOf("tool_choice", mode, "auto", "none", "required") {
			return c
		}
		return some(ToolChoice{Mode: mode})
	}
	choice, ok := o.object("tool_choice")
	if !ok {
		return c
	}
	kind, _ := choice.text("type")
	if !choice.oneOf("type", kind, "function") {
		return c
	}
	if nested, ok := choice.object("function"); ok {
		choice = nested
	}
	choice.need("name")
	name, _ := choice.text("name")
	return some(ToolChoice{Mode: "required", Name: name})
}
