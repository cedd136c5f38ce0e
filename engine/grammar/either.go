package grammar

// Either is the grammar of what one of several allows. None of them changes.
func Either(choices ...*Grammar) *Grammar {
	g := &Grammar{rules: [][]int{nil}}
	for _, c := range choices {
		g.rules[0] = append(g.rules[0], len(g.elements))
		g.elements = append(g.elements, ref(len(g.rules)), element{kind: end})
		g.add(c)
		g.quote = max(g.quote, c.quote)
	}
	return g
}

// add appends the rules of c, whose first is then the next of g.
func (g *Grammar) add(c *Grammar) {
	rules, elements := len(g.rules), len(g.elements)
	for _, e := range c.elements {
		if e.kind == oneRule {
			e.rule += rules
		}
		g.elements = append(g.elements, e)
	}
	for _, alternatives := range c.rules {
		moved := make([]int, len(alternatives))
		for i, at := range alternatives {
			moved[i] = at + elements
		}
		g.rules = append(g.rules, moved)
	}
}
