//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "lanes_neon.h"

// WEIGHTS loads the next weight of each row of p into all lanes of V20 to V23.
#define WEIGHTS \
	VLD1R (R7), [V20.S4];  \
	VLD1R (R8), [V21.S4];  \
	VLD1R (R9), [V22.S4];  \
	VLD1R (R10), [V23.S4]; \
	ADD   $4, R7;          \
	ADD   $4, R8;          \
	ADD   $4, R9;          \
	ADD   $4, R10

// STARTROWS goes to the first weights and the first row of v.
#define STARTROWS \
	MOVD p+16(FP), R7; \
	ADD  R2, R7, R8;   \
	ADD  R2, R8, R9;   \
	ADD  R2, R9, R10;  \
	MOVD R3, R11;      \
	MOVD n+48(FP), R16

// func dot4x4NEON(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool)
//
// Two rows of w at a time: 8 accumulators.
TEXT ·dot4x4NEON(SB), NOSPLIT, $0-57
	MOVD  dst+0(FP), R0
	MOVD  dstStride+8(FP), R1
	MOVD  xStride+24(FP), R2
	MOVD  w+32(FP), R3
	MOVD  wStride+40(FP), R4
	MOVBU add+56(FP), R5
	LSL   $2, R1
	LSL   $2, R2
	LSL   $2, R4
	MOVD  $2, R6

pair:
	MOVD x+16(FP), R7
	ADD  R2, R7, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R10
	MOVD R3, R11
	ADD  R4, R3, R12
	MOVD n+48(FP), R16
	ZERO16
	SUBS $8, R16
	BLT  tail

loop:
	VLD1.P 32(R11), [V24.S4, V25.S4]
	VLD1.P 32(R12), [V26.S4, V27.S4]
	VLD1.P 32(R7), [V16.S4, V17.S4]
	VLD1.P 32(R8), [V18.S4, V19.S4]
	VLD1.P 32(R9), [V20.S4, V21.S4]
	VLD1.P 32(R10), [V22.S4, V23.S4]
	FMA16
	SUBS   $8, R16
	BGE    loop

tail:
	ADDS $8, R16
	BEQ  sum

one:
	FMOVS.P 4(R11), F24
	FMOVS.P 4(R12), F26
	FMOVS.P 4(R7), F16
	FMOVS.P 4(R8), F18
	FMOVS.P 4(R9), F20
	FMOVS.P 4(R10), F22
	FMLA(0, 16, 24); FMLA(2, 16, 26)
	FMLA(4, 18, 24); FMLA(6, 18, 26)
	FMLA(8, 20, 24); FMLA(10, 20, 26)
	FMLA(12, 22, 24); FMLA(14, 22, 26)
	SUBS    $1, R16
	BNE     one

sum:
	SUM8
	ADD R1, R0, R13
	ADD R1, R13, R14
	ADD R1, R14, R15
	CBZ R5, store
	ADDTILE

store:
	STORETILE
	ADD  $8, R0
	ADD  R4<<1, R3
	SUBS $1, R6
	BNE  pair
	RET

// func dot1x4NEON(dst, x, w *float32, wStride, n int, add bool)
TEXT ·dot1x4NEON(SB), NOSPLIT, $0-41
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R7
	MOVD  w+16(FP), R8
	MOVD  wStride+24(FP), R4
	MOVD  n+32(FP), R16
	MOVBU add+40(FP), R5
	LSL   $2, R4
	ADD   R4, R8, R9
	ADD   R4, R9, R10
	ADD   R4, R10, R11
	ZERO8
	SUBS  $8, R16
	BLT   tail

loop:
	VLD1.P 32(R7), [V16.S4, V17.S4]
	VLD1.P 32(R8), [V18.S4, V19.S4]
	VLD1.P 32(R9), [V20.S4, V21.S4]
	VLD1.P 32(R10), [V22.S4, V23.S4]
	VLD1.P 32(R11), [V24.S4, V25.S4]
	FMLA(0, 16, 18); FMLA(1, 17, 19)
	FMLA(2, 16, 20); FMLA(3, 17, 21)
	FMLA(4, 16, 22); FMLA(5, 17, 23)
	FMLA(6, 16, 24); FMLA(7, 17, 25)
	SUBS   $8, R16
	BGE    loop

