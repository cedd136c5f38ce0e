package host

// CPUs returns how many processors' time the container that the process runs in
// may use, in processors: 0.5 is half of one. The error is ErrUnknown, wrapped,
// where there is no bound or the system does not say.
func CPUs() (float64, error) { return cpus() }
