//go:build !amd64 || purego

package kernel

import "hark/engine/backend/cpu/isa"

func use(isa.Level) { useGeneric() }
