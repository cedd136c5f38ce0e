//go:build arm64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"
#include "lanes_i8mm.h"

// HALF4 takes 16 bytes of 4-bit codes of each output; their low halves belong to
// the values at even, the high ones to those at odd bytes.
#define HALF4(d, even, odd) \
	ROWS16(even);                       \
	VLD1.P 16(R10), [V24.B16];         \
	VLD1.P 16(R11), [V25.B16];         \
	VLD1.P 16(R12), [V26.B16];         \
	VLD1.P 16(R13), [V27.B16];         \
	VAND   V31.B16, V24.B16, V28.B16;  \
	VAND   V31.B16, V25.B16, V29.B16;  \
	PAIRS(V28, V29, V20, V21);         \
	VAND   V31.B16, V26.B16, V28.B16;  \
	VAND   V31.B16, V27.B16, V29.B16;  \
	PAIRS(V28, V29, V22, V23);         \
	MATRICES(SMMLA, d);                \
	VUSHR  $4, V24.B16, V24.B16;       \
	VUSHR  $4, V25.B16, V25.B16;       \
	VUSHR  $4, V26.B16, V26.B16;       \
	VUSHR  $4, V27.B16, V27.B16;       \
	PAIRS(V24, V25, V20, V21);         \
	PAIRS(V26, V27, V22, V23);         \
	ROWS16(odd);                        \
	MATRICES(SMMLA, d)

#define BLOCK \
	HALF4(0, 0, 32); \
	HALF4(4, 16, 48)
#define FOUR ·q4fourI8MM
#include "rounded_i8mm.h"
#undef FOUR
#undef BLOCK

// QUARTER8 takes 16 codes of 8 bits of each output.
#define QUARTER8(d, bytes) \
	ROWS16(bytes);              \
	VLD1.P 16(R10), [V24.B16]; \
	VLD1.P 16(R11), [V25.B16]; \
	VLD1.P 16(R12), [V26.B16]; \
	VLD1.P 16(R13), [V27.B16]; \
	PAIRS(V24, V25, V20, V21); \
	PAIRS(V26, V27, V22, V23); \
	MATRICES(USMMLA, d)

#define BLOCK \
	QUARTER8(0, 0);  \
	QUARTER8(0, 16); \
	QUARTER8(4, 32); \
	QUARTER8(4, 48)
#define FOUR ·q8fourI8MM
#include "rounded_i8mm.h"
