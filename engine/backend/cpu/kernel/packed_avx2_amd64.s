//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "lanes_avx2.h"
#include "packed_amd64.h"

// shifts: how far 4 bytes go to the right so that the low 4 bits of lane i
// become code i.
DATA shifts<>+0(SB)/8, $0x0000000400000000
DATA shifts<>+8(SB)/8, $0x0000000c00000008
DATA shifts<>+16(SB)/8, $0x0000001400000010
DATA shifts<>+24(SB)/8, $0x0000001c00000018
GLOBL shifts<>(SB), RODATA|NOPTR, $32

// low: the low 4 bits of a lane.
DATA low<>+0(SB)/4, $15
GLOBL low<>(SB), RODATA|NOPTR, $4

// 4-bit codes with a scale and a bias for each group.
#define ONE ·q4oneAVX2
#define FOUR ·q4fourAVX2
#define STEP 4
#define CONSTANTS \
	VMOVUPS      shifts<>(SB), Y14 \
	VPBROADCASTD low<>(SB), Y15
#define FACTORS(s, b, scale, bias) \
	VBROADCASTSS s, scale \
	VBROADCASTSS b, bias
#define WIDEN(mem, scale, bias, out) \
	VPBROADCASTD mem, out        \
	VPSRLVD      Y14, out, out   \
	VPAND        Y15, out, out   \
	VCVTDQ2PS    out, out        \
	VMULPS       scale, out, out \
	VADDPS       bias, out, out
#include "packed_avx2.h"
#undef ONE
#undef FOUR
#undef STEP
#undef CONSTANTS
#undef WIDEN

// 8-bit codes.
#define ONE ·q8oneAVX2
#define FOUR ·q8fourAVX2
#define STEP 8
#define CONSTANTS
#define WIDEN(mem, scale, bias, out) \
	VPMOVZXBD mem, out        \
	VCVTDQ2PS out, out        \
	VMULPS    scale, out, out \
	VADDPS    bias, out, out
#include "packed_avx2.h"
#undef ONE
#undef FOUR
#undef STEP
#undef FACTORS
#undef WIDEN

// bfloat16: the upper half of a float32.
#define ONE ·bf16oneAVX2
#define FOUR ·bf16fourAVX2
#define STEP 16
#define FACTORS(s, b, scale, bias)
#define WIDEN(mem, scale, bias, out) \
	VPMOVZXWD mem, out      \
	VPSLLD    $16, out, out
#include "packed_avx2.h"
#undef ONE
#undef FOUR
#undef WIDEN

// IEEE 754 halves.
#define ONE ·f16oneAVX2
#define FOUR ·f16fourAVX2
#define WIDEN(mem, scale, bias, out) VCVTPH2PS mem, out
#include "packed_avx2.h"
