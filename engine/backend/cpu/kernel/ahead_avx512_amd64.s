//go:build amd64 && !purego

#include "textflag.h"
#include "lanes_avx512.h"

// The sums are those of dot4x4AVX512 and mix4AVX512.

// func dotAhead4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int)
TEXT ·dotAhead4x4AVX512(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ x+16(FP), SI
	MOVQ xStride+24(FP), R8
	MOVQ w+32(FP), DX
	MOVQ wStride+40(FP), R9
	MOVQ n+48(FP), CX
	MOVQ ahead+56(FP), R13
	ADDQ DX, R13
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R9)(R9*2), R11

	// Z0 to Z15: row r of x, row c of w in Z(4r+c).
	ZERO16

loop:
	PREFETCHT0 (R13)
	PREFETCHT0 (R13)(R9*1)
	VMOVUPS    (DX), Z16
	VMOVUPS    (DX)(R9*1), Z17
	VMOVUPS    (DX)(R9*2), Z18
	VMOVUPS    (DX)(R11*1), Z19
	VMOVUPS    (SI), Z20
	ROW(Z0, Z1, Z2, Z3)
	VMOVUPS    (SI)(R8*1), Z20
	ROW(Z4, Z5, Z6, Z7)
	VMOVUPS    (SI)(R8*2), Z20
	ROW(Z8, Z9, Z10, Z11)
	VMOVUPS    (SI)(R10*1), Z20
	ROW(Z12, Z13, Z14, Z15)
	ADDQ       $64, SI
	ADDQ       $64, DX
	ADDQ       $64, R13
	SUBQ       $16, CX
	JGT        loop

	SUM16
	LEAQ    (R12)(R12*2), R13
	VMOVUPS X0, (DI)
	VMOVUPS X1, (DI)(R12*1)
	VMOVUPS X2, (DI)(R12*2)
	VMOVUPS X3, (DI)(R13*1)
	VZEROUPPER
	RET

// PAIR multiplies x with the two vectors in Z16 and Z17.
#define PAIR(x, a, b) \
	VFMADD231PS Z16, x, a \
	VFMADD231PS Z17, x, b

