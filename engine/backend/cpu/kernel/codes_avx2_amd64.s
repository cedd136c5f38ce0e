//go:build amd64 && !purego

#include "textflag.h"

// As in matmul_avx2_amd64.s one accumulator of 8 lanes belongs to each result,
// value i in lane i mod 8. Codes become float32 as they are loaded.

// HALVES adds the halves of two accumulators: the lower half of out becomes
// lo+hi of a, the upper one of b. Clobbers t.
#define HALVES(a, b, t, out) \
	VPERM2F128 $0x20, b, a, t   \
	VPERM2F128 $0x31, b, a, out \
	VADDPS     out, t, out

// func prefetch(p *int8, stride, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ stride+8(FP), R8
	MOVQ n+16(FP), CX

next:
	PREFETCHT0 (SI)
	ADDQ       R8, SI
	DECQ       CX
	JNZ        next
	RET

// CODES8 multiplies 8 codes of each of 2 rows with 8 values of each row of x.
#define CODES8(at) \
	VPMOVSXBD   at(DX), Y8            \
	VPMOVSXBD   at(DX)(R9*1), Y9      \
	VCVTDQ2PS   Y8, Y8                \
	VCVTDQ2PS   Y9, Y9                \
	VMULPS      Y14, Y8, Y8           \
	VMULPS      Y15, Y9, Y9           \
	VMOVUPS     4*at(SI), Y10         \
	VMOVUPS     4*at(SI)(R8*1), Y11   \
	VMOVUPS     4*at(SI)(R8*2), Y12   \
	VMOVUPS     4*at(SI)(R10*1), Y13  \
	VFMADD231PS Y8, Y10, Y0           \
	VFMADD231PS Y9, Y10, Y1           \
	VFMADD231PS Y8, Y11, Y2           \
	VFMADD231PS Y9, Y11, Y3           \
	VFMADD231PS Y8, Y12, Y4           \
	VFMADD231PS Y9, Y12, Y5           \
	VFMADD231PS Y8, Y13, Y6           \
	VFMADD231PS Y9, Y13, Y7

// func dotCodes4x4AVX2(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int)
//
// Two rows of codes at a time: 8 accumulators.
TEXT ·dotCodes4x4AVX2(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ xStride+24(FP), R8
	MOVQ w+32(FP), R13
	MOVQ wStride+40(FP), R9
	MOVQ s+48(FP), R15
	MOVQ sStride+56(FP), R14
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R14
	LEAQ (R8)(R8*2), R10
	LEAQ (R12)(R12*2), R11
	MOVQ $2, BX

pair:
	MOVQ   x+16(FP), SI
	MOVQ   R13, DX
	MOVQ   R15, AX
	MOVQ   n+64(FP), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

loop:
	VBROADCASTSS (AX), Y14
	VBROADCASTSS (AX)(R14*1), Y15
	CODES8(0)
	CODES8(8)
	CODES8(16)
	CODES8(24)
	ADDQ         $128, SI
	ADDQ         $32, DX
	ADDQ         $4, AX
	SUBQ         $32, CX
	JGT          loop

	// Lower halves: first row of codes, upper halves: second; lanes: rows of x.
	HALVES(Y0, Y1, Y8, Y0)
	HALVES(Y2, Y3, Y9, Y2)
	HALVES(Y4, Y5, Y10, Y4)
	HALVES(Y6, Y7, Y11, Y6)
	VHADDPS      Y2, Y0, Y0
	VHADDPS      Y6, Y4, Y4
	VHADDPS      Y4, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VUNPCKLPS    X1, X0, X2
	VUNPCKHPS    X1, X0, X3
	VMOVLPS      X2, (DI)
	VMOVHPS      X2, (DI)(R12*1)
	VMOVLPS      X3, (DI)(R12*2)
	VMOVHPS      X3, (DI)(R11*1)
	ADDQ         $8, DI
	LEAQ         (R13)(R9*2), R13
	LEAQ         (R15)(R14*2), R15
	DECQ         BX
	JNZ          pair
	VZEROUPPER
	RET

// func mixCodes4AVX2(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int)
//
// 16 columns at a time.
TEXT ·mixCodes4AVX2(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ p+16(FP), SI
	MOVQ pStride+24(FP), R8
	MOVQ v+32(FP), DX
	MOVQ vStride+40(FP), R9
	MOVQ width+56(FP), BX
	SHLQ $2, R12
	SHLQ $2, R8
	LEAQ (R8)(R8*2), R10
	LEAQ (R12)(R12*2), R13

columns:
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS (DI)(R12*1), Y2
	VMOVUPS 32(DI)(R12*1), Y3
	VMOVUPS (DI)(R12*2), Y4
	VMOVUPS 32(DI)(R12*2), Y5
	VMOVUPS (DI)(R13*1), Y6
	VMOVUPS 32(DI)(R13*1), Y7

	MOVQ SI, R14 // weights of this row of codes
	MOVQ DX, R11 // this row of codes
	MOVQ n+48(FP), CX

rows:
	VPMOVSXBD    (R11), Y8
	VPMOVSXBD    8(R11), Y9
	VCVTDQ2PS    Y8, Y8
	VCVTDQ2PS    Y9, Y9
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

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, (DI)(R12*1)
	VMOVUPS Y3, 32(DI)(R12*1)
	VMOVUPS Y4, (DI)(R12*2)
	VMOVUPS Y5, 32(DI)(R12*2)
	VMOVUPS Y6, (DI)(R13*1)
	VMOVUPS Y7, 32(DI)(R13*1)
	ADDQ    $64, DI
	ADDQ    $16, DX
	SUBQ    $16, BX
	JGT     columns
	VZEROUPPER
	RET
