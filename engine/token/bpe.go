package token

import (
	"strings"
	"unicode/utf8"
)

// pairs says which two neighbours merge, in which order of preference, and
// into what: a hash table of open addressing, at most half full.
type pairs struct {
	slots []pair
	shift uint
	n     int
}

// pair is a slot: left<<32|right, one added so that 0 is an empty slot, and
// rank<<32|result.
type pair struct{ key, value uint64 }

// newPairs makes room for n pairs.
func newPairs(n int) pairs {
	p := pairs{shift: 64 - 4}
	for 1<<(64-p.shift) < 2*n {
		p.shift--
	}
	p.slots = make([]pair, 1<<(64-p.shift))
	return p
}

// slot returns where a key is, or where it would be put.
func (p *pairs) slot(key uint64) *pair {
	i := key * 0x9e3779b97f4a7c15 >> p.shift // 2^64 divided by the golden ratio
	for {
		s := &p.slots[i]
		if s.key == key || s.key == 0 {
			return s
		}
		i = (i + 1) & uint64(len(p.slots)-1)
	}
}

// set notes a merge, in place of an earlier one of the same pair.
func (p *pairs) set(left, right ID, rank int, result ID) {
	if 2*(p.n+1) > len(p.slots) {
		old := p.slots
		*p = newPairs(2 * (p.n + 1))
		for _, s := range old {
			if s.key != 0 {
				*p.slot(s.key) = s
				p.n++
			}
		}
	}
	key := uint64(left)<<32 | uint64(right) + 1
	s := p.slot(key)
	if s.key == 0 {
		p.n++
	}
	*s = pair{key, uint64(rank)<<32 | uint64(result)}
}

// get returns the rank of a merge and what comes of it.
func (p *pairs) get(left, right ID) (rank uint32, result ID, ok bool) {
	s := p.slot(uint64(left)<<32 | uint64(right) + 1)
	return uint32(s.value >> 32), ID(uint32(s.value)), s.key != 0
}

// word is a run of text while it is merged: symbols in a doubly linked list,
// and the merges that were possible when they were noted, by rank and place.
type word struct {
	symbols    []ID // none where a symbol was swallowed by its left neighbour
	prev, next []int32
	queue      queue
}

// run appends the tokens of text that holds no added token.
func (t *Tokenizer) run(dst []ID, text string, w *word) []ID {
	if text == "" {
		return dst
	}
	if t.normalize.from != "" {
		text = strings.ReplaceAll(text, t.normalize.from, t.normalize.to)
	}
	if t.whole {
		if id, ok := t.ids[text]; ok && t.flags[id]&special == 0 {
			return append(dst, id)
		}
	}
	w.symbols = t.symbols(w.symbols[:0], text)
	t.merge(w)
	for _, id := range w.symbols {
		if id != none {
			dst = append(dst, id)
		}
	}
	return dst
}

// symbols appends the tokens of single code points, and those of their bytes
// where a code point is no token.
func (t *Tokenizer) symbols(dst []ID, text string) []ID {
	fused := false
	for i := 0; i < len(text); {
		c, size := rune(text[i]), 1
		id := none
		if c < utf8.RuneSelf {
			id = t.ascii[c]
		} else if c, size = utf8.DecodeRuneInString(text[i:]); c != utf8.RuneError || size > 1 {
			if found, ok := t.runes[c]; ok {
				id = found
			}
		}
		part := text[i : i+size]
		i += size
		if id != none {
			dst, fused = append(dst, id), false
			continue
		}
		n := len(dst)
		for j := range len(part) {
			if id := t.bytes[part[j]]; id != none {
				dst = append(dst, id)
			}
		}
		if len(dst)-n == len(part) {
			fused = false
			continue
		}
		dst = dst[:n]
		if t.unknown != none && !(fused && t.fuse) {
			dst = append(dst, t.unknown)
		}
		fused = true
	}
	return dst
}

// merge joins neighbours, the pair of the lowest rank first and the leftmost
// of equals, until no pair is left that merges.
func (t *Tokenizer) merge(w *word) {
	n := len(w.symbols)
	w.prev, w.next, w.queue = w.prev[:0], w.next[:0], w.queue[:0]
	for i := range n {
		w.prev, w.next = append(w.prev, int32(i-1)), append(w.next, int32(i+1))
		if i+1 < n {
			if rank, _, ok := t.merges.get(w.symbols[i], w.symbols[i+1]); ok {
				w.queue = append(w.queue, uint64(rank)<<32|uint64(i))
			}
		}
	}
	w.queue.order()
	for len(w.queue) > 0 {
		e := w.queue.pop()
		i := int(uint32(e))
		right := int(w.next[i])
		if w.symbols[i] == none || right >= n {
			continue
		}
		rank, result, ok := t.merges.get(w.symbols[i], w.symbols[right])
		if !ok || rank != uint32(e>>32) {
			continue // noted before a neighbour changed
		}
		w.symbols[i], w.symbols[right] = result, none
		after := int(w.next[right])
		w.next[i] = int32(after)
		if after < n {
			w.prev[after] = int32(i)
			t.note(w, i, after)
		}
		if before := int(w.prev[i]); before >= 0 {
			t.note(w, before, i)
		}
	}
}

// note queues the merge of the neighbours i and j if there is one.
func (t *Tokenizer) note(w *word, i, j int) {
	if rank, _, ok := t.merges.get(w.symbols[i], w.symbols[j]); ok {
		w.queue.push(uint64(rank)<<32 | uint64(i))
	}
}

// queue is a binary heap, the least first. An entry is rank<<32|place.
type queue []uint64

// order makes a heap of entries in any order.
func (q queue) order() {
	for i := len(q)/2 - 1; i >= 0; i-- {
		q.sink(i)
	}
}

func (q *queue) push(e uint64) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h[up] <= e {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	*q = h
}

func (q *queue) pop() uint64 {
	h := *q
	e := h[0]
	h[0] = h[len(h)-1]
	*q = h[:len(h)-1]
	if len(*q) > 0 {
		q.sink(0)
	}
	return e
}

// sink moves entry i down until it is not greater than those below it.
func (q queue) sink(i int) {
	e := q[i]
	for {
		down := 2*i + 1
		if down >= len(q) {
			break
		}
		if down+1 < len(q) && q[down+1] < q[down] {
			down++
		}
		if e <= q[down] {
			break
		}
		q[i] = q[down]
		i = down
	}
	q[i] = e
}
