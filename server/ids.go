package server

import (
	"crypto/rand"
	random "math/rand/v2"
)

// newID returns an id that nobody guesses, behind its kind: "resp_".
func newID(kind string) string { return kind + rand.Text() }

// newSeed returns a seed for whoever asks for none.
func newSeed() uint64 { return random.Uint64() }
