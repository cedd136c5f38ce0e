//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "lanes_neon.h"

// Panels have pieces of 8 values: those of row 0, of row 1, of row 2, of row
// 3, and so on.

// func pack4NEON(dst, src *float32, stride, n int)
TEXT ·pack4NEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R7
	MOVD stride+16(FP), R2
	MOVD n+24(FP), R16
	LSL  $2, R2
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R10

loop:
	VLD1.P 32(R7), [V0.S4, V1.S4]
	VLD1.P 32(R8), [V2.S4, V3.S4]
	VLD1.P 32(R9), [V4.S4, V5.S4]
	VLD1.P 32(R10), [V6.S4, V7.S4]
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	SUBS   $8, R16
	BNE    loop
	RET

// func panel4x4NEON(dst *float32, dstStride int, x, w *float32, n int, add bool)
//
// Two rows of w at a time: 8 accumulators.
TEXT ·panel4x4NEON(SB), NOSPLIT, $0-41
	MOVD  dst+0(FP), R0
	MOVD  dstStride+8(FP), R1
	MOVD  w+24(FP), R3
	MOVBU add+40(FP), R5
	LSL   $2, R1
	MOVD  $2, R6

pair:
	MOVD x+16(FP), R7
	MOVD R3, R11
	MOVD n+32(FP), R16
	ZERO16

loop:
	VLD1   (R11), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1.P 64(R7), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1.P 64(R7), [V20.S4, V21.S4, V22.S4, V23.S4]
	ADD    $128, R11
	FMA16
	SUBS   $8, R16
	BNE    loop

	SUM8
	ADD R1, R0, R13
	ADD R1, R13, R14
	ADD R1, R14, R15
	CBZ R5, store
	ADDTILE

store:
	STORETILE
	ADD  $8, R0
	ADD  $64, R3
	SUBS $1, R6
	BNE  pair
	RET
