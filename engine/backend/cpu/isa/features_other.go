//go:build !amd64 && !arm64

package isa

func features() []feature { return nil }
