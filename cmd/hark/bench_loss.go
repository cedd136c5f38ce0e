package main

import (
	"math"
	"os"

	"hark/engine/model"
	"hark/engine/tensor"
	"hark/engine/token"
)

// benchLoss measures what rounding activations to 8 bits changes.
type benchLoss struct {
	benchModel
	Text   string `help:"File with text to read; without it a story that hark brings along." type:"path" placeholder:"FILE"`
	Tokens int    `help:"The most tokens to read." default:"1024"`
}

// story is text that no model was trained on.
const story = `The ferry had been late every day that week, and on Thursday it did not come at all. Marta waited on the ` +
	`quay until the lamps went on, then walked back up the hill with the box of seedlings under her arm. Her brother was in ` +
	`the kitchen, mending the radio with a butter knife. "No boat?" he asked, and she shook her head. They planted the ` +
	`seedlings behind the chapel by torchlight, eleven tomatoes and one that might have been a pumpkin, because the soil ` +
	`would be frozen by the time anybody crossed the strait again. In the morning there was a letter under the door. It ` +
	`said that the company had sold the ferry to a museum on the mainland, that it was sorry for the trouble, and that ` +
	`refunds could be claimed in person at the head office between nine and twelve. Marta read it twice and put it in the ` +
	`stove. Then she went down to the boathouse, counted the planks that were still good, and began to draw a keel on the ` +
	`back of an old tide table. By noon four neighbours had come to watch, and by evening they were arguing about the mast. ` +
	`Nobody on the island had built anything larger than a hen house since the war, yet everyone seemed to know exactly how ` +
	`it should be done. Her brother got the radio to speak at last: gales from the north, force eight, and after that a ` +
	`programme of dance music. They danced between the saw horses until the batteries gave out.`

// lossRow is the result. The divergences are in nats.
type lossRow struct {
	Bench      string  `json:"bench"`
	Model      string  `json:"model"`
	Device     string  `json:"device"`
	Tokens     int     `json:"tokens"`
	KLMean     float64 `json:"kl_mean"`             // of the rounded from the exact distribution of the next token
	KLMax      float64 `json:"kl_max"`              // at one position
	Agreement  float64 `json:"greedy_agreement"`    // share of positions with the same likeliest token
	LossExact  float64 `json:"nats_a_token"`        // of the text, in full precision
	LossChange float64 `json:"nats_a_token_change"` // by rounding
}

// Run reads the text in full precision and with rounded activations.
func (c *benchLoss) Run() error {
	if err := c.check(); err != nil {
		return err
	}
	text := story
	if c.Text != "" {
		data, err := os.ReadFile(c.Text)
		if err != nil {
			return usageError{err}
		}
		text = string(data)
	}
	row := lossRow{Bench: "loss", Model: c.name()}
	var all [2][]float32
	var ids []token.ID
	var vocab int
	for i, rounded := range []bool{false, true} {
		c.Rounded, c.Exact = rounded, !rounded
		b, err := c.open()
		if err != nil {
			return err
		}
		vocab, row.Device = b.model.Info().Vocab, b.backend.Device()
		ids = append([]token.ID{2}, b.model.Tokenizer().Encode(text)...) // <bos> first
		ids = ids[:min(len(ids), max(c.Tokens, 2), b.model.Info().Context)]
		all[i] = b.read(ids)
		b.close()
	}
	row.compare(all[0], all[1], ids, vocab)
	return c.output().loss(&row)
}

// read returns the logits behind every token.
func (b *bencher) read(ids []token.ID) []float32 {
	kv := b.backend.NewKV(b.model.KVLayers())
	defer kv.Free()
	var all []float32
	for from := 0; from < len(ids); from += 64 { // logits take room
		part := ids[from:min(from+64, len(ids))]
		all = append(all, b.forward(kv, from, part)...)
	}
	return all
}

// forward returns the logits behind ids.
func (b *bencher) forward(kv tensor.KV, pos int, ids []token.ID) []float32 {
	x := b.model.Forward([]model.Row{{KV: kv, Pos: pos, IDs: ids, Logits: len(ids)}})
	defer b.backend.EndStep()
	return b.backend.Read(nil, x)
}

// compare fills in the figures from the logits of all positions.
func (r *lossRow) compare(exact, rounded []float32, ids []token.ID, vocab int) {
	r.Tokens = len(ids)
	same := 0
	for t := range ids {
		p, q := exact[t*vocab:(t+1)*vocab], rounded[t*vocab:(t+1)*vocab]
		logP, logQ := logSum(p), logSum(q)
		var kl float64
		for i := range p {
			lp := float64(p[i]) - logP
			kl += math.Exp(lp) * (lp - float64(q[i]) + logQ)
		}
		r.KLMean += kl / float64(len(ids))
		r.KLMax = max(r.KLMax, kl)
		if likeliest(p) == likeliest(q) {
			same++
		}
		if t+1 < len(ids) {
			next, n := ids[t+1], float64(len(ids)-1)
			r.LossExact += (logP - float64(p[next])) / n
			r.LossChange += (logQ - float64(q[next]) - logP + float64(p[next])) / n
		}
	}
	r.Agreement = float64(same) / float64(len(ids))
}

// logSum returns the logarithm of the sum of exponentials.
func logSum(x []float32) float64 {
	most, sum := float64(x[likeliest(x)]), 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}

func likeliest(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}