// func dotAhead8x2AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n, ahead int)
TEXT ·dotAhead8x2AVX512(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ x+16(FP), SI
	MOVQ xStride+24(FP), R8
	MOVQ w+32(FP), DX
	MOVQ wStride+40(FP), R9
	MOVQ n+48(FP), CX
	MOVQ ahead+56(FP), R13
	ADDQ DX, R13
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (SI)(R8*4), R15

	// Z0 to Z15: row r of x, row c of w in Z(2r+c).
	ZERO16

loop:
	PREFETCHT0 (R13)
	PREFETCHT0 (R13)(R9*1)
	VMOVUPS    (DX), Z16
	VMOVUPS    (DX)(R9*1), Z17
	VMOVUPS    (SI), Z18
	PAIR(Z18, Z0, Z1)
	VMOVUPS    (SI)(R8*1), Z19
	PAIR(Z19, Z2, Z3)
	VMOVUPS    (SI)(R8*2), Z20
	PAIR(Z20, Z4, Z5)
	VMOVUPS    (SI)(R10*1), Z21
	PAIR(Z21, Z6, Z7)
	VMOVUPS    (R15), Z18
	PAIR(Z18, Z8, Z9)
	VMOVUPS    (R15)(R8*1), Z19
	PAIR(Z19, Z10, Z11)
	VMOVUPS    (R15)(R8*2), Z20
	PAIR(Z20, Z12, Z13)
	VMOVUPS    (R15)(R10*1), Z21
	PAIR(Z21, Z14, Z15)
	ADDQ       $64, SI
	ADDQ       $64, R15
	ADDQ       $64, DX
	ADDQ       $64, R13
	SUBQ       $16, CX
	JGT        loop

	SUM16
	LEAQ    (R12)(R12*2), R13
	VMOVLPS X0, (DI)
	VMOVHPS X0, (DI)(R12*1)
	VMOVLPS X1, (DI)(R12*2)
	VMOVHPS X1, (DI)(R13*1)
	LEAQ    (DI)(R12*4), DI
	VMOVLPS X2, (DI)
	VMOVHPS X2, (DI)(R12*1)
	VMOVLPS X3, (DI)(R12*2)
	VMOVHPS X3, (DI)(R13*1)
	VZEROUPPER
	RET

// LOAD16 and STORE16 move 64 columns of 4 rows of dst, row r from Z(4r) on.
#define LOAD16 \
	VMOVUPS (DI), Z0              \
	VMOVUPS 64(DI), Z1            \
	VMOVUPS 128(DI), Z2           \
	VMOVUPS 192(DI), Z3           \
	VMOVUPS (DI)(R12*1), Z4       \
	VMOVUPS 64(DI)(R12*1), Z5     \
	VMOVUPS 128(DI)(R12*1), Z6    \
	VMOVUPS 192(DI)(R12*1), Z7    \
	VMOVUPS (DI)(R12*2), Z8       \
	VMOVUPS 64(DI)(R12*2), Z9     \
	VMOVUPS 128(DI)(R12*2), Z10   \
	VMOVUPS 192(DI)(R12*2), Z11   \
	VMOVUPS (DI)(R13*1), Z12      \
	VMOVUPS 64(DI)(R13*1), Z13    \
	VMOVUPS 128(DI)(R13*1), Z14   \
	VMOVUPS 192(DI)(R13*1), Z15

#define STORE16 \
	VMOVUPS Z0, (DI)              \
	VMOVUPS Z1, 64(DI)            \
	VMOVUPS Z2, 128(DI)           \
	VMOVUPS Z3, 192(DI)           \
	VMOVUPS Z4, (DI)(R12*1)       \
	VMOVUPS Z5, 64(DI)(R12*1)     \
	VMOVUPS Z6, 128(DI)(R12*1)    \
	VMOVUPS Z7, 192(DI)(R12*1)    \
	VMOVUPS Z8, (DI)(R12*2)       \
	VMOVUPS Z9, 64(DI)(R12*2)     \
	VMOVUPS Z10, 128(DI)(R12*2)   \
	VMOVUPS Z11, 192(DI)(R12*2)   \
	VMOVUPS Z12, (DI)(R13*1)      \
	VMOVUPS Z13, 64(DI)(R13*1)    \
	VMOVUPS Z14, 128(DI)(R13*1)   \
	VMOVUPS Z15, 192(DI)(R13*1)

// func mixAhead4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int)
//
// 64 columns at a time.
TEXT ·mixAhead4AVX512(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ p+16(FP), SI
	MOVQ pStride+24(FP), R8
	MOVQ v+32(FP), DX
	MOVQ vStride+40(FP), R9
	MOVQ width+56(FP), BX
	MOVQ ahead+64(FP), R15
	ADDQ DX, R15         // what is asked for
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R12)(R12*2), R13

columns:
	LOAD16
	MOVQ SI, R14 // weights of this row of v
	MOVQ DX, R11 // this row of v
	MOVQ n+48(FP), CX

rows:
	PREFETCHT0   (R15)
	PREFETCHT0   64(R15)
	PREFETCHT0   128(R15)
	PREFETCHT0   192(R15)
	VMOVUPS      (R11), Z16
	VMOVUPS      64(R11), Z17
	VMOVUPS      128(R11), Z18
	VMOVUPS      192(R11), Z19
	VBROADCASTSS (R14), Z20
	ROW(Z0, Z1, Z2, Z3)
	VBROADCASTSS (R14)(R8*1), Z20
	ROW(Z4, Z5, Z6, Z7)
	VBROADCASTSS (R14)(R8*2), Z20
	ROW(Z8, Z9, Z10, Z11)
	VBROADCASTSS (R14)(R10*1), Z20
	ROW(Z12, Z13, Z14, Z15)
	ADDQ         $256, R15
	ADDQ         R9, R11
	ADDQ         $4, R14
	DECQ         CX
	JNZ          rows

	STORE16
	ADDQ $256, DI
	ADDQ $256, DX
	SUBQ $64, BX
	JGT  columns
	VZEROUPPER
	RET

// LOAD8 and STORE8 move a vector of each of 8 rows of dst, at bytes from DI on. CX is 4 rows on.
#define LOAD8(at, a, b, c, d, e, f, g, h) \
	VMOVUPS at(DI), a         \
	VMOVUPS at(DI)(R12*1), b  \
	VMOVUPS at(DI)(R12*2), c  \
	VMOVUPS at(DI)(R13*1), d  \
	VMOVUPS at(CX), e         \
	VMOVUPS at(CX)(R12*1), f  \
	VMOVUPS at(CX)(R12*2), g  \
	VMOVUPS at(CX)(R13*1), h

#define STORE8(at, a, b, c, d, e, f, g, h) \
	VMOVUPS a, at(DI)         \
	VMOVUPS b, at(DI)(R12*1)  \
	VMOVUPS c, at(DI)(R12*2)  \
	VMOVUPS d, at(DI)(R13*1)  \
	VMOVUPS e, at(CX)         \
	VMOVUPS f, at(CX)(R12*1)  \
	VMOVUPS g, at(CX)(R12*2)  \
	VMOVUPS h, at(CX)(R13*1)

// func mixAhead8AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width, ahead int)
//
// 32 columns at a time.
TEXT ·mixAhead8AVX512(SB), NOSPLIT, $0-72
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ p+16(FP), SI
	MOVQ pStride+24(FP), R8
	MOVQ v+32(FP), DX
	MOVQ vStride+40(FP), R9
	MOVQ width+56(FP), BX
	MOVQ ahead+64(FP), R15
	ADDQ DX, R15         // what is asked for
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R12)(R12*2), R13

