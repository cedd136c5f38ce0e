//go:build amd64 && !purego

#include "textflag.h"
#include "lanes_avx512.h"

// One accumulator of 16 lanes belongs to each result; value i of the operands
// goes to lane i mod 16. The last, partial vector is loaded with zeros in the
// lanes beyond n. SUM16 and SUM4 add the lanes in one order, so dot4x4 and
// dot1x4 give the same bits.

// func dot4x4AVX512(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, n int, add bool)
TEXT ·dot4x4AVX512(SB), NOSPLIT, $0-57
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R12
	MOVQ x+16(FP), SI
	MOVQ xStride+24(FP), R8
	MOVQ w+32(FP), DX
	MOVQ wStride+40(FP), R9
	MOVQ n+48(FP), CX
	SHLQ $2, R12
	SHLQ $2, R8
	SHLQ $2, R9
	LEAQ (R8)(R8*2), R10
	LEAQ (R9)(R9*2), R11

	// Z0 to Z15: row r of x, row c of w in Z(4r+c).
	ZERO16
	SUBQ $16, CX
	JLT  tail

loop:
	VMOVUPS (DX), Z16
	VMOVUPS (DX)(R9*1), Z17
	VMOVUPS (DX)(R9*2), Z18
	VMOVUPS (DX)(R11*1), Z19
	VMOVUPS (SI), Z20
	ROW(Z0, Z1, Z2, Z3)
	VMOVUPS (SI)(R8*1), Z20
	ROW(Z4, Z5, Z6, Z7)
	VMOVUPS (SI)(R8*2), Z20
	ROW(Z8, Z9, Z10, Z11)
	VMOVUPS (SI)(R10*1), Z20
	ROW(Z12, Z13, Z14, Z15)
	ADDQ    $64, SI
	ADDQ    $64, DX
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JZ        sum
	TAILMASK
	VMOVUPS.Z (DX), K1, Z16
	VMOVUPS.Z (DX)(R9*1), K1, Z17
	VMOVUPS.Z (DX)(R9*2), K1, Z18
	VMOVUPS.Z (DX)(R11*1), K1, Z19
	VMOVUPS.Z (SI), K1, Z20
	ROW(Z0, Z1, Z2, Z3)
	VMOVUPS.Z (SI)(R8*1), K1, Z20
	ROW(Z4, Z5, Z6, Z7)
	VMOVUPS.Z (SI)(R8*2), K1, Z20
	ROW(Z8, Z9, Z10, Z11)
	VMOVUPS.Z (SI)(R10*1), K1, Z20
	ROW(Z12, Z13, Z14, Z15)

sum:
	SUM16
	LEAQ   (R12)(R12*2), R13
	CMPB   add+56(FP), $0
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

// func dot1x4AVX512(dst, x, w *float32, wStride, n int, add bool)
TEXT ·dot1x4AVX512(SB), NOSPLIT, $0-41
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ wStride+24(FP), R9
	MOVQ n+32(FP), CX
	SHLQ $2, R9
	LEAQ (R9)(R9*2), R11

	ZERO4(Z0, Z1, Z2, Z3)
	SUBQ $16, CX
	JLT  tail

loop:
	VMOVUPS     (SI), Z20
	VFMADD231PS (DX), Z20, Z0
	VFMADD231PS (DX)(R9*1), Z20, Z1
	VFMADD231PS (DX)(R9*2), Z20, Z2
	VFMADD231PS (DX)(R11*1), Z20, Z3
	ADDQ        $64, SI
	ADDQ        $64, DX
	SUBQ        $16, CX
	JGE         loop

tail:
	ADDQ      $16, CX
	JZ        sum
	TAILMASK
	VMOVUPS.Z (SI), K1, Z20
	VMOVUPS.Z (DX), K1, Z16
	VMOVUPS.Z (DX)(R9*1), K1, Z17
	VMOVUPS.Z (DX)(R9*2), K1, Z18
	VMOVUPS.Z (DX)(R11*1), K1, Z19
	ROW(Z0, Z1, Z2, Z3)

sum:
	SUM4(Z0, Z1, Z2, Z3, Z20)
	CMPB   add+40(FP), $0
	JEQ    store
	VADDPS (DI), X0, X0

store:
	VMOVUPS X0, (DI)
	VZEROUPPER
	RET

// func mix4AVX512(dst *float32, dstStride int, p *float32, pStride int, v *float32, vStride, n, width int)
//
// 64 columns at a time, then up to 32 at a time with those beyond width masked
// off.
TEXT ·mix4AVX512(SB), NOSPLIT, $0-64
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

	MOVQ SI, R14 // weights of this row of v
	MOVQ DX, R11 // this row of v
	MOVQ n+48(FP), CX

wideRows:
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
	ADDQ    $256, DX
	SUBQ    $64, BX
	JGE     wide

rest:
	ADDQ $64, BX
	JZ   done

narrow:
	// K1 and K2: the columns left, up to 32.
	MOVL    $32, CX
	CMPQ    BX, CX
	CMOVQLT BX, CX
	MOVQ    $1, AX
	SHLQ    CX, AX
	DECQ    AX
	KMOVW   AX, K1
	SHRQ    $16, AX
	KMOVW   AX, K2

	VMOVUPS.Z (DI), K1, Z0
	VMOVUPS.Z 64(DI), K2, Z1
	VMOVUPS.Z (DI)(R12*1), K1, Z2
	VMOVUPS.Z 64(DI)(R12*1), K2, Z3
	VMOVUPS.Z (DI)(R12*2), K1, Z4
	VMOVUPS.Z 64(DI)(R12*2), K2, Z5
	VMOVUPS.Z (DI)(R13*1), K1, Z6
	VMOVUPS.Z 64(DI)(R13*1), K2, Z7

	MOVQ SI, R14
	MOVQ DX, R11
	MOVQ n+48(FP), CX

narrowRows:
	VMOVUPS.Z    (R11), K1, Z16
	VMOVUPS.Z    64(R11), K2, Z17
	VBROADCASTSS (R14), Z20
	VBROADCASTSS (R14)(R8*1), Z21
	VBROADCASTSS (R14)(R8*2), Z22
	VBROADCASTSS (R14)(R10*1), Z23
	VFMADD231PS  Z16, Z20, Z0
	VFMADD231PS  Z17, Z20, Z1
	VFMADD231PS  Z16, Z21, Z2
	VFMADD231PS  Z17, Z21, Z3
	VFMADD231PS  Z16, Z22, Z4
	VFMADD231PS  Z17, Z22, Z5
	VFMADD231PS  Z16, Z23, Z6
	VFMADD231PS  Z17, Z23, Z7
	ADDQ         R9, R11
	ADDQ         $4, R14
	DECQ         CX
	JNZ          narrowRows

	VMOVUPS Z0, K1, (DI)
	VMOVUPS Z1, K2, 64(DI)
	VMOVUPS Z2, K1, (DI)(R12*1)
	VMOVUPS Z3, K2, 64(DI)(R12*1)
	VMOVUPS Z4, K1, (DI)(R12*2)
	VMOVUPS Z5, K2, 64(DI)(R12*2)
	VMOVUPS Z6, K1, (DI)(R13*1)
	VMOVUPS Z7, K2, 64(DI)(R13*1)
	ADDQ    $128, DI
	ADDQ    $128, DX
	SUBQ    $32, BX
	JGT     narrow

done:
	VZEROUPPER
	RET
