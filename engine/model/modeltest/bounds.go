package modeltest

// Bounds of the largest absolute difference from the reference, which computes
// in float32. Logits of the test models are below 6, soft tokens about 1.
//
// Loosening one needs its reason in the line.
const (
	boundHidden = 1e-3 // hidden states of the decoder
	boundLogits = 1e-3 // logits, dense and quantized weights
	boundTower  = 1e-3 // activations of the towers and soft tokens
	boundMel    = 1e-3 // log-mel: the reference's float32 transform is noisy to 5e-4 in quiet bins
	// boundMean is the bound of the mean difference where the reference takes
	// the exact scale of the token table and the model the rounded one.
	boundMean = 0.05
	// boundMargin is the top-two margin of the reference below which another
	// greedy token is not an error.
	boundMargin = 2 * boundLogits
)