columns:
	LEAQ (DI)(R12*4), CX
	LOAD8(0, Z0, Z2, Z4, Z6, Z8, Z10, Z12, Z14)
	LOAD8(64, Z1, Z3, Z5, Z7, Z9, Z11, Z13, Z15)
	MOVQ SI, R14         // weights of this row of v
	LEAQ (SI)(R8*4), AX
	MOVQ DX, R11         // this row of v
	MOVQ n+48(FP), CX

rows:
	PREFETCHT0   (R15)
	PREFETCHT0   64(R15)
	VMOVUPS      (R11), Z16
	VMOVUPS      64(R11), Z17
	VBROADCASTSS (R14), Z18
	PAIR(Z18, Z0, Z1)
	VBROADCASTSS (R14)(R8*1), Z19
	PAIR(Z19, Z2, Z3)
	VBROADCASTSS (R14)(R8*2), Z20
	PAIR(Z20, Z4, Z5)
	VBROADCASTSS (R14)(R10*1), Z21
	PAIR(Z21, Z6, Z7)
	VBROADCASTSS (AX), Z18
	PAIR(Z18, Z8, Z9)
	VBROADCASTSS (AX)(R8*1), Z19
	PAIR(Z19, Z10, Z11)
	VBROADCASTSS (AX)(R8*2), Z20
	PAIR(Z20, Z12, Z13)
	VBROADCASTSS (AX)(R10*1), Z21
	PAIR(Z21, Z14, Z15)
	ADDQ         $128, R15
	ADDQ         R9, R11
	ADDQ         $4, R14
	ADDQ         $4, AX
	DECQ         CX
	JNZ          rows

	LEAQ (DI)(R12*4), CX
	STORE8(0, Z0, Z2, Z4, Z6, Z8, Z10, Z12, Z14)
	STORE8(64, Z1, Z3, Z5, Z7, Z9, Z11, Z13, Z15)
	ADDQ $128, DI
	ADDQ $128, DX
	SUBQ $32, BX
	JGT  columns
	VZEROUPPER
	RET