tail:
	ADDS $8, R16
	BEQ  sum

one:
	FMOVS.P 4(R7), F16
	FMOVS.P 4(R8), F18
	FMOVS.P 4(R9), F20
	FMOVS.P 4(R10), F22
	FMOVS.P 4(R11), F24
	FMLA(0, 16, 18); FMLA(2, 16, 20)
	FMLA(4, 16, 22); FMLA(6, 16, 24)
	SUBS    $1, R16
	BNE     one

sum:
	SUM4
	CBZ  R5, store
	VLD1 (R0), [V1.S4]
	FADD(0, 0, 1)

store:
	VST1 [V0.S4], (R0)
	RET

// func mix4NEON(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)
//
// 16 columns at a time, then 4, then 1.
TEXT ·mix4NEON(SB), NOSPLIT, $0-64
	MOVD dst+0(FP), R0
	MOVD dstStride+8(FP), R1
	MOVD pStride+24(FP), R2
	MOVD v+32(FP), R3
	MOVD vStride+40(FP), R4
	MOVD width+56(FP), R5
	LSL  $2, R1
	LSL  $2, R2
	LSL  $2, R4
	ADD  R1, R0, R13
	ADD  R1, R13, R14
	ADD  R1, R14, R15
	SUBS $16, R5
	BLT  four

columns:
	VLD1 (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R13), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1 (R14), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1 (R15), [V12.S4, V13.S4, V14.S4, V15.S4]
	STARTROWS

rows:
	VLD1 (R11), [V16.S4, V17.S4, V18.S4, V19.S4]
	ADD  R4, R11
	WEIGHTS
	FMLA(0, 16, 20); FMLA(1, 17, 20); FMLA(2, 18, 20); FMLA(3, 19, 20)
	FMLA(4, 16, 21); FMLA(5, 17, 21); FMLA(6, 18, 21); FMLA(7, 19, 21)
	FMLA(8, 16, 22); FMLA(9, 17, 22); FMLA(10, 18, 22); FMLA(11, 19, 22)
	FMLA(12, 16, 23); FMLA(13, 17, 23); FMLA(14, 18, 23); FMLA(15, 19, 23)
	SUBS $1, R16
	BNE  rows

	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R13)
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R14)
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R15)
	ADD    $64, R3
	SUBS   $16, R5
	BGE    columns

four:
	ADDS $12, R5 // what is left, less 4
	BLT  single

fourColumns:
	VLD1 (R0), [V0.S4]
	VLD1 (R13), [V1.S4]
	VLD1 (R14), [V2.S4]
	VLD1 (R15), [V3.S4]
	STARTROWS

fourRows:
	VLD1   (R11), [V16.S4]
	ADD    R4, R11
	WEIGHTS
	FMLA(0, 16, 20); FMLA(1, 16, 21); FMLA(2, 16, 22); FMLA(3, 16, 23)
	SUBS   $1, R16
	BNE    fourRows
	VST1.P [V0.S4], 16(R0)
	VST1.P [V1.S4], 16(R13)
	VST1.P [V2.S4], 16(R14)
	VST1.P [V3.S4], 16(R15)
	ADD    $16, R3
	SUBS   $4, R5
	BGE    fourColumns

single:
	ADDS $4, R5
	BEQ  done

column:
	FMOVS (R0), F0
	FMOVS (R13), F1
	FMOVS (R14), F2
	FMOVS (R15), F3
	STARTROWS

oneRow:
	FMOVS   (R11), F16
	ADD     R4, R11
	WEIGHTS
	FMLA(0, 16, 20); FMLA(1, 16, 21); FMLA(2, 16, 22); FMLA(3, 16, 23)
	SUBS    $1, R16
	BNE     oneRow
	FMOVS.P F0, 4(R0)
	FMOVS.P F1, 4(R13)
	FMOVS.P F2, 4(R14)
	FMOVS.P F3, 4(R15)
	ADD     $4, R3
	SUBS    $1, R5
	BNE     column

done:
	RET
