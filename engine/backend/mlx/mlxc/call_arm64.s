//go:build (linux || darwin) && !static

#include "textflag.h"

// The address of trampoline, for runtime.cgocall.
GLOBL ·trampolineAt(SB), NOPTR|RODATA, $8
DATA ·trampolineAt(SB)/8, $trampoline(SB)

// trampoline calls the C function of the frame at R0, by the convention of
// 64-bit Arm: integers in R0 to R7 and on the stack, floats in F0 and F1. It
// runs on the system stack.
TEXT trampoline(SB), NOSPLIT, $0
	SUB  $64, RSP
	MOVD R0, 48(RSP)
	MOVD R0, R9

	// Integers 8 to 13 go on the stack.
	MOVD 72(R9), R10
	MOVD R10, 0(RSP)
	MOVD 80(R9), R10
	MOVD R10, 8(RSP)
	MOVD 88(R9), R10
	MOVD R10, 16(RSP)
	MOVD 96(R9), R10
	MOVD R10, 24(RSP)
	MOVD 104(R9), R10
	MOVD R10, 32(RSP)
	MOVD 112(R9), R10
	MOVD R10, 40(RSP)

	FMOVD 120(R9), F0
	FMOVD 128(R9), F1
	MOVD  0(R9), R11
	MOVD  8(R9), R0
	MOVD  16(R9), R1
	MOVD  24(R9), R2
	MOVD  32(R9), R3
	MOVD  40(R9), R4
	MOVD  48(R9), R5
	MOVD  56(R9), R6
	MOVD  64(R9), R7
	BL    (R11)

	MOVD 48(RSP), R9
	MOVD R0, 136(R9)
	ADD  $64, RSP
	RET
