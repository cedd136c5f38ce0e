// Package backendtest gives the tests of models and of the engine their
// backend: the CPU's, or with the build tag mlx that of MLX, so that the same
// tests hold for both.
//
// Start reading at New.
package backendtest
