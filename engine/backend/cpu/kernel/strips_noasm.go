//go:build !amd64 || purego

package kernel

func strips(a *quadArgs) { stripsGeneric(a) }
