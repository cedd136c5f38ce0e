package grammar

// leftRecursive reports whether a rule begins with itself, directly or through
// others: then it says nothing of what comes first, and a Matcher would follow
// it for ever.
func (b *builder) leftRecursive() bool {
	empty := b.empty()
	const (
		fresh = iota
		open
		closed
	)
	state := make([]uint8, len(b.rules))
	var visit func(rule int) bool
	visit = func(rule int) bool {
		switch state[rule] {
		case open:
			return true
		case closed:
			return false
		}
		state[rule] = open
		for _, alternative := range b.rules[rule] {
			for _, e := range alternative {
				if e.kind == oneRule && visit(e.rule) {
					return true
				}
				if e.kind != oneRule || !empty[e.rule] {
					break
				}
			}
		}
		state[rule] = closed
		return false
	}
	for rule := range b.rules {
		if visit(rule) {
			return true
		}
	}
	return false
}

// empty returns which rules may be nothing.
func (b *builder) empty() []bool {
	out := make([]bool, len(b.rules))
	nothing := func(alternative []element) bool {
		for _, e := range alternative {
			if e.kind != oneRule || !out[e.rule] {
				return false
			}
		}
		return true
	}
	for changed := true; changed; {
		changed = false
		for rule, alternatives := range b.rules {
			for _, a := range alternatives {
				if !out[rule] && nothing(a) {
					out[rule], changed = true, true
				}
			}
		}
	}
	return out
}
