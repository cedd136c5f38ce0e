package grammar

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"hark/engine/token"
)

// stack is a place in the grammar and, above it, the places to return to. A
// stack without one is the end of the grammar. Stacks are made once for each
// content, so that equal ones are one pointer.
type stack struct {
	at    int // index of an element that is a byte or a token
	above *stack
	id    uint32
}

// maxStacks bounds the ways in which one text may be read; schemas need few.
const maxStacks = 4096

// MaxString is how many bytes a string in a tool call may have until the only
// token that is allowed is the one that ends it.
const MaxString = 8 << 10

// Matcher follows one answer. One goroutine may use it.
type Matcher struct {
	g     *Grammar
	v     *Vocabulary
	now   []*stack // sorted by id
	known map[[2]uint64]*stack
	masks map[string][]uint64 // allowed tokens by stacks, a bit each
	stops []token.ID

	inside bool // a string that is bounded
	said   int  // bytes of it
}

// New returns a Matcher at the beginning of g. stops are the ids that may end
// the answer where the grammar is complete.
func (g *Grammar) New(v *Vocabulary, stops []token.ID) *Matcher {
	m := &Matcher{g: g, v: v, known: map[[2]uint64]*stack{}, masks: map[string][]uint64{}, stops: stops}
	m.now = m.open(nil, 0, nil)
	return m
}

// push returns the stack with place at on top of above.
func (m *Matcher) push(at int, above *stack) *stack {
	var id uint64
	if above != nil {
		id = uint64(above.id) + 1
	}
	key := [2]uint64{uint64(at), id}
	s, ok := m.known[key]
	if !ok {
		s = &stack{at, above, uint32(len(m.known))}
		m.known[key] = s
	}
	return s
}

// doneAt is the place of the stack at the grammar's end.
const doneAt = -1

// open adds to list the stacks of all alternatives of a rule.
func (m *Matcher) open(list []*stack, rule int, above *stack) []*stack {
	for _, at := range m.g.rules[rule] {
		list = m.settle(list, at, above)
	}
	return list
}

// settle follows rules and ends from place at until a byte or a token is on
// top.
func (m *Matcher) settle(list []*stack, at int, above *stack) []*stack {
	if len(list) > maxStacks {
		return list
	}
	switch e := &m.g.elements[at]; e.kind {
	case end:
		if above == nil {
			return insert(list, m.push(doneAt, nil))
		}
		return m.settle(list, above.at+1, above.above)
	case oneRule:
		// A rule at the end of another needs no place to return to.
		back := above
		if m.g.elements[at+1].kind != end {
			back = m.push(at, above)
		}
		return m.open(list, e.rule, back)
	}
	return insert(list, m.push(at, above))
}

// insert keeps the list sorted and without doubles.
func insert(list []*stack, s *stack) []*stack {
	i, found := slices.BinarySearchFunc(list, s, func(a, b *stack) int { return int(a.id) - int(b.id) })
	if found {
		return list
	}
	return slices.Insert(list, i, s)
}

// step returns the stacks after x.
func (m *Matcher) step(now []*stack, x symbol) []*stack {
	var next []*stack
	for _, s := range now {
		if s.at == doneAt {
			continue
		}
		e := &m.g.elements[s.at]
		if e.kind == oneByte && x < 256 && e.set.has(byte(x)) || e.kind == oneToken && e.id == x {
			next = m.settle(next, s.at+1, s.above)
		}
	}
	return next
}

// Done reports whether the grammar is complete, so that the answer may end.
func (m *Matcher) Done() bool {
	return slices.ContainsFunc(m.now, func(s *stack) bool { return s.at == doneAt })
}

// Over reports whether nothing may follow any more.
func (m *Matcher) Over() bool { return len(m.now) == 1 && m.now[0].at == doneAt }

// Accept follows a token that was picked. An error means that the grammar
// does not allow it; the Matcher is then where it was.
func (m *Matcher) Accept(id token.ID) error {
	if m.Done() && slices.Contains(m.stops, id) {
		return nil
	}
	next := m.now
	for _, x := range m.v.symbols(id) {
		if next = m.step(next, x); len(next) == 0 {
			return fmt.Errorf("grammar: token %d is not allowed here", id)
		}
	}
	m.now = next
	m.count(id)
	return nil
}

// count keeps the length of the string that is open.
func (m *Matcher) count(id token.ID) {
	symbols := m.v.symbols(id)
	switch {
	case m.g.quote == 0:
	case symbols[0] == m.g.quote:
		m.inside, m.said = !m.inside, 0
	case m.inside:
		m.said += len(symbols)
	}
}

// full reports whether a string has to end here. Inside a character it cannot.
func (m *Matcher) full() bool {
	return m.inside && m.said >= MaxString && len(m.step(m.now, m.g.quote)) > 0
}

// Mask makes the logits [V] of all tokens that may not come next -Inf. What is
// allowed is remembered by the stacks, so that the inside of a string, say,
// costs the walk over the vocabulary once.
func (m *Matcher) Mask(logits []float32) {
	allowed := m.allowed(len(logits))
	for i := range logits {
		if allowed[i>>6]>>(i&63)&1 == 0 {
			logits[i] = float32(math.Inf(-1))
		}
	}
}

func (m *Matcher) allowed(n int) []uint64 {
	key := make([]byte, 0, 4*len(m.now))
	for _, s := range m.now {
		key = binary.LittleEndian.AppendUint32(key, s.id)
	}
	full := m.full()
	if full {
		key = append(key, 1) // no list of stacks has this length
	}
	if bits, ok := m.masks[string(key)]; ok {
		return bits
	}
	bits := make([]uint64, (n+63)/64)
	if full {
		if id := int(m.g.quote - 256); id < n {
			bits[id>>6] |= 1 << (id & 63)
		}
		m.masks[string(key)] = bits
		return bits
	}
	allow := func(id token.ID) {
		if int(id) < n {
			bits[id>>6] |= 1 << (id & 63)
		}
	}
	m.walk(&m.v.root, m.now, allow)
	for _, s := range m.now {
		if s.at != doneAt && m.g.elements[s.at].kind == oneToken {
			allow(token.ID(m.g.elements[s.at].id - 256))
		}
	}
	if m.Done() {
		for _, id := range m.stops {
			allow(id)
		}
	}
	m.masks[string(key)] = bits
	return bits
}

// walk allows the tokens below n that now can go on with.
func (m *Matcher) walk(n *node, now []*stack, allow func(token.ID)) {
	for _, id := range n.ids {
		allow(id)
	}
	for i := range n.next {
		if next := m.step(now, symbol(n.next[i].b)); len(next) > 0 {
			m.walk(n.next[i].to, next, allow)
		}
	}
}
