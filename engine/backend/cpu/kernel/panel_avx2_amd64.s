//go:build amd64 && !purego

#include "textflag.h"
#include "lanes_avx2.h"

// Panels have pieces of 8 values: those of row 0, of row 1, of row 2, of row
// 3, and so on.

// func pack4AVX2(dst, src *float32, stride, n int)
TEXT ·pack4AVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ n+24(FP), CX
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R9

loop:
	VMOVUPS (SI), Y0
	VMOVUPS (SI)(R8*1), Y1
	VMOVUPS (SI)(R8*2), Y2
	VMOVUPS (SI)(R9*1), Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ    $32, SI
	ADDQ    $128, DI
	SUBQ    $8, CX
	JNZ     loop
	VZEROUPPER
	RET

// func panel4x4AVX2(dst *float32, dstStride int, x, w *float32, n int, add bool)
//
// Two rows of w at a time: 8 accumulators.
TEXT ·panel4x4AVX2(SB), NOSPLIT, $0-41
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ w+24(FP), R13
	SHLQ $2, R12
	LEAQ (R12)(R12*2), R11
	MOVQ $2, BX

pair:
	MOVQ   x+16(FP), SI
	MOVQ   R13, DX
	MOVQ   n+32(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

loop:
	VMOVUPS     (DX), Y8
	VMOVUPS     32(DX), Y9
	VMOVUPS     (SI), Y10
	VMOVUPS     32(SI), Y11
	VMOVUPS     64(SI), Y12
	VMOVUPS     96(SI), Y13
	VFMADD231PS Y8, Y10, Y0
	VFMADD231PS Y9, Y10, Y1
	VFMADD231PS Y8, Y11, Y2
	VFMADD231PS Y9, Y11, Y3
	VFMADD231PS Y8, Y12, Y4
	VFMADD231PS Y9, Y12, Y5
	VFMADD231PS Y8, Y13, Y6
	VFMADD231PS Y9, Y13, Y7
	ADDQ        $128, SI
	ADDQ        $128, DX
	SUBQ        $8, CX
	JNZ         loop

	SUM8
	CMPB    add+40(FP), $0
	JEQ     store
	VMOVSD  (DI), X4
	VMOVHPS (DI)(R12*1), X4, X4
	VADDPS  X4, X2, X2
	VMOVSD  (DI)(R12*2), X4
	VMOVHPS (DI)(R11*1), X4, X4
	VADDPS  X4, X3, X3

store:
	VMOVLPS X2, (DI)
	VMOVHPS X2, (DI)(R12*1)
	VMOVLPS X3, (DI)(R12*2)
	VMOVHPS X3, (DI)(R11*1)
	ADDQ    $8, DI
	ADDQ    $64, R13
	DECQ    BX
	JNZ     pair
	VZEROUPPER
	RET
