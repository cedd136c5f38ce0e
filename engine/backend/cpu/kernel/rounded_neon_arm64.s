//go:build arm64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// 4-bit codes: the even values of a block are in V0 and V1, the odd ones in V2 and V3.
#define START4 \
	ZERO(V4); ZERO(V5); ZERO(V6); ZERO(V7); ZERO(V8); ZERO(V9); ZERO(V10); ZERO(V11)
#define PRODUCTS4(p, low, high) \
	VLD1.P 32(p), [V12.B16, V13.B16];   \
	VAND   V16.B16, V12.B16, V14.B16;   \
	VUSHR  $4, V12.B16, V12.B16;        \
	DOT(low, 14, 0); DOT(low, 12, 2);   \
	VAND   V16.B16, V13.B16, V14.B16;   \
	VUSHR  $4, V13.B16, V13.B16;        \
	DOT(high, 14, 1); DOT(high, 13, 3)

// 8-bit codes: less 128 they are signed, and 128 times the sum of the values is
// where dots begin.
#define START8 \
	ZERO(V4); ZERO(V8);             \
	DOT(4, 0, 24); DOT(4, 1, 24);   \
	DOT(8, 2, 24); DOT(8, 3, 24);   \
	NEG(4, 4); NEG(8, 8);           \
	VMOV V4.B16, V5.B16; VMOV V4.B16, V6.B16; VMOV V4.B16, V7.B16; \
	VMOV V8.B16, V9.B16; VMOV V8.B16, V10.B16; VMOV V8.B16, V11.B16
#define PRODUCTS8(p, low, high) \
	VLD1.P 64(p), [V12.B16, V13.B16, V14.B16, V15.B16]; \
	VEOR   V16.B16, V12.B16, V12.B16; \
	VEOR   V16.B16, V13.B16, V13.B16; \
	VEOR   V16.B16, V14.B16, V14.B16; \
	VEOR   V16.B16, V15.B16, V15.B16; \
	DOT(low, 12, 0); DOT(low, 13, 1); \
	DOT(high, 14, 2); DOT(high, 15, 3)

#define START START4
#define PRODUCTS PRODUCTS4
#define CONSTANT 15
#define DOT SDOT
#define ONE ·q4oneDot
#include "rounded_neon.h"
#undef DOT
#undef ONE

// Without products of four: by those of one.
#define DOT(d, n, m) \
	SMULL(30, n, m); SMULL2(31, n, m); SADALP(d, 30); SADALP(d, 31)
#define ONE ·q4oneMul
#include "rounded_neon.h"
#undef ONE
#undef START
#undef PRODUCTS
#undef CONSTANT

#define START START8
#define PRODUCTS PRODUCTS8
#define CONSTANT 128
#define ONE ·q8oneMul
#include "rounded_neon.h"
#undef DOT
#undef ONE

#define DOT SDOT
#define ONE ·q8oneDot
#include "rounded_neon.h"
