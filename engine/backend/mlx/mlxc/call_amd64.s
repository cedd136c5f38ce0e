//go:build (linux || darwin) && !static

#include "textflag.h"

// The address of trampoline, for runtime.cgocall.
GLOBL ·trampolineAt(SB), NOPTR|RODATA, $8
DATA ·trampolineAt(SB)/8, $trampoline(SB)

// trampoline calls the C function of the frame at DI, by the System V
// convention: integers in DI, SI, DX, CX, R8, R9 and on the stack, floats in
// X0 and X1. It runs on the system stack, which is aligned to 16 bytes before
// the call that brings us here.
TEXT trampoline(SB), NOSPLIT|NOFRAME, $0
	PUSHQ BX
	MOVQ  DI, BX
	SUBQ  $64, SP

	// Integers 6 to 13 go on the stack.
	MOVQ 56(BX), AX
	MOVQ AX, 0(SP)
	MOVQ 64(BX), AX
	MOVQ AX, 8(SP)
	MOVQ 72(BX), AX
	MOVQ AX, 16(SP)
	MOVQ 80(BX), AX
	MOVQ AX, 24(SP)
	MOVQ 88(BX), AX
	MOVQ AX, 32(SP)
	MOVQ 96(BX), AX
	MOVQ AX, 40(SP)
	MOVQ 104(BX), AX
	MOVQ AX, 48(SP)
	MOVQ 112(BX), AX
	MOVQ AX, 56(SP)

	MOVSD 120(BX), X0
	MOVSD 128(BX), X1
	MOVQ  8(BX), DI
	MOVQ  16(BX), SI
	MOVQ  24(BX), DX
	MOVQ  32(BX), CX
	MOVQ  40(BX), R8
	MOVQ  48(BX), R9
	XORL  AX, AX
	MOVQ  0(BX), R11
	CALL  R11
	MOVQ  AX, 136(BX)
	ADDQ  $64, SP
	POPQ  BX
	RET
