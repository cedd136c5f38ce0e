//go:build amd64 && !purego

#include "textflag.h"
#include "lanes_avx2.h"

// One accumulator of 8 lanes belongs to each result; value i of the operands
// goes to lane i mod 8. The last, partial vector is loaded with zeros in the
// lanes beyond n. The lanes are added as ((0+4)+(1+5))+((2+6)+(3+7))
// everywhere, so dot4x4 and dot1x4 give the same bits.

// func dot4x4AVX2(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool)
//
// Two rows of w at a time: 8 accumulators.
TEXT ·dot4x4AVX2(SB), NOSPLIT, $0-57
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ xStride+24(FP), R8
	MOVQ w+32(FP), R13
	MOVQ wStride+40(FP), R9
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R12)(R12*2), R11
	MOVQ $2, BX

pair:
	MOVQ   x+16(FP), SI
	MOVQ   R13, DX
	MOVQ   n+48(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	SUBQ   $8, CX
	JLT    tail

loop:
	VMOVUPS     (DX), Y8
	VMOVUPS     (DX)(R9*1), Y9
	VMOVUPS     (SI), Y10
	VMOVUPS     (SI)(R8*1), Y11
	VMOVUPS     (SI)(R8*2), Y12
	VMOVUPS     (SI)(R10*1), Y13
	VFMADD231PS Y8, Y10, Y0
	VFMADD231PS Y9, Y10, Y1
	VFMADD231PS Y8, Y11, Y2
	VFMADD231PS Y9, Y11, Y3
	VFMADD231PS Y8, Y12, Y4
	VFMADD231PS Y9, Y12, Y5
	VFMADD231PS Y8, Y13, Y6
	VFMADD231PS Y9, Y13, Y7
	ADDQ        $32, SI
	ADDQ        $32, DX
	SUBQ        $8, CX
	JGE         loop

tail:
	ADDQ        $8, CX
	JZ          sum
	TAILMASK
	VMASKMOVPS  (DX), Y15, Y8
	VMASKMOVPS  (DX)(R9*1), Y15, Y9
	VMASKMOVPS  (SI), Y15, Y10
	VMASKMOVPS  (SI)(R8*1), Y15, Y11
	VMASKMOVPS  (SI)(R8*2), Y15, Y12
	VMASKMOVPS  (SI)(R10*1), Y15, Y13
	VFMADD231PS Y8, Y10, Y0
	VFMADD231PS Y9, Y10, Y1
	VFMADD231PS Y8, Y11, Y2
	VFMADD231PS Y9, Y11, Y3
	VFMADD231PS Y8, Y12, Y4
	VFMADD231PS Y9, Y12, Y5
	VFMADD231PS Y8, Y13, Y6
	VFMADD231PS Y9, Y13, Y7

sum:
	// X2: rows 0 and 1 of x, two rows of w each; X3: rows 2 and 3.
	SUM8
	CMPB    add+56(FP), $0
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
	LEAQ    (R13)(R9*2), R13
	DECQ    BX
	JNZ     pair
	VZEROUPPER
	RET

// func dot1x4AVX2(dst, x, w *float32, wStride, n int, add bool)
TEXT ·dot1x4AVX2(SB), NOSPLIT, $0-41
	MOVQ   dst+0(FP), DI
	MOVQ   x+8(FP), SI
	MOVQ   w+16(FP), DX
	MOVQ   wStride+24(FP), R9
	MOVQ   n+32(FP), CX
	SHLQ   $2, R9
	LEAQ   (R9)(R9*2), R11
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	SUBQ   $8, CX
	JLT    tail

loop:
	VMOVUPS     (SI), Y8
	VFMADD231PS (DX), Y8, Y0
	VFMADD231PS (DX)(R9*1), Y8, Y1
	VFMADD231PS (DX)(R9*2), Y8, Y2
	VFMADD231PS (DX)(R11*1), Y8, Y3
	ADDQ        $32, SI
	ADDQ        $32, DX
	SUBQ        $8, CX
	JGE         loop

tail:
	ADDQ        $8, CX
	JZ          sum
	TAILMASK
	VMASKMOVPS  (SI), Y15, Y8
	VMASKMOVPS  (DX), Y15, Y9
	VMASKMOVPS  (DX)(R9*1), Y15, Y10
	VMASKMOVPS  (DX)(R9*2), Y15, Y11
	VMASKMOVPS  (DX)(R11*1), Y15, Y12
	VFMADD231PS Y9, Y8, Y0
	VFMADD231PS Y10, Y8, Y1
	VFMADD231PS Y11, Y8, Y2
	VFMADD231PS Y12, Y8, Y3

sum:
	SUM4
	CMPB   add+40(FP), $0
	JEQ    store
	VADDPS (DI), X0, X0

store:
	VMOVUPS X0, (DI)
	VZEROUPPER
	RET

// func mix4AVX2(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)
//
// 16 columns at a time; columns beyond width are masked off.
TEXT ·mix4AVX2(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ p+16(FP), SI
	MOVQ pStride+24(FP), R8
	MOVQ v+32(FP), DX
	MOVQ vStride+40(FP), R9
	MOVQ width+56(FP), BX
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R12)(R12*2), R13

columns:
	// Y14 and Y15: the columns left, up to 16.
	MOVQ    $16, CX
	CMPQ    BX, CX
	CMOVQLT BX, CX
	LEAQ    ones<>+64(SB), AX
	SHLQ    $2, CX
	SUBQ    CX, AX
	VMOVUPS (AX), Y14
	VMOVUPS 32(AX), Y15

	VMASKMOVPS (DI), Y14, Y0
	VMASKMOVPS 32(DI), Y15, Y1
	VMASKMOVPS (DI)(R12*1), Y14, Y2
	VMASKMOVPS 32(DI)(R12*1), Y15, Y3
	VMASKMOVPS (DI)(R12*2), Y14, Y4
	VMASKMOVPS 32(DI)(R12*2), Y15, Y5
	VMASKMOVPS (DI)(R13*1), Y14, Y6
	VMASKMOVPS 32(DI)(R13*1), Y15, Y7

	MOVQ SI, R14 // weights of this row of v
	MOVQ DX, R11 // this row of v
	MOVQ n+48(FP), CX

rows:
	VMASKMOVPS   (R11), Y14, Y8
	VMASKMOVPS   32(R11), Y15, Y9
	VBROADCASTSS (R14), Y10
	VBROADCASTSS (R14)(R8*1), Y11
	VBROADCASTSS (R14)(R8*2), Y12
	VBROADCASTSS (R14)(R10*1), Y13
	VFMADD231PS  Y8, Y10, Y0
	VFMADD231PS  Y9, Y10, Y1
	VFMADD231PS  Y8, Y11, Y2
	VFMADD231PS  Y9, Y11, Y3
	VFMADD231PS  Y8, Y12, Y4
	VFMADD231PS  Y9, Y12, Y5
	VFMADD231PS  Y8, Y13, Y6
	VFMADD231PS  Y9, Y13, Y7
	ADDQ         R9, R11
	ADDQ         $4, R14
	DECQ         CX
	JNZ          rows

	VMASKMOVPS Y0, Y14, (DI)
	VMASKMOVPS Y1, Y15, 32(DI)
	VMASKMOVPS Y2, Y14, (DI)(R12*1)
	VMASKMOVPS Y3, Y15, 32(DI)(R12*1)
	VMASKMOVPS Y4, Y14, (DI)(R12*2)
	VMASKMOVPS Y5, Y15, 32(DI)(R12*2)
	VMASKMOVPS Y6, Y14, (DI)(R13*1)
	VMASKMOVPS Y7, Y15, 32(DI)(R13*1)
	ADDQ       $64, DI
	ADDQ       $64, DX
	SUBQ       $16, BX
	JGT        columns
	VZEROUPPER
	RET
