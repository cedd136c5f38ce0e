package token

import (
	"fmt"
	"slices"
	"sort"
)

// addedToken is an entry of the list added_tokens: a token that is found in
// text by its characters, before anything is merged.
type addedToken struct {
	content string
	id      ID
	special bool
}

// added finds added tokens in text.
type added struct {
	list  []addedToken // sorted by content
	first [257]int32   // first[c] to first[c+1] are those that start with byte c
}

// index sorts the list; contents must be unlike and not empty.
func (a *added) index() error {
	slices.SortFunc(a.list, func(x, y addedToken) int {
		if x.content < y.content {
			return -1
		}
		if x.content > y.content {
			return 1
		}
		return 0
	})
	for i, t := range a.list {
		if t.content == "" {
			return fmt.Errorf("added token %d: no content", t.id)
		}
		if i > 0 && a.list[i-1].content == t.content {
			return fmt.Errorf("added token %q: listed twice", t.content)
		}
	}
	for c := range 257 {
		a.first[c] = int32(sort.Search(len(a.list), func(i int) bool { return int(a.list[i].content[0]) >= c }))
	}
	return nil
}

// find returns where the first added token of text lies, its length in bytes
// and its id. Without one it returns the end of text and none. Special tokens
// count only if specials is true.
func (a *added) find(text string, specials bool) (at, length int, id ID) {
	for at := range len(text) {
		c := text[at]
		if a.first[c] == a.first[int(c)+1] {
			continue
		}
		if length, id := a.match(text[at:], specials); id != none {
			return at, length, id
		}
	}
	return len(text), 0, none
}

// match returns the longest added token that text starts with.
func (a *added) match(text string, specials bool) (length int, id ID) {
	id = none
	part := a.list[a.first[text[0]]:a.first[int(text[0])+1]]
	for depth := 1; len(part) > 0; depth++ {
		// All of part start with text[:depth]; one of exactly that length
		// would be the first.
		if len(part[0].content) == depth {
			if specials || !part[0].special {
				length, id = depth, part[0].id
			}
			part = part[1:]
		}
		if depth == len(text) {
			break
		}
		c := text[depth]
		low := sort.Search(len(part), func(i int) bool { return part[i].content[depth] >= c })
		part = part[low:]
		part = part[:sort.Search(len(part), func(i int) bool { return part[i].content[depth] > c })]
	}
	return length, id
}
