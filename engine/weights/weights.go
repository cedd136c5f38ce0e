// Package weights reads checkpoints: safetensors files and the quantization
// settings of config.json become named matrices whose shapes are checked.
//
// A Source says where the files lie, a Checkpoint is their validated table of
// contents, and a Loader hands out what a model asks for by name, notes
// everything that does not fit, and reports it all at once:
//
//	src, err := weights.Dir(path)
//	c, err := weights.Open(src)
//	q, err := weights.ParseQuantization(config)
//	l := weights.NewLoader(c, q)
//	l.Rename(canonical)
//	embed := l.Matrix("language_model.model.embed_tokens", vocab, hidden)
//	norm := l.Floats("language_model.model.norm.weight", hidden)
//	err = l.Err()
//
// Nothing is converted: the bytes of a matrix stay where they are, in a mapped
// file or in the binary, until the Source is closed.
//
// Start reading at Loader.
package weights
