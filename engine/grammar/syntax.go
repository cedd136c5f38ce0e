package grammar

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"hark/engine/token"
)

// syntax is a way to write values down: JSON, or the arguments of Gemma's tool
// calls. Source of the latter: gemma4.md 6.1 and 6.3.
type syntax struct {
	*builder
	call  bool   // keys are bare and sorted, strings are between quote tokens
	quote symbol // Gemma's <|"|>
	rules map[*schema]int
	err   error
}

// JSON returns the grammar of the JSON texts that a schema allows. An empty
// schema allows every JSON value.
func JSON(data json.RawMessage) (*Grammar, error) {
	s, err := parseSchema(data)
	if err != nil {
		return nil, err
	}
	x := &syntax{builder: newBuilder(), rules: map[*schema]int{}}
	start := x.value(s)
	return x.finish(start)
}

// Tool is a function that may be called.
type Tool struct {
	Name       string
	Parameters json.RawMessage // JSON schema of the arguments
}

// Markers are the special tokens of a tool call.
type Markers struct {
	Open, Close, Quote token.ID // <|tool_call>, <tool_call|>, <|"|>
}

// Calls returns the grammar of one tool call or, if many is set, of one after
// another: <|tool_call>call:NAME{…}<tool_call|>. If opened is set the first
// opening marker has been written already. Strings end after MaxString bytes:
// a model that was not trained for it may find no end by itself.
func Calls(tools []Tool, m Markers, many, opened bool) (*Grammar, error) {
	if len(tools) == 0 {
		return nil, fmt.Errorf("grammar: no tool to call")
	}
	x := &syntax{builder: newBuilder(), call: true, quote: special(int32(m.Quote)), rules: map[*schema]int{}}
	var bodies [][]element
	for _, t := range tools {
		s, err := parseSchema(t.Parameters)
		if err != nil {
			return nil, fmt.Errorf("tool %s: %w", t.Name, err)
		}
		arguments := x.object(s)
		if s.any {
			arguments = x.object(&schema{additional: &schema{any: true}})
		}
		bodies = append(bodies, sequence("call:"+t.Name, arguments))
	}
	open, shut := element{kind: oneToken, id: special(int32(m.Open))}, element{kind: oneToken, id: special(int32(m.Close))}
	body := sequence(ref(x.rule("", bodies...)), shut)
	whole := sequence(open, body)
	first := whole
	if opened {
		first = body
	}
	if many {
		first = sequence(first, x.repeated(whole, 0, -1))
	}
	return x.finish(x.rule("", first))
}

func (x *syntax) finish(start int) (*Grammar, error) {
	if x.err == nil && len(x.builder.rules) > maxRules {
		x.err = fmt.Errorf("grammar: the schema needs %d rules, at most %d are supported", len(x.builder.rules), maxRules)
	}
	if x.err == nil && x.leftRecursive() {
		x.err = fmt.Errorf("grammar: the schema refers to itself without a value between")
	}
	if x.err != nil {
		return nil, x.err
	}
	g := x.grammar(start)
	g.quote = x.quote
	return g, nil
}

// value returns the rule of a schema's values. It is known before its parts
// are, so that a schema may contain itself.
func (x *syntax) value(s *schema) int {
	if n, ok := x.rules[s]; ok {
		return n
	}
	n := x.rule("")
	x.rules[s] = n
	x.builder.rules[n] = x.alternatives(s)
	return n
}

func (x *syntax) alternatives(s *schema) (out [][]element) {
	switch {
	case s.none:
		return [][]element{{anyOf(set{})}} // no byte: nothing fits
	case s.any:
		return [][]element{{ref(x.anything())}}
	case len(s.variants) > 0:
		for _, v := range s.variants {
			out = append(out, []element{ref(x.value(v))})
		}
		return out
	case len(s.enum) > 0:
		for _, v := range s.enum {
			out = append(out, x.literal(v))
		}
		return out
	}
	for _, t := range s.types {
		switch t {
		case "string":
			out = append(out, []element{ref(x.str())})
		case "number":
			out = append(out, []element{ref(x.number(true))})
		case "integer":
			out = append(out, []element{ref(x.number(false))})
		case "boolean":
			out = append(out, text("true"), text("false"))
		case "null":
			out = append(out, text("null"))
		case "object":
			out = append(out, x.object(s))
		case "array":
			out = append(out, x.array(s))
		}
	}
	return out
}

