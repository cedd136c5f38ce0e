package inspect

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Write prints the report for people: facts, costs, and the tensors by layer,
// or with all each of them.
func (r *Report) Write(w io.Writer, all bool) error {
	p := &printer{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
	p.facts(r)
	p.costs(r)
	if all {
		p.tensors(r.Tensors)
	} else {
		p.layers(r.Tensors)
	}
	if p.err == nil {
		p.err = p.w.Flush()
	}
	return p.err
}

// printer writes lines of cells and keeps the first error.
type printer struct {
	w   *tabwriter.Writer
	err error
}

func (p *printer) line(cells ...string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.Join(cells, "\t"))
	}
}

func (p *printer) linef(name, format string, args ...any) { p.line(name, fmt.Sprintf(format, args...)) }

func (p *printer) facts(r *Report) {
	p.linef("model", "%s %s in %s", r.Family, r.Variant, r.Source)
	p.linef("decoder", "%d layers, %d wide, %d tokens in the vocabulary", r.Layers, r.Hidden, r.Vocab)
	for _, k := range r.Kinds {
		sees := "all positions"
		if k.Window > 0 {
			sees = fmt.Sprintf("%d positions", k.Window)
		}
		owners := ""
		if k.Caches < k.Layers {
			owners = fmt.Sprintf(" (%d with keys and values that the others read)", k.Caches)
		}
		p.linef("  "+k.Name, "%s%s, see %s, %s and %s of %d, feed-forward %s",
			number(k.Layers, "layer"), owners, sees, number(k.Heads, "head"), number(k.KVHeads, "key head"), k.Dim, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(k.F)), " and "), "[]"))
	}
	if r.PLE > 0 {
		p.linef("  per layer", "an embedding of %d for each token and layer", r.PLE)
	}
	if r.Experts > 0 {
		p.linef("  experts", "%d of %d, each %d wide, beside the dense feed-forward", r.TopExperts, r.Experts, r.ExpertF)
	}
	if r.SoftCap > 0 {
		p.linef("  logits", "soft-capped at %v", r.SoftCap)
	}
	p.linef("context", "%d tokens", r.Context)
	if h := r.Hears; h != nil {
		p.linef("hears", "%v tokens a second, clips of up to %v s", h.TokensASecond, h.ClipSeconds)
	} else {
		p.line("hears", "nothing")
	}
	if s := r.Sees; s != nil {
		p.linef("sees", "pictures with up to %d tokens (%s can be asked for); %s", s.Tokens, commas(s.Budgets), s.Example)
	} else {
		p.line("sees", "nothing")
	}
	for i, k := range r.Packings {
		name := ""
		if i == 0 {
			name = "stored as"
		}
		p.linef(name, "%s: %d tensors, %s values, %s", k.Name, k.Tensors, Count(k.Values), Size(k.Bytes))
	}
	p.linef("parameters", "%s", Count(r.Parameters))
	p.linef("weights", "%s", Size(r.Bytes))
	if r.LeftOver > 0 {
		p.linef("  not used", "%s", Size(r.LeftOver))
	}
}

// number writes how many there are.
func number(n int, of string) string {
	if n != 1 {
		of += "s"
	}
	return fmt.Sprintf("%d %s", n, of)
}

func commas(list []int) string {
	return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(list), "[]")), ", ")
}

func (p *printer) costs(r *Report) {
	p.linef("a token", "%s parameters, reads %s of weights", Count(r.Decode.Parameters), Size(r.Decode.Bytes))
	for _, m := range r.Memory {
		p.linef("  after "+fmt.Sprint(m.Positions), "%s of keys and values held, %s read for the next token", Size(m.Bytes), Size(m.Read))
	}
	s := r.Speech
	if s == nil {
		return
	}
	p.linef("live speech", "%s products a second in the decoder, %s in the tower", Count(s.Products), Count(s.TowerProducts))
	for _, n := range s.Paces {
		p.linef("", "%s/s of weights when a step reads in %s", Size(n.BytesPerSecond), number(n.TokensAStep, "token"))
	}
	experts := ""
	if s.ExpertBytes > 0 {
		experts = ", experts " + Size(s.ExpertBytes)
	}
	p.linef("", "= %s; layers %s%s, tower %s", s.Formula, Size(s.LayerBytes), experts, Size(s.TowerBytes))
}

