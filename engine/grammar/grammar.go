// Package grammar keeps what a model writes within a JSON schema: the text of
// an answer, or the arguments of a tool call in Gemma's own syntax.
//
// A schema becomes a context-free grammar over bytes and special tokens. A
// Matcher follows it with a set of stacks, one for each way in which what was
// written so far can be read, and forbids every token that none of them can go
// on with.
//
// Start reading at JSON, then Matcher.Mask.
package grammar

import "fmt"

// symbol is a byte, or a special token above them.
type symbol int32

// special is the symbol of a special token.
func special(id int32) symbol { return symbol(id) + 256 }

// set is a set of bytes.
type set [4]uint64

func (s *set) add(from, to byte) {
	for b := int(from); b <= int(to); b++ {
		s[b>>6] |= 1 << (b & 63)
	}
}

func (s *set) has(b byte) bool { return s[b>>6]>>(b&63)&1 == 1 }

func span(from, to byte) set {
	var s set
	s.add(from, to)
	return s
}

// element is a place in a rule: one byte of a set, one special token, another
// rule, or the end of the rule.
type element struct {
	kind kind
	set  set
	id   symbol // of a special token
	rule int    // of another rule
}

type kind uint8

const (
	end kind = iota
	oneByte
	oneToken
	oneRule
)

// Grammar is a set of rules; rule 0 is where it begins. It does not change
// and may be shared.
type Grammar struct {
	elements []element // all alternatives of all rules, each closed by an end
	rules    [][]int   // of each rule, where its alternatives begin
	quote    symbol    // begins and ends strings that are bounded, see MaxString; 0: none
}

// builder makes a Grammar.
type builder struct {
	rules [][][]element
	named map[string]int
}

// maxRules bounds a grammar, and so a schema's size and depth.
const maxRules = 20000

// rule adds a rule and returns its number. A name that is known already gives
// the rule made then; an empty one always makes a new rule.
func (b *builder) rule(name string, alternatives ...[]element) int {
	if name != "" {
		if n, ok := b.named[name]; ok {
			return n
		}
	}
	b.rules = append(b.rules, alternatives)
	n := len(b.rules) - 1
	if name != "" {
		b.named[name] = n
	}
	return n
}

func newBuilder() *builder { return &builder{named: map[string]int{}} }

func ref(rule int) element { return element{kind: oneRule, rule: rule} }

func anyOf(s set) element { return element{kind: oneByte, set: s} }

// text is the bytes of s, one after the other.
func text(s string) []element {
	out := make([]element, 0, len(s))
	for i := range len(s) {
		out = append(out, anyOf(span(s[i], s[i])))
	}
	return out
}

// sequence joins elements and lists of them.
func sequence(parts ...any) []element {
	var out []element
	for _, p := range parts {
		switch p := p.(type) {
		case element:
			out = append(out, p)
		case []element:
			out = append(out, p...)
		case string:
			out = append(out, text(p)...)
		default:
			panic(fmt.Sprintf("grammar: a sequence of %T", p))
		}
	}
	return out
}

// repeated is a rule for least to most times e; most < 0: any number.
func (b *builder) repeated(e []element, least, most int) element {
	var tail []element
	if most < 0 {
		n := b.rule("")
		b.rules[n] = [][]element{{}, sequence(e, ref(n))}
		tail = []element{ref(n)}
	} else {
		for range most - least {
			tail = []element{ref(b.rule("", []element{}, sequence(e, tail)))}
		}
	}
	all := []element{}
	for range least {
		all = append(all, e...)
	}
	return ref(b.rule("", sequence(all, tail)))
}

// optional is a rule for e or nothing.
func (b *builder) optional(e []element) element { return ref(b.rule("", []element{}, e)) }

// grammar flattens the rules; start becomes rule 0.
func (b *builder) grammar(start int) *Grammar {
	g := &Grammar{rules: make([][]int, len(b.rules))}
	number := func(rule int) int { // swaps start and 0
		switch rule {
		case start:
			return 0
		case 0:
			return start
		}
		return rule
	}
	for i, alternatives := range b.rules {
		for _, a := range alternatives {
			g.rules[number(i)] = append(g.rules[number(i)], len(g.elements))
			for _, e := range a {
				e.rule = number(e.rule)
				g.elements = append(g.elements, e)
			}
			g.elements = append(g.elements, element{kind: end})
		}
	}
	return g
}
