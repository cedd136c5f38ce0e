package mlxc

import (
	"os"
	"path/filepath"
	"runtime"
)

// Setenv sets a variable of the environment as C sees it: MLX reads some, and
// os.Setenv does not reach C.
func (c *Calls) Setenv(key, value string) { c.setenv(key, value, 1) }

func (c *Calls) setenv(key, value string, overwrite uintptr) {
	k, v := append([]byte(key), 0), append([]byte(value), 0)
	fr := &c.frame
	fr.fn = c.lib.setenv
	fr.ints[0], fr.ints[1], fr.ints[2] = address(&k[0]), address(&v[0]), overwrite
	invoke(fr)
	runtime.KeepAlive(k)
	runtime.KeepAlive(v)
}

// suggest sets what hark wants of MLX where the environment does not say
// otherwise. MLX reads it when it first computes.
func (c *Calls) suggest() {
	// Products of float32 are such: MLX would round their factors to 10 bits on
	// CUDA and on some Macs.
	c.setenv("MLX_ENABLE_TF32", "0", 0)
	// Steps of many kinds, as sessions come and go, are that many graphs of
	// CUDA. MLX would keep 400 and fail once it met 800.
	c.setenv("MLX_CUDA_GRAPH_CACHE_SIZE", "2000", 0)
	c.setenv("MLX_ENABLE_CACHE_THRASHING_CHECK", "0", 0)
	// CUDA kernels are compiled where they are first used, some for half a
	// minute each. MLX would keep them in the system's folder for temporary
	// files, which is empty after a start.
	if dir, err := os.UserCacheDir(); err == nil {
		c.setenv("MLX_PTX_CACHE_DIR", filepath.Join(dir, "hark", "mlx-"+c.lib.Version), 0)
	}
}