func (p *printer) tensors(list []Tensor) {
	p.line("")
	p.line("tensor", "stored as", "shape", "bytes")
	for i := range list {
		t := &list[i]
		p.line(t.Name, t.Packing, fmt.Sprint(t.Shape), fmt.Sprint(t.Bytes))
	}
}

// row is a tensor, or a run of layers that are alike.
type row struct {
	before    string // "vision_tower.encoder."
	from, to  int    // layers; to < 0: a single tensor
	signature []string
	packings  []string
	tensors   int
	values    int64 // of one layer
	bytes     int64 // of one layer
}

// layers prints a line for each tensor outside of layers and for each run of
// layers that have the same tensors.
func (p *printer) layers(list []Tensor) {
	p.line("")
	p.line("tensors", "stored as", "values", "bytes")
	for _, r := range rows(list) {
		n, name := int64(1), r.before
		if r.to >= 0 {
			n = int64(r.to - r.from + 1)
			name = fmt.Sprintf("%slayers.%d", r.before, r.from)
			if n > 1 {
				name = fmt.Sprintf("%s-%d: %d times %s", name, r.to, n, number(r.tensors, "tensor"))
			} else {
				name = fmt.Sprintf("%s: %s", name, number(r.tensors, "tensor"))
			}
		}
		p.line(name, strings.Join(r.packings, " "), Count(n*r.values), Size(n*r.bytes))
	}
}

// rows summarizes tensors. Layers come in order of their numbers, behind the
// tensors that were asked for before them.
func rows(list []Tensor) []row {
	var out []row
	at := map[string]int{} // rows of layers
	for i := range list {
		t := &list[i]
		before, n, in := layerOf(t.Name)
		if !in {
			out = append(out, row{before: t.Name, from: -1, to: -1, packings: []string{t.Packing}, values: t.Values(), bytes: t.Bytes})
			continue
		}
		key := fmt.Sprintf("%slayers.%d.", before, n)
		k, ok := at[key]
		if !ok {
			k = len(out)
			at[key] = k
			out = append(out, row{before: before, from: n, to: n})
		}
		r := &out[k]
		r.signature = append(r.signature, fmt.Sprint(strings.TrimPrefix(t.Name, key), t.Packing, t.Shape))
		if !slices.Contains(r.packings, t.Packing) {
			r.packings = append(r.packings, t.Packing)
		}
		r.tensors++
		r.values += t.Values()
		r.bytes += t.Bytes
	}
	return merged(out)
}

// merged joins neighbouring layers that have the same tensors.
func merged(list []row) []row {
	var out []row
	for _, r := range list {
		slices.Sort(r.signature)
		slices.Sort(r.packings)
		if n := len(out); n > 0 && r.to >= 0 {
			if o := &out[n-1]; o.to == r.from-1 && o.before == r.before && slices.Equal(o.signature, r.signature) {
				o.to = r.to
				continue
			}
		}
		out = append(out, r)
	}
	return out
}

// Size writes bytes for people, in powers of 1024.
func Size(bytes int64) string {
	const units = "KMGTP"
	v, unit := float64(bytes), -1
	for v >= 1024 && unit < len(units)-1 {
		v /= 1024
		unit++
	}
	if unit < 0 {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%s %ciB", digits(v), units[unit])
}

// Count writes a number for people, in powers of 1000.
func Count(n int64) string {
	const units = "KMGT"
	v, unit := float64(n), -1
	for v >= 1000 && unit < len(units)-1 {
		v /= 1000
		unit++
	}
	if unit < 0 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s %c", digits(v), units[unit])
}

// digits writes three of them.
func digits(v float64) string {
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
