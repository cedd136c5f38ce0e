package tensor

// Precise is a Backend that says how exactly it computes; of others only Device
// is known, and that they compute in float32.
type Precise interface {
	// Precision names what results depend on beside the model: the device's
	// kind and kernels, the type of activations, and how they are rounded.
	Precision() string
	// ValueBytes is the memory of one number of a key or value in a cache
	// whose layers have Bits 0.
	ValueBytes() int
}
