package isa

import (
	"slices"
	"testing"
)

func TestFeaturesHoldThoseOfTheLevels(t *testing.T) {
	names := Features()
	for level, needs := range map[Level][]string{AVX2: {"avx2", "fma", "f16c"}, AVX512: {"avx512f", "avx512bw", "avx512dq", "avx512vl"}} {
		for _, name := range needs {
			if slices.Contains(Available(), level) && !slices.Contains(names, name) {
				t.Errorf("level %v without %s in %v", level, name, names)
			}
		}
	}
}
