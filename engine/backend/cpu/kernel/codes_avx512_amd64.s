//go:build amd64 && !purego

#include "textflag.h"
#include "lanes_avx512.h"

// As in matmul_avx512_amd64.s one accumulator of 16 lanes belongs to each
// result, value i in lane i mod 16. Codes become float32 as they are loaded.

// CODES16 makes values of 16 codes of each of 4 rows, in Z16 to Z19; at is
// where they are in their groups.
#define CODES16(at) \
	VPMOVSXBD   at(DX), Z16             \
	VPMOVSXBD   at(DX)(R9*1), Z17       \
	VPMOVSXBD   at(DX)(R9*2), Z18       \
	VPMOVSXBD   at(DX)(R11*1), Z19      \
	VCVTDQ2PS   Z16, Z16                \
	VCVTDQ2PS   Z17, Z17                \
	VCVTDQ2PS   Z18, Z18                \
	VCVTDQ2PS   Z19, Z19                \
	VMULPS.BCST (BX), Z16, Z16          \
	VMULPS.BCST (BX)(R14*1), Z17, Z17   \
	VMULPS.BCST (BX)(R14*2), Z18, Z18   \
	VMULPS.BCST (BX)(R15*1), Z19, Z19

// ROWS16 multiplies them with 16 values of each row of x.
#define ROWS16(at) \
	VMOVUPS at(SI), Z20         \
	ROW(Z0, Z1, Z2, Z3)         \
	VMOVUPS at(SI)(R8*1), Z20   \
	ROW(Z4, Z5, Z6, Z7)         \
	VMOVUPS at(SI)(R8*2), Z20   \
	ROW(Z8, Z9, Z10, Z11)       \
	VMOVUPS at(SI)(R10*1), Z20  \
	ROW(Z12, Z13, Z14, Z15)

