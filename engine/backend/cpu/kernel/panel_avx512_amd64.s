//go:build amd64 && !purego

#include "textflag.h"
#include "lanes_avx512.h"

// Panels have pieces of 16 values: those of row 0, of row 1, of row 2, of row
// 3, and so on.

// func pack4AVX512(dst, src *float32, stride, n int)
TEXT ·pack4AVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ n+24(FP), CX
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R9

loop:
	VMOVUPS (SI), Z0
	VMOVUPS (SI)(R8*1), Z1
	VMOVUPS (SI)(R8*2), Z2
	VMOVUPS (SI)(R9*1), Z3
	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	ADDQ    $64, SI
	ADDQ    $256, DI
	SUBQ    $16, CX
	JNZ     loop
	VZEROUPPER
	RET

// func panel4x4AVX512(dst *float32, dstStride int, x, w *float32, n int, add bool)
TEXT ·panel4x4AVX512(SB), NOSPLIT, $0-41
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ x+16(FP), SI
	MOVQ w+24(FP), DX
	MOVQ n+32(FP), CX
	SHLQ $2, R12
	LEAQ (R12)(R12*2), R13
	ZERO16

loop:
	VMOVUPS (DX), Z16
	VMOVUPS 64(DX), Z17
	VMOVUPS 128(DX), Z18
	VMOVUPS 192(DX), Z19
	VMOVUPS (SI), Z20
	ROW(Z0, Z1, Z2, Z3)
	VMOVUPS 64(SI), Z20
	ROW(Z4, Z5, Z6, Z7)
	VMOVUPS 128(SI), Z20
	ROW(Z8, Z9, Z10, Z11)
	VMOVUPS 192(SI), Z20
	ROW(Z12, Z13, Z14, Z15)
	ADDQ    $256, SI
	ADDQ    $256, DX
	SUBQ    $16, CX
	JNZ     loop

	SUM16
	CMPB   add+40(FP), $0
	JEQ    store
	VADDPS (DI), X0, X0
	VADDPS (DI)(R12*1), X1, X1
	VADDPS (DI)(R12*2), X2, X2
	VADDPS (DI)(R13*1), X3, X3

store:
	VMOVUPS X0, (DI)
	VMOVUPS X1, (DI)(R12*1)
	VMOVUPS X2, (DI)(R12*2)
	VMOVUPS X3, (DI)(R13*1)
	VZEROUPPER
	RET
