//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "exp_neon.h"

// func expShiftNEON(x *float32, n int, shift float32) float32
TEXT ·expShiftNEON(SB), NOSPLIT, $0-28
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS shift+16(FP), F27
	VDUP  V27.S[0], V27.S4
	LOADEXP
	ZERO(V28) // the sum
	SUBS  $4, R1
	BLT   tail

loop:
	VLD1   (R0), [V0.S4]
	FSUB(0, 0, 27)
	EXP
	VST1.P [V0.S4], 16(R0)
	FADD(28, 28, 0)
	SUBS   $4, R1
	BGE    loop

tail:
	ADDS $4, R1
	BEQ  sum

one:
	FMOVS   (R0), F0
	FSUB(0, 0, 27)
	EXP
	FMOVS.P F0, 4(R0)
	FMOVS   F0, F1    // without the other lanes
	FADD(28, 28, 1)
	SUBS    $1, R1
	BNE     one

sum:
	FADDP(28, 28, 28)
	FADDP(28, 28, 28)
	FMOVS F28, ret+24(FP)
	RET

// func maximumNEON(x *float32, n int) float32
//
// Lanes begin with the first value.
TEXT ·maximumNEON(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	VLD1R (R0), [V0.S4]
	VMOV  V0.B16, V1.B16
	VMOV  V0.B16, V2.B16
	VMOV  V0.B16, V3.B16
	SUBS  $16, R1
	BLT   tail

loop:
	VLD1.P 64(R0), [V16.S4, V17.S4, V18.S4, V19.S4]
	FMAX(0, 0, 16); FMAX(1, 1, 17); FMAX(2, 2, 18); FMAX(3, 3, 19)
	SUBS   $16, R1
	BGE    loop

tail:
	ADDS $16, R1
	BEQ  fold

one:
	VLD1R (R0), [V16.S4]
	ADD   $4, R0
	FMAX(0, 0, 16)
	SUBS  $1, R1
	BNE   one

fold:
	FMAX(0, 0, 1); FMAX(2, 2, 3); FMAX(0, 0, 2)
	FMAXV(0, 0)
	FMOVS F0, ret+16(FP)
	RET