// anything is the rule of all values.
func (x *syntax) anything() int {
	if n, ok := x.named["anything"]; ok {
		return n
	}
	n := x.rule("anything")
	all := &schema{any: true}
	x.rules[all] = n
	x.builder.rules[n] = [][]element{
		{ref(x.str())}, {ref(x.number(true))}, text("true"), text("false"), text("null"),
		x.object(&schema{additional: all}), x.array(&schema{items: all, maxItems: -1}),
	}
	return n
}

// space is optional white space between the parts of JSON, bounded so that an
// answer cannot consist of it. Gemma's calls have none.
func (x *syntax) space() []element {
	if x.call {
		return nil
	}
	const indent = 24
	n, ok := x.named["space"]
	if !ok {
		n = x.rule("space", []element{}, text(" "), sequence("\n", x.repeated(text(" "), 0, indent)))
	}
	return []element{ref(n)}
}

// character is one character of a string, whole in UTF-8; without is what
// must be escaped or cannot be said.
func (x *syntax) character(name string, without string) int {
	var plain set
	plain.add(0x20, 0x7f)
	for i := range len(without) {
		plain[without[i]>>6] &^= 1 << (without[i] & 63)
	}
	tail := anyOf(span(0x80, 0xbf))
	return x.rule(name,
		[]element{anyOf(plain)},
		[]element{anyOf(span(0xc2, 0xdf)), tail},
		[]element{anyOf(span(0xe0, 0xe0)), anyOf(span(0xa0, 0xbf)), tail},
		[]element{anyOf(span(0xe1, 0xec)), tail, tail},
		[]element{anyOf(span(0xed, 0xed)), anyOf(span(0x80, 0x9f)), tail},
		[]element{anyOf(span(0xee, 0xef)), tail, tail},
		[]element{anyOf(span(0xf0, 0xf0)), anyOf(span(0x90, 0xbf)), tail, tail},
		[]element{anyOf(span(0xf1, 0xf3)), tail, tail, tail},
		[]element{anyOf(span(0xf4, 0xf4)), anyOf(span(0x80, 0x8f)), tail, tail})
}

