//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "lanes_avx512.h"
#include "packed_amd64.h"
#include "rows_avx512.h"

// 8-bit codes with a scale and a bias for each group.
#define ONE ·q8oneAVX512
#define FOUR ·q8fourAVX512
#define STEP 16
#define FACTORS(s, b, scale, bias) \
	VBROADCASTSS s, scale \
	VBROADCASTSS b, bias
#define WIDEN(mem, scale, bias, out) \
	VPMOVZXBD mem, out        \
	VCVTDQ2PS out, out        \
	VMULPS    scale, out, out \
	VADDPS    bias, out, out
#include "wide_avx512.h"
#undef ONE
#undef FOUR
#undef STEP
#undef FACTORS
#undef WIDEN

// bfloat16: the upper half of a float32. One row of x: brain_avx512_amd64.s.
#define FOUR ·bf16fourAVX512
#define STEP 32
#define FACTORS(s, b, scale, bias)
#define WIDEN(mem, scale, bias, out) \
	VPMOVZXWD mem, out      \
	VPSLLD    $16, out, out
#include "wide_avx512.h"
#undef FOUR
#undef WIDEN

// IEEE 754 halves.
#define ONE ·f16oneAVX512
#define FOUR ·f16fourAVX512
#define WIDEN(mem, scale, bias, out) VCVTPH2PS mem, out
#include "wide_avx512.h"
