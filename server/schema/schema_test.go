package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

const document = `{"components":{"schemas":{
 "Part":{"oneOf":[
  {"type":"object","required":["type","text"],"properties":{"type":{"const":"text"},"text":{"type":"string"}}},
  {"type":"object","required":["type","url"],"properties":{"type":{"const":"url"},"url":{"type":"string","pattern":"^data:"}}}]},
 "Content":{"anyOf":[{"type":["string","null"]},{"type":"array","minItems":1,"maxItems":2,"items":{"$ref":"#/components/schemas/Part"}}]},
 "Body":{"type":"object","required":["content"],"maxProperties":6,"properties":{
  "content":{"$ref":"#/components/schemas/Content"},
  "n":{"type":["integer","null"],"minimum":1,"maximum":1,"x-why":"there is one answer"},
  "mode":{"enum":["on","off",null]},
  "name":{"type":"string","minLength":2,"maxLength":3},
  "bias":{"type":"object","propertyNames":{"pattern":"^[0-9]+$"},"additionalProperties":{"type":"number"}},
  "shut":{"type":"object","properties":{"a":{"type":"boolean"}},"additionalProperties":false}}}
}}}`

func TestFirstFaultIsNamed(t *testing.T) {
	d, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		body, path, message string // message is a part of it; "" for no fault
		kind                Kind
	}{
		{`{"content":"x"}`, "", "", 0},
		{`{"content":null,"n":null,"mode":null,"other":[{}]}`, "", "", 0},
		{`{"content":[{"type":"text","text":""},{"type":"url","url":"data:x"}],"n":1.0,"mode":"on","name":"äöü"}`, "", "", 0},
		{`{"content":"x","bias":{"7":0.5},"shut":{"a":true}}`, "", "", 0},
		{`7`, "", "invalid type for the body: want an object, got an integer", Type},
		{`{}`, "content", "missing required parameter: content", Missing},
		{`{"content":7.5}`, "content", "want an array or null or a string", Type},
		{`{"content":{}}`, "content", "an array or null or a string, got an object", Type},
		{`{"content":[]}`, "content", "has 0 elements, want at least 1", Value},
		{`{"content":[{"type":"text","text":""},{"type":"text","text":""},{"type":"text","text":""}]}`, "content", "at most 2", Long},
		{`{"content":[7]}`, "content[0]", "want an object, got an integer", Type},
		{`{"content":[{}]}`, "content[0].type", "missing required", Missing},
		{`{"content":[{"type":"smell"}]}`, "content[0].type", `"smell", supported are "text", "url"`, Value},
		{`{"content":[{"type":["text"]}]}`, "content[0].type", "supported are", Value},
		{`{"content":[{"type":"text"}]}`, "content[0].text", "missing", Missing},
		{`{"content":[{"type":"text","text":7}]}`, "content[0].text", "want a string", Type},
		{`{"content":[{"type":"url","url":"http://x"}]}`, "content[0].url", "does not match", Value},
		{`{"content":"x","n":2}`, "n", "n is 2, want at most 1: there is one answer", Value},
		{`{"content":"x","n":0}`, "n", "at least 1", Value},
		{`{"content":"x","n":0.5}`, "n", "got a number", Type},
		{`{"content":"x","mode":"x"}`, "mode", `supported are "on", "off", null`, Value},
		{`{"content":"x","mode":["on"]}`, "mode", "invalid value", Value},
		{`{"content":"x","name":"a"}`, "name", "1 characters, want at least 2", Value},
		{`{"content":"x","name":"abcd"}`, "name", "at most 3", Long},
		{`{"content":"x","bias":{"x":1}}`, "bias.x", "does not match", Value},
		{`{"content":"x","bias":{"1":"1"}}`, "bias.1", "want a number", Type},
		{`{"content":"x","shut":{"b":1}}`, "shut.b", "unknown parameter", Value},
		{`{"content":"x","a":1,"b":1,"c":1,"d":1,"e":1,"f":1}`, "", "7 properties", Long},
	} {
		var v any
		if err := json.Unmarshal([]byte(tt.body), &v); err != nil {
			t.Fatal(err)
		}
		f := d.Check("Body", v)
		switch {
		case f == nil && tt.message == "":
		case f == nil || tt.message == "" || f.Path != tt.path || f.Kind != tt.kind || !strings.Contains(f.Message, tt.message):
			t.Errorf("%s: %+v, want kind %d at %q: %s", tt.body, f, tt.kind, tt.path, tt.message)
		}
	}
	if d.Check("None", nil) == nil {
		t.Error("a schema that does not exist: no fault")
	}
}

func TestSchemasThatCannotBeFollowedAreRefused(t *testing.T) {
	for _, schema := range []string{
		`{"$ref":"#/components/schemas/Other"}`, `{"items":{"$ref":"#/x"}}`, `{"exclusiveMinimum":1}`,
		`{"not":{}}`, `{"pattern":"("}`, `{"properties":{"a":{"allOf":[]}}}`, `{"anyOf":[{"if":{}}]}`, `7`,
	} {
		if _, err := Parse([]byte(`{"components":{"schemas":{"A":` + schema + `}}}`)); err == nil {
			t.Errorf("%s: no error", schema)
		}
	}
}
