package tensor

// Ahead is what a Backend may have beside the rest: it picks tokens itself and
// goes on with them before the host has read them. So the next step is recorded,
// and begun, while this one computes, and the device never waits for the host.
//
// Ids that were picked are a tensor that only the methods below take; it is
// kept and freed like any other.
type Ahead interface {
	Backend
	// Pick picks one token for each row of logits [n, V], as package sample
	// does with the same options and the same number, up to rounding at the
	// borders between tokens.
	Pick(logits Tensor, how []Pick) Tensor
	// EmbedPicked is Embed of the ids number index[i] of ids.
	EmbedPicked(w Weight, ids Tensor, index []int, scale float32) Tensor
	// Begin begins the evaluation of all that was kept or stored since the
	// last evaluation and does not wait for it.
	Begin()
	// ReadPicked waits for ids, and for nothing that was begun after them, and
	// appends them to dst[:0]. -1 stands for a row of which no token can be
	// picked: a logit is NaN or +Inf, or all are -Inf.
	ReadPicked(dst []int32, ids Tensor) []int32
	// Extend takes back a Truncate of kv, up to position n of those that it
	// dropped. Nothing else may have changed kv since.
	Extend(kv KV, n int)
}

// Pick says how a token is picked; see sample.Draw.
type Pick struct {
	Temperature float32 // 0: the likeliest
	TopK        int     // 0: all
	TopP, MinP  float32 // 0: all
	Suppress    []int32 // never picked; ids outside the vocabulary are ignored
	Uniform     float64 // of the draw, 0 to below 1
}