// str is the rule of strings.
func (x *syntax) str() int {
	if n, ok := x.named["string"]; ok {
		return n
	}
	if x.call {
		var line set
		line.add('\n', '\n')
		line.add('\t', '\t')
		c := x.rule("", []element{ref(x.character("", ""))}, []element{anyOf(line)})
		q := element{kind: oneToken, id: x.quote}
		return x.rule("string", sequence(q, x.repeated([]element{ref(c)}, 0, -1), q))
	}
	var simple, hex set
	for _, c := range []byte(`"\/bfnrt`) {
		simple.add(c, c)
	}
	hex.add('0', '9')
	hex.add('a', 'f')
	hex.add('A', 'F')
	h := anyOf(hex)
	c := x.rule("", []element{ref(x.character("", `"\`))}, sequence(`\`, anyOf(simple)), sequence(`\u`, h, h, h, h))
	return x.rule("string", sequence(`"`, x.repeated([]element{ref(c)}, 0, -1), `"`))
}

// number is the rule of numbers, of at most 16 digits before and after the
// point so that they end.
func (x *syntax) number(fraction bool) int {
	const digits = 16
	name := "integer"
	if fraction {
		name = "number"
	}
	if n, ok := x.named[name]; ok {
		return n
	}
	digit := []element{anyOf(span('0', '9'))}
	whole := x.rule("", text("0"), sequence(anyOf(span('1', '9')), x.repeated(digit, 0, digits-1)))
	parts := []any{x.optional(text("-")), ref(whole)}
	if fraction {
		var e, sign set
		e.add('e', 'e')
		e.add('E', 'E')
		sign.add('+', '+')
		sign.add('-', '-')
		parts = append(parts, x.optional(sequence(".", x.repeated(digit, 1, digits))),
			x.optional(sequence(anyOf(e), x.optional([]element{anyOf(sign)}), x.repeated(digit, 1, 3))))
	}
	return x.rule(name, sequence(parts...))
}

// key writes a property's name.
func (x *syntax) key(name string) []element {
	if x.call {
		return text(name)
	}
	return text(quoted(name))
}

// quoted is a JSON string without HTML escapes.
func quoted(s string) string {
	data, err := json.Marshal(s)
	if err != nil || !utf8.ValidString(s) {
		return strconv.Quote(s)
	}
	return string(data)
}

// object writes known properties in order, those that are not required may be
// left out, and then others if the schema allows some.
func (x *syntax) object(s *schema) []element {
	properties := s.properties
	if x.call {
		properties = sorted(properties)
	}
	comma, colon := sequence(x.space(), ",", x.space()), sequence(x.space(), ":", x.space())
	// rest[first] is what may follow property i: first says that none was written.
	var others []element
	if s.additional != nil {
		name := []element{ref(x.str())}
		if x.call {
			name = []element{ref(x.bare())}
		}
		others = sequence(name, colon, ref(x.value(s.additional)))
	}
	tail := func(first bool) []element {
		if others == nil {
			return nil
		}
		more := x.repeated(sequence(comma, others), 0, -1)
		if first {
			return []element{x.optional(sequence(others, more))}
		}
		return []element{more}
	}
	after, fresh := tail(false), tail(true)
	for i := len(properties) - 1; i >= 0; i-- {
		p := properties[i]
		pair := sequence(x.key(p.name), colon, ref(x.value(p.value)))
		with := sequence(comma, pair, after)
		withFirst := sequence(pair, after)
		if p.required {
			after, fresh = []element{ref(x.rule("", with))}, []element{ref(x.rule("", withFirst))}
			continue
		}
		after, fresh = []element{ref(x.rule("", with, after))}, []element{ref(x.rule("", withFirst, fresh))}
	}
	return sequence("{", x.space(), fresh, x.space(), "}")
}

// bare is the rule of keys without quotes.
func (x *syntax) bare() int {
	var s set
	s.add('a', 'z')
	s.add('A', 'Z')
	s.add('0', '9')
	s.add('_', '_')
	s.add('-', '-')
	return x.rule("bare", []element{x.repeated([]element{anyOf(s)}, 1, 64)})
}

func (x *syntax) array(s *schema) []element {
	item := []element{ref(x.anything())}
	if s.items != nil {
		item = []element{ref(x.value(s.items))}
	}
	next := sequence(x.space(), ",", x.space(), item)
	inside := func(least int) []element {
		most := s.maxItems
		if most > 0 {
			most--
		}
		return sequence(item, x.repeated(next, max(least-1, 0), most))
	}
	var list []element
	switch {
	case s.maxItems == 0:
	case s.minItems == 0:
		list = []element{x.optional(inside(1))}
	default:
		list = inside(s.minItems)
	}
	return sequence("[", x.space(), list, x.space(), "]")
}

// literal writes one value of an enum.
func (x *syntax) literal(v json.RawMessage) []element {
	if !x.call {
		var compact any
		if err := json.Unmarshal(v, &compact); err != nil {
			x.fail(fmt.Errorf("grammar: enum: %w", err))
			return nil
		}
		if s, ok := compact.(string); ok {
			return text(quoted(s))
		}
		return text(string(v))
	}
	var s string
	if json.Unmarshal(v, &s) == nil {
		q := element{kind: oneToken, id: x.quote}
		return sequence(q, s, q)
	}
	var scalar any
	if err := json.Unmarshal(v, &scalar); err != nil {
		x.fail(fmt.Errorf("grammar: enum: %w", err))
		return nil
	}
	switch scalar.(type) {
	case map[string]any, []any:
		x.fail(fmt.Errorf("grammar: enum of objects or lists is not supported in tool calls"))
		return nil
	}
	return text(string(v))
}

func (x *syntax) fail(err error) {
	if x.err == nil {
		x.err = err
	}
}
