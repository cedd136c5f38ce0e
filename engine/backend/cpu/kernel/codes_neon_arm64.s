//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "lanes_neon.h"

// As in matmul_neon_arm64.s one accumulator of 8 lanes belongs to each result.
// Codes become float32 as they are loaded.

// func prefetch(p *int8, stride, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVD p+0(FP), R0
	MOVD stride+8(FP), R1
	MOVD n+16(FP), R2

next:
	PRFM (R0), PLDL1KEEP
	ADD  R1, R0
	SUBS $1, R2
	BNE  next
	RET

// WIDEN8 brings 8 codes at p into lo and hi, times all lanes of scale.
#define WIDEN8(p, t, ft, lo, hi, scale) \
	FMOVD.P 8(p), ft;                   \
	SXTLB(t, t);                        \
	SXTLH(lo, t); SXTLH2(hi, t);        \
	SCVTF(lo, lo); SCVTF(hi, hi);       \
	FMUL(lo, lo, scale); FMUL(hi, hi, scale)

// func dotCodes4x4NEON(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int)
//
// Two rows of codes at a time: 8 accumulators.
TEXT ·dotCodes4x4NEON(SB), NOSPLIT, $0-72
	MOVD dst+0(FP), R0
	MOVD dstStride+8(FP), R1
	MOVD xStride+24(FP), R2
	MOVD w+32(FP), R3
	MOVD wStride+40(FP), R4
	MOVD s+48(FP), R5
	MOVD sStride+56(FP), R17
	LSL  $2, R1
	LSL  $2, R2
	LSL  $2, R17
	MOVD $2, R6

pair:
	MOVD x+16(FP), R7
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R10
	MOVD R3, R11
	ADD  R4, R3, R12
	MOVD R5, R19
	ADD  R17, R5, R20
	MOVD n+64(FP), R16
	ZERO16

group:
	VLD1R (R19), [V28.S4]
	VLD1R (R20), [V29.S4]
	ADD   $4, R19
	ADD   $4, R20
	MOVD  $4, R21

loop:
	WIDEN8(R11, 30, F30, 24, 25, 28)
	WIDEN8(R12, 31, F31, 26, 27, 29)
	VLD1.P 32(R7), [V16.S4, V17.S4]
	VLD1.P 32(R8), [V18.S4, V19.S4]
	VLD1.P 32(R9), [V20.S4, V21.S4]
	VLD1.P 32(R10), [V22.S4, V23.S4]
	FMA16
	SUBS   $1, R21
	BNE    loop
	SUBS   $32, R16
	BGT    group

	SUM8
	ADD R1, R0, R13
	ADD R1, R13, R14
	ADD R1, R14, R15
	STORETILE
	ADD  $8, R0
	ADD  R4<<1, R3
	ADD  R17<<1, R5
	SUBS $1, R6
	BNE  pair
	RET

// func mixCodes4NEON(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int)
//
// 16 columns at a time.
TEXT ·mixCodes4NEON(SB), NOSPLIT, $0-64
	MOVD dst+0(FP), R0
	MOVD dstStride+8(FP), R1
	MOVD pStride+24(FP), R2
	MOVD v+32(FP), R3
	MOVD vStride+40(FP), R4
	MOVD width+56(FP), R5
	LSL  $2, R1
	LSL  $2, R2
	ADD  R1, R0, R13
	ADD  R1, R13, R14
	ADD  R1, R14, R15

columns:
	VLD1 (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R13), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1 (R14), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1 (R15), [V12.S4, V13.S4, V14.S4, V15.S4]
	MOVD p+16(FP), R7
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R10
	MOVD R3, R11
	MOVD n+48(FP), R16

rows:
	VLD1  (R11), [V28.B16]
	ADD   R4, R11
	SXTLB(29, 28); SXTLB2(30, 28)
	SXTLH(16, 29); SXTLH2(17, 29); SXTLH(18, 30); SXTLH2(19, 30)
	SCVTF(16, 16); SCVTF(17, 17); SCVTF(18, 18); SCVTF(19, 19)
	VLD1R (R7), [V20.S4]
	VLD1R (R8), [V21.S4]
	VLD1R (R9), [V22.S4]
	VLD1R (R10), [V23.S4]
	ADD   $4, R7
	ADD   $4, R8
	ADD   $4, R9
	ADD   $4, R10
	FMLA(0, 16, 20); FMLA(1, 17, 20); FMLA(2, 18, 20); FMLA(3, 19, 20)
	FMLA(4, 16, 21); FMLA(5, 17, 21); FMLA(6, 18, 21); FMLA(7, 19, 21)
	FMLA(8, 16, 22); FMLA(9, 17, 22); FMLA(10, 18, 22); FMLA(11, 19, 22)
	FMLA(12, 16, 23); FMLA(13, 17, 23); FMLA(14, 18, 23); FMLA(15, 19, 23)
	SUBS  $1, R16
	BNE   rows

	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R13)
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R14)
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R15)
	ADD    $16, R3
	SUBS   $16, R5
	BGT    columns
	RET
