package conversation

import "unicode/utf8"

// Said returns the text of the item: what was written, and the words of what
// was spoken.
func (it *Item) Said() (text string) {
	for _, c := range it.Content {
		text += c.Text + c.Transcript
	}
	return text
}

// Truncate cuts what the assistant said to its first n bytes: the rest was
// never heard. The next prompt then has the ids that wrote those bytes and no
// other, so that the cache is cut there and nothing before it is read again.
// An n within a character cuts in front of it, one within a token cuts the ids
// in front of that token. It reports whether anything was cut.
func (it *Item) Truncate(n int) bool {
	n = max(n, 0)
	cut := false
	room := n
	for i := range it.Content {
		c := &it.Content[i]
		for _, s := range []*string{&c.Text, &c.Transcript} {
			kept := prefix(*s, room)
			cut = cut || len(kept) < len(*s)
			room -= len(kept)
			if len(kept) < len(*s) {
				room = 0
			}
			*s = kept
		}
	}
	it.truncateIDs(len(it.Said()))
	return cut
}

// prefix returns the first n bytes of s, less if they end within a character.
func prefix(s string, n int) string {
	if n >= len(s) {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// truncateIDs keeps the ids that wrote the first n bytes.
func (it *Item) truncateIDs(n int) {
	if it.IDs == nil {
		return
	}
	if len(it.Ends) != len(it.IDs) {
		it.IDs, it.Ends = nil, nil // not known: the text is tokenized anew
		return
	}
	k := 0
	for k < len(it.Ends) && it.Ends[k] <= n {
		k++
	}
	// Ids without text of their own in front of the cut begin a character
	// that ends behind it.
	for k > 0 && k < len(it.Ends) && (k == 1 && it.Ends[0] == 0 || k > 1 && it.Ends[k-1] == it.Ends[k-2]) {
		k--
	}
	it.IDs, it.Ends = it.IDs[:k:k], it.Ends[:k:k]
}
