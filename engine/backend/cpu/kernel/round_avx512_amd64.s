//go:build amd64 && !purego

#include "textflag.h"

// largest: the value that a group's greatest becomes, and the size below which
// that counts as zero.
DATA largest<>+0(SB)/4, $0x42fe0000
GLOBL largest<>(SB), RODATA|NOPTR, $4
DATA tiny<>+0(SB)/4, $0x0d800000
GLOBL tiny<>(SB), RODATA|NOPTR, $4

DATA magnitude<>+0(SB)/4, $0x7fffffff
GLOBL magnitude<>(SB), RODATA|NOPTR, $4

// evens: the even ones of 16 bytes before the odd ones.
DATA evens<>+0(SB)/8, $0x0e0c0a0806040200
DATA evens<>+8(SB)/8, $0x0f0d0b0907050301
GLOBL evens<>(SB), RODATA|NOPTR, $16

// FACTORS sets the scale at (R8) and the broadcast inverse of a group whose
// magnitudes are in m. Clobbers Y8, X9, X10, K1.
#define FACTORS(m, my, mx, inverse) \
	VEXTRACTI64X4 $1, m, Y8          \
	VPMAXUD       Y8, my, my         \
	VEXTRACTI128  $1, my, X8         \
	VPMAXUD       X8, mx, mx         \
	VPSHUFD       $0x4e, mx, X8      \
	VPMAXUD       X8, mx, mx         \
	VPSHUFD       $0xb1, mx, X8      \
	VPMAXUD       X8, mx, mx         \
	VCMPSS        $1, X20, mx, K1    \ // less than tiny
	KNOTW         K1, K1             \
	VDIVSS        X21, mx, X9        \
	VMOVSS.Z      X9, X9, K1, X9     \
	VMOVSS        X9, (R8)           \
	VDIVSS        mx, X21, X10       \
	VMOVSS.Z      X10, X10, K1, X10  \
	VBROADCASTSS  X10, inverse

// SUM sets the value at 16(R8) to the sum of the whole numbers in q times the
// scale at (R8). Clobbers Y8, X8.
#define SUM(q, qy, qx) \
	VEXTRACTI64X4 $1, q, Y8      \
	VPADDD        Y8, qy, qy     \
	VEXTRACTI128  $1, qy, X8     \
	VPADDD        X8, qx, qx     \
	VPSHUFD       $0x4e, qx, X8  \
	VPADDD        X8, qx, qx     \
	VPSHUFD       $0xb1, qx, X8  \
	VPADDD        X8, qx, qx     \
	VCVTDQ2PS     qx, qx         \
	VMULSS        (R8), qx, qx   \
	VMOVSS        qx, 16(R8)

// SPLIT brings the even ones of 32 bytes into a, the odd ones into b.
#define SPLIT(a, b) \
	VPSHUFB     X23, a, a  \
	VPSHUFB     X23, b, b  \
	VPUNPCKLQDQ b, a, X16  \
	VPUNPCKHQDQ b, a, b    \
	VMOVDQA64   X16, a

// func roundQuadsAVX512(dst *int8, factors, x *float32, blocks, group int, split bool)
//
// 16 values of a group follow each other, and behind them come those of the
// other groups of the quad; a quad's factors are 4 scales and 4 sums.
TEXT ·roundQuadsAVX512(SB), NOSPLIT, $0-41
	MOVQ         dst+0(FP), DI
	MOVQ         factors+8(FP), R8
	MOVQ         x+16(FP), SI
	MOVQ         blocks+24(FP), CX
	MOVQ         group+32(FP), DX
	VMOVSS       tiny<>(SB), X20
	VMOVSS       largest<>(SB), X21
	VPBROADCASTD magnitude<>(SB), Z22
	VMOVDQU64    evens<>(SB), X23
	MOVQ         DX, R10 // blocks a quad: 4 of 64 or 2 of 32
	SHRQ         $4, R10
	MOVQ         R10, R11

loop:
	VMOVUPS (SI), Z0
	VMOVUPS 64(SI), Z1
	VMOVUPS 128(SI), Z2
	VMOVUPS 192(SI), Z3
	VPANDD  Z22, Z0, Z4
	VPANDD  Z22, Z1, Z5
	VPANDD  Z22, Z2, Z6
	VPANDD  Z22, Z3, Z7
	VPMAXUD Z5, Z4, Z4
	VPMAXUD Z7, Z6, Z6
	CMPQ    DX, $32
	JEQ     two

	VPMAXUD   Z6, Z4, Z4
	FACTORS(Z4, Y4, X4, Z11)
	VMULPS    Z11, Z0, Z0
	VMULPS    Z11, Z1, Z1
	VMULPS    Z11, Z2, Z2
	VMULPS    Z11, Z3, Z3
	VCVTPS2DQ Z0, Z0
	VCVTPS2DQ Z1, Z1
	VCVTPS2DQ Z2, Z2
	VCVTPS2DQ Z3, Z3
	VPMOVSDB  Z0, X12
	VPMOVSDB  Z1, X13
	VPMOVSDB  Z2, X14
	VPMOVSDB  Z3, X15
	VPADDD    Z1, Z0, Z0
	VPADDD    Z3, Z2, Z2
	VPADDD    Z2, Z0, Z0
	SUM(Z0, Y0, X0)
	CMPB      split+40(FP), $0
	JEQ       long
	SPLIT(X12, X13)
	SPLIT(X14, X15)

long:
	VMOVDQU X12, (DI)
	VMOVDQU X13, 64(DI)
	VMOVDQU X14, 128(DI)
	VMOVDQU X15, 192(DI)
	ADDQ    $16, DI
	ADDQ    $4, R8
	DECQ    R11
	JNZ     next
	ADDQ    $(256-64), DI
	JMP     quad

two:
	FACTORS(Z4, Y4, X4, Z11)
	VMULPS    Z11, Z0, Z0
	VMULPS    Z11, Z1, Z1
	VCVTPS2DQ Z0, Z0
	VCVTPS2DQ Z1, Z1
	VPMOVSDB  Z0, X12
	VPMOVSDB  Z1, X13
	VPADDD    Z1, Z0, Z0
	SUM(Z0, Y0, X0)
	ADDQ      $4, R8
	FACTORS(Z6, Y6, X6, Z11)
	VMULPS    Z11, Z2, Z2
	VMULPS    Z11, Z3, Z3
	VCVTPS2DQ Z2, Z2
	VCVTPS2DQ Z3, Z3
	VPMOVSDB  Z2, X14
	VPMOVSDB  Z3, X15
	VPADDD    Z3, Z2, Z2
	SUM(Z2, Y2, X2)

	CMPB      split+40(FP), $0
	JEQ       short
	SPLIT(X12, X13)
	SPLIT(X14, X15)

short:
	VMOVDQU X12, (DI)
	VMOVDQU X13, 64(DI)
	VMOVDQU X14, 16(DI)
	VMOVDQU X15, 80(DI)
	ADDQ    $32, DI
	ADDQ    $4, R8
	DECQ    R11
	JNZ     next
	ADDQ    $(128-64), DI

quad:
	ADDQ $16, R8
	MOVQ R10, R11

next:
	ADDQ $256, SI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET
