//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "exp_neon.h"

// The functions take a multiple of 4 values.

// actConst: the constants of activation.go.
DATA actConst<>+0(SB)/4, $0xbfcc422a // linear of GELU
DATA actConst<>+4(SB)/4, $0xbd922279 // cubic of GELU
DATA actConst<>+8(SB)/4, $0x40000000 // two
DATA actConst<>+12(SB)/4, $0x3f0ccccd // small tanhSmall
DATA actConst<>+16(SB)/4, $0x3b6b69e8 // t13 of x^13, and so on
DATA actConst<>+20(SB)/4, $0xbc11371b // t11
DATA actConst<>+24(SB)/4, $0x3cb327a4 // t9
DATA actConst<>+28(SB)/4, $0xbd5d0dd1 // t7
DATA actConst<>+32(SB)/4, $0x3e088889 // t5
DATA actConst<>+36(SB)/4, $0xbeaaaaab // t3
GLOBL actConst<>(SB), RODATA|NOPTR, $40

// func geluNEON(dst, x, up *float32, n int)
//
// up may be nil.
TEXT ·geluNEON(SB), NOSPLIT, $0-32
	MOVD    dst+0(FP), R0
	MOVD    x+8(FP), R1
	MOVD    up+16(FP), R2
	MOVD    n+24(FP), R3
	LOADEXP
	MOVD    $actConst<>(SB), R4
	VLD1R.P 4(R4), [V27.S4]
	VLD1R   (R4), [V28.S4]

loop:
	VLD1.P 16(R1), [V4.S4]
	FMUL(5, 4, 4)
	VMOV   V27.B16, V0.B16
	FMLA(0, 28, 5)
	FMUL(0, 0, 4)
	EXP
	FADD(0, 0, 24)
	FDIV(0, 4, 0)
	CBZ    R2, store
	VLD1.P 16(R2), [V5.S4]
	FMUL(0, 0, 5)

store:
	VST1.P [V0.S4], 16(R0)
	SUBS   $4, R3
	BNE    loop
	RET

// func sigmoidMulNEON(dst, a, x *float32, n int)
//
// a may be nil.
TEXT ·sigmoidMulNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD a+8(FP), R2
	MOVD x+16(FP), R1
	MOVD n+24(FP), R3
	LOADEXP

loop:
	VLD1.P 16(R1), [V0.S4]
	FNEG(0, 0)
	EXP
	FADD(0, 0, 24)
	VMOV   V24.B16, V4.B16
	CBZ    R2, divide
	VLD1.P 16(R2), [V4.S4]

divide:
	FDIV(0, 4, 0)
	VST1.P [V0.S4], 16(R0)
	SUBS   $4, R3
	BNE    loop
	RET

// SERIES multiplies the polynomial in V5 by V4 and adds the constant in Vc.
#define SERIES(c) \
	VMOV c.B16, V6.B16; FMLA(6, 5, 4); VMOV V6.B16, V5.B16

// func softCapNEON(dst, x *float32, n int, limit float32)
TEXT ·softCapNEON(SB), NOSPLIT, $0-28
	MOVD    dst+0(FP), R0
	MOVD    x+8(FP), R1
	MOVD    n+16(FP), R3
	FMOVS   limit+24(FP), F27
	VDUP    V27.S[0], V27.S4
	LOADEXP
	MOVD    $actConst<>+8(SB), R4
	VLD1R.P 4(R4), [V28.S4]
	VLD1R.P 4(R4), [V29.S4]
	VLD1R.P 4(R4), [V7.S4]
	VLD1R.P 4(R4), [V8.S4]
	VLD1R.P 4(R4), [V9.S4]
	VLD1R.P 4(R4), [V10.S4]
	VLD1R.P 4(R4), [V11.S4]
	VLD1R   (R4), [V12.S4]

loop:
	VLD1.P 16(R1), [V13.S4]
	FDIV(13, 13, 27)
	FADD(0, 13, 13)
	EXP
	FADD(0, 0, 24)
	FDIV(0, 28, 0)
	FSUB(0, 24, 0)
	FMUL(4, 13, 13)
	VMOV   V7.B16, V5.B16
	SERIES(V8)
	SERIES(V9)
	SERIES(V10)
	SERIES(V11)
	SERIES(V12)
	FMUL(4, 4, 13)
	VMOV   V13.B16, V6.B16
	FMLA(6, 5, 4)
	FABS(5, 13)
	FCMGT(5, 29, 5)                       // less than tanhSmall
	VBSL   V0.B16, V6.B16, V5.B16
	FMUL(0, 5, 27)
	VST1.P [V0.S4], 16(R0)
	SUBS   $4, R3
	BNE    loop
	RET
