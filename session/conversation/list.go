// Package conversation keeps the items of a conversation in order and turns
// them into the messages that a model reads.
//
// It holds what clients see of an item and, beside it, what the model needs:
// clips, pictures, and the very ids that the model wrote, so that the next
// prompt begins with what the cache already holds.
//
// Start reading at List, then Render.
package conversation

import (
	"slices"

	"hark/engine/token"
	"hark/session/realtime"
)

// Medium is a clip or a picture that the engine holds.
type Medium interface {
	// Tokens returns the number of its soft tokens.
	Tokens() int
	// Close frees it. It must not be rendered after that.
	Close()
}

// Item is one item of a conversation.
type Item struct {
	realtime.Item
	// Media are the clips or the picture of each part of Content; shorter
	// than Content where the last parts have none.
	Media [][]Medium
	// IDs are what the model wrote, for a message of the assistant; nil for
	// one that the client made.
	IDs []token.ID
	// Ends are the bytes of the item's text that are there with each of IDs;
	// nil where they are not known.
	Ends []int
	// Forgotten items are part of the conversation, but not of the prompt:
	// the context was full, or what they say or show was lost.
	Forgotten bool
}

// Attach gives part i a medium, behind those that it has.
func (it *Item) Attach(i int, m Medium) {
	for len(it.Media) <= i {
		it.Media = append(it.Media, nil)
	}
	it.Media[i] = append(it.Media[i], m)
}

// Holds reports whether m is one of the item's media.
func (it *Item) Holds(m Medium) bool {
	return slices.ContainsFunc(it.Media, func(part []Medium) bool { return slices.Contains(part, m) })
}

// Tokens returns the soft tokens of the item's media.
func (it *Item) Tokens() (n int) {
	for _, part := range it.Media {
		for _, m := range part {
			n += m.Tokens()
		}
	}
	return n
}

// Close frees the item's media.
func (it *Item) Close() {
	for _, part := range it.Media {
		for _, m := range part {
			m.Close()
		}
	}
	it.Media = nil
}

// media returns the media of part i.
func (it *Item) media(i int) []Medium {
	if i < len(it.Media) {
		return it.Media[i]
	}
	return nil
}

// List is a conversation. The zero value is empty. It is not safe for
// concurrent use.
type List struct {
	items []*Item
	byID  map[string]*Item
}

// Len returns the number of items.
func (l *List) Len() int { return len(l.items) }

// Items returns the items in order. The slice is the list's own.
func (l *List) Items() []*Item { return l.items }

// Get returns an item by id, nil if there is none.
func (l *List) Get(id string) *Item { return l.byID[id] }

// Last returns the id of the last item, "" if there is none.
func (l *List) Last() string {
	if len(l.items) == 0 {
		return ""
	}
	return l.items[len(l.items)-1].ID
}

// Before returns the id of the item before it, "" for the first.
func (l *List) Before(it *Item) string {
	if i := slices.Index(l.items, it); i > 0 {
		return l.items[i-1].ID
	}
	return ""
}

// Add puts an item at the end. Its id must be new.
func (l *List) Add(it *Item) {
	l.insert(len(l.items), it)
}

// Insert puts an item behind another, or first if previous is
// realtime.RootItem, or last if it is "". Its id must be new. It reports false,
// and adds nothing, if there is no such item.
func (l *List) Insert(previous string, it *Item) bool {
	switch previous {
	case "":
		l.Add(it)
	case realtime.RootItem:
		l.insert(0, it)
	default:
		i := slices.IndexFunc(l.items, func(x *Item) bool { return x.ID == previous })
		if i < 0 {
			return false
		}
		l.insert(i+1, it)
	}
	return true
}

func (l *List) insert(i int, it *Item) {
	if l.byID == nil {
		l.byID = map[string]*Item{}
	}
	l.items = slices.Insert(l.items, i, it)
	l.byID[it.ID] = it
}

// Delete takes an item out and returns it, nil if there is none. Its media are
// the caller's to free, once no prompt holds them.
func (l *List) Delete(id string) *Item {
	it := l.byID[id]
	if it == nil {
		return nil
	}
	delete(l.byID, id)
	l.items = slices.DeleteFunc(l.items, func(x *Item) bool { return x == it })
	return it
}

// Close frees the media of all items.
func (l *List) Close() {
	for _, it := range l.items {
		it.Close()
	}
}
