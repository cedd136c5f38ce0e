//go:build !linux || !(amd64 || arm64 || riscv64 || loong64)

package camera

import "context"

// List finds no cameras on this system.
func List() ([]Device, error) { return nil, nil }

func (c *Camera) openDevice(context.Context, string, Options) error { return ErrUnsupported }
