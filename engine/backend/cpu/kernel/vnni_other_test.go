//go:build !amd64 || purego

package kernel

func vnniOff() bool { return false }

func tilesOff()       {}
func tilesReal() bool { return false }