// func dotCodes4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *int8, wStride int, s *float32, sStride, n int)
TEXT ·dotCodes4x4AVX512(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ x+16(FP), SI
	MOVQ xStride+24(FP), R8
	MOVQ w+32(FP), DX
	MOVQ wStride+40(FP), R9
	MOVQ s+48(FP), BX
	MOVQ sStride+56(FP), R14
	MOVQ n+64(FP), CX
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R14
	LEAQ (R8)(R8*2), R10
	LEAQ (R9)(R9*2), R11
	LEAQ (R14)(R14*2), R15

	// Z0 to Z15: row r of x, row c of codes in Z(4r+c).
	ZERO16

	// R13 walks through the 4 rows that are aheadRows rows on.
	LEAQ (DX)(R9*8), R13

loop:
	PREFETCHT0 (R13)
	PREFETCHT0 64(R13)
	CODES16(0)
	ROWS16(0)
	CODES16(16)
	ROWS16(64)
	ADDQ       $128, SI
	ADDQ       $32, DX
	ADDQ       $4, BX
	ADDQ       $128, R13
	SUBQ       $32, CX
	JGT        loop

	SUM16
	LEAQ    (R12)(R12*2), R13
	VMOVUPS X0, (DI)
	VMOVUPS X1, (DI)(R12*1)
	VMOVUPS X2, (DI)(R12*2)
	VMOVUPS X3, (DI)(R13*1)
	VZEROUPPER
	RET

// func mixCodes4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *int8, vStride, n, width int)
//
// 64 columns at a time, then 16.
TEXT ·mixCodes4AVX512(SB), NOSPLIT, $0-64
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
	SUBQ $64, BX
	JLT  rest

wide:
	VMOVUPS (DI), Z0
	VMOVUPS 64(DI), Z1
	VMOVUPS 128(DI), Z2
	VMOVUPS 192(DI), Z3
	VMOVUPS (DI)(R12*1), Z4
	VMOVUPS 64(DI)(R12*1), Z5
	VMOVUPS 128(DI)(R12*1), Z6
	VMOVUPS 192(DI)(R12*1), Z7
	VMOVUPS (DI)(R12*2), Z8
	VMOVUPS 64(DI)(R12*2), Z9
	VMOVUPS 128(DI)(R12*2), Z10
	VMOVUPS 192(DI)(R12*2), Z11
	VMOVUPS (DI)(R13*1), Z12
	VMOVUPS 64(DI)(R13*1), Z13
	VMOVUPS 128(DI)(R13*1), Z14
	VMOVUPS 192(DI)(R13*1), Z15

	MOVQ SI, R14 // weights of this row of codes
	MOVQ DX, R11 // this row of codes
	MOVQ n+48(FP), CX

wideRows:
	PREFETCHT0   64(R11) // of the next 64 columns
	VPMOVSXBD    (R11), Z16
	VPMOVSXBD    16(R11), Z17
	VPMOVSXBD    32(R11), Z18
	VPMOVSXBD    48(R11), Z19
	VCVTDQ2PS    Z16, Z16
	VCVTDQ2PS    Z17, Z17
	VCVTDQ2PS    Z18, Z18
	VCVTDQ2PS    Z19, Z19
	VBROADCASTSS (R14), Z20
	ROW(Z0, Z1, Z2, Z3)
	VBROADCASTSS (R14)(R8*1), Z20
	ROW(Z4, Z5, Z6, Z7)
	VBROADCASTSS (R14)(R8*2), Z20
	ROW(Z8, Z9, Z10, Z11)
	VBROADCASTSS (R14)(R10*1), Z20
	ROW(Z12, Z13, Z14, Z15)
	ADDQ         R9, R11
	ADDQ         $4, R14
	DECQ         CX
	JNZ          wideRows

	VMOVUPS Z0, (DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	VMOVUPS Z4, (DI)(R12*1)
	VMOVUPS Z5, 64(DI)(R12*1)
	VMOVUPS Z6, 128(DI)(R12*1)
	VMOVUPS Z7, 192(DI)(R12*1)
	VMOVUPS Z8, (DI)(R12*2)
	VMOVUPS Z9, 64(DI)(R12*2)
	VMOVUPS Z10, 128(DI)(R12*2)
	VMOVUPS Z11, 192(DI)(R12*2)
	VMOVUPS Z12, (DI)(R13*1)
	VMOVUPS Z13, 64(DI)(R13*1)
	VMOVUPS Z14, 128(DI)(R13*1)
	VMOVUPS Z15, 192(DI)(R13*1)
	ADDQ    $256, DI
	ADDQ    $64, DX
	SUBQ    $64, BX
	JGE     wide

rest:
	ADDQ $64, BX
	JZ   done

narrow:
	VMOVUPS (DI), Z0
	VMOVUPS (DI)(R12*1), Z1
	VMOVUPS (DI)(R12*2), Z2
	VMOVUPS (DI)(R13*1), Z3

	MOVQ SI, R14
	MOVQ DX, R11
	MOVQ n+48(FP), CX

narrowRows:
	VPMOVSXBD    (R11), Z16
	VCVTDQ2PS    Z16, Z16
	VBROADCASTSS (R14), Z20
	VBROADCASTSS (R14)(R8*1), Z21
	VBROADCASTSS (R14)(R8*2), Z22
	VBROADCASTSS (R14)(R10*1), Z23
	VFMADD231PS  Z16, Z20, Z0
	VFMADD231PS  Z16, Z21, Z1
	VFMADD231PS  Z16, Z22, Z2
	VFMADD231PS  Z16, Z23, Z3
	ADDQ         R9, R11
	ADDQ         $4, R14
	DECQ         CX
	JNZ          narrowRows

	VMOVUPS Z0, (DI)
	VMOVUPS Z1, (DI)(R12*1)
	VMOVUPS Z2, (DI)(R12*2)
	VMOVUPS Z3, (DI)(R13*1)
	ADDQ    $64, DI
	ADDQ    $16, DX
	SUBQ    $16, BX
	JGT     narrow

done:
	VZEROUPPER
	RET
