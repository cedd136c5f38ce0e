//go:build amd64 && !purego

#include "textflag.h"

// As in matmul_avx512_amd64.s one accumulator of 16 lanes belongs to each
// result, value i in lane i mod 16. Codes become float32 as they are loaded.

// FOLD4 adds up the quarters of four accumulators: quarter q of out becomes
// (q0+q2)+(q1+q3) of accumulator q. Clobbers a, b, c, d, t.
#define FOLD4(a, b, c, d, t, out) \
	VSHUFF64X2 $0x44, b, a, t   \
	VSHUFF64X2 $0xee, b, a, a   \
	VADDPS     a, t, a          \
	VSHUFF64X2 $0x44, d, c, t   \
	VSHUFF64X2 $0xee, d, c, c   \
	VADDPS     c, t, c          \
	VSHUFF64X2 $0x88, c, a, t   \
	VSHUFF64X2 $0xdd, c, a, a   \
	VADDPS     a, t, out

// PAIRS adds neighbouring lanes: each quarter of out becomes
// a0+a1, a2+a3, b0+b1, b2+b3. Clobbers t.
#define PAIRS(a, b, t, out) \
	VSHUFPS $0x88, b, a, t   \
	VSHUFPS $0xdd, b, a, out \
	VADDPS  out, t, out

// ROW multiplies the vector of x in Z20 with those of codes in Z16 to Z19.
#define ROW(a, b, c, d) \
	VFMADD231PS Z16, Z20, a \
	VFMADD231PS Z17, Z20, b \
	VFMADD231PS Z18, Z20, c \
	VFMADD231PS Z19, Z20, d

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
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3
	VPXORQ Z4, Z4, Z4
	VPXORQ Z5, Z5, Z5
	VPXORQ Z6, Z6, Z6
	VPXORQ Z7, Z7, Z7
	VPXORQ Z8, Z8, Z8
	VPXORQ Z9, Z9, Z9
	VPXORQ Z10, Z10, Z10
	VPXORQ Z11, Z11, Z11
	VPXORQ Z12, Z12, Z12
	VPXORQ Z13, Z13, Z13
	VPXORQ Z14, Z14, Z14
	VPXORQ Z15, Z15, Z15

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

	// Quarter r of Z0 to Z3: row r of x, row 0 to 3 of codes.
	FOLD4(Z0, Z4, Z8, Z12, Z20, Z0)
	FOLD4(Z1, Z5, Z9, Z13, Z21, Z1)
	FOLD4(Z2, Z6, Z10, Z14, Z22, Z2)
	FOLD4(Z3, Z7, Z11, Z15, Z23, Z3)
	PAIRS(Z0, Z1, Z4, Z0)
	PAIRS(Z2, Z3, Z5, Z2)
	PAIRS(Z0, Z2, Z4, Z0)
	VMOVUPS       X0, (DI)
	VEXTRACTF32X4 $1, Z0, (DI)(R12*1)
	VEXTRACTF32X4 $2, Z0, (DI)(R12*2)
	LEAQ          (R12)(R12*2), R12
	VEXTRACTF32X4 $3, Z0, (DI)(R12*1)
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
