//go:build amd64 && !purego

#include "textflag.h"

// splat: the constants of exp.go, 8 lanes each.
#define SPLAT(offset, bits) \
	DATA splat<>+(offset+0)(SB)/8, bits  \
	DATA splat<>+(offset+8)(SB)/8, bits  \
	DATA splat<>+(offset+16)(SB)/8, bits \
	DATA splat<>+(offset+24)(SB)/8, bits

SPLAT(0, $0x3fb8aa3b3fb8aa3b)   // log2e
SPLAT(32, $0x3f3180003f318000)  // ln2High
SPLAT(64, $0xb95e8083b95e8083)  // ln2Low
SPLAT(96, $0x3ab6889e3ab6889e)  // exp6
SPLAT(128, $0x3c0905d13c0905d1) // exp5
SPLAT(160, $0x3d2aaa8d3d2aaa8d) // exp4
SPLAT(192, $0x3e2aaa6e3e2aaa6e) // exp3
SPLAT(224, $0x3f0000003f000000) // exp2
SPLAT(256, $0x3f8000003f800000) // 1, and the exponent of 2^0
SPLAT(288, $0x42c8000042c80000) // 100, beyond infinity
SPLAT(320, $0xc3160000c3160000) // -150, beyond zero
GLOBL splat<>(SB), RODATA|NOPTR, $352

// lanes: 8 lanes of all bits and 8 of none.
DATA lanes<>+0(SB)/8, $-1
DATA lanes<>+8(SB)/8, $-1
DATA lanes<>+16(SB)/8, $-1
DATA lanes<>+24(SB)/8, $-1
DATA lanes<>+32(SB)/8, $0
DATA lanes<>+40(SB)/8, $0
DATA lanes<>+48(SB)/8, $0
DATA lanes<>+56(SB)/8, $0
GLOBL lanes<>(SB), RODATA|NOPTR, $64

// EXP replaces Y0 by exp(Y0). The limits, with the value as the operand that
// NaN wins, keep infinities out of the differences; 2^n is two factors, as n
// goes from -216 to 144. Clobbers Y1, Y2 and Y3.
#define EXP \
	VMINPS       Y0, Y13, Y0              \
	VMAXPS       Y0, Y14, Y0              \
	VMULPS       splat<>+0(SB), Y0, Y1    \
	VROUNDPS     $8, Y1, Y1               \
	VFNMADD231PS splat<>+32(SB), Y1, Y0   \
	VFNMADD231PS splat<>+64(SB), Y1, Y0   \
	VMOVAPS      Y6, Y2                   \
	VFMADD213PS  Y7, Y0, Y2               \
	VFMADD213PS  Y8, Y0, Y2               \
	VFMADD213PS  Y9, Y0, Y2               \
	VFMADD213PS  Y10, Y0, Y2              \
	VFMADD213PS  Y11, Y0, Y2              \
	VFMADD213PS  Y11, Y0, Y2              \
	VCVTPS2DQ    Y1, Y1                   \
	VPSRAD       $1, Y1, Y3               \
	VPSUBD       Y3, Y1, Y1               \
	VPSLLD       $23, Y3, Y3              \
	VPSLLD       $23, Y1, Y1              \
	VPADDD       Y11, Y3, Y3              \
	VPADDD       Y11, Y1, Y1              \
	VMULPS       Y3, Y2, Y2               \
	VMULPS       Y1, Y2, Y0

// func expShiftAVX2(x *float32, n int, shift float32) float32
TEXT ·expShiftAVX2(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS shift+16(FP), Y12
	VMOVUPS      splat<>+96(SB), Y6
	VMOVUPS      splat<>+128(SB), Y7
	VMOVUPS      splat<>+160(SB), Y8
	VMOVUPS      splat<>+192(SB), Y9
	VMOVUPS      splat<>+224(SB), Y10
	VMOVUPS      splat<>+256(SB), Y11
	VMOVUPS      splat<>+288(SB), Y13
	VMOVUPS      splat<>+320(SB), Y14
	VXORPS       Y15, Y15, Y15 // the sum
	SUBQ         $8, CX
	JLT          tail

loop:
	VMOVUPS (SI), Y0
	VSUBPS  Y12, Y0, Y0
	EXP
	VMOVUPS Y0, (SI)
	VADDPS  Y0, Y15, Y15
	ADDQ    $32, SI
	SUBQ    $8, CX
	JGE     loop

tail:
	ADDQ       $8, CX
	JZ         sum
	LEAQ       lanes<>+32(SB), AX
	SHLQ       $2, CX
	SUBQ       CX, AX
	VMOVUPS    (AX), Y4
	VMASKMOVPS (SI), Y4, Y0
	VSUBPS     Y12, Y0, Y0
	EXP
	VMASKMOVPS Y0, Y4, (SI)
	VANDPS     Y4, Y0, Y0
	VADDPS     Y0, Y15, Y15

sum:
	VEXTRACTF128 $1, Y15, X1
	VADDPS       X1, X15, X0
	VHADDPS      X0, X0, X0
	VHADDPS      X0, X0, X0
	VMOVSS       X0, ret+24(FP)
	VZEROUPPER
	RET

// func maximumAVX2(x *float32, n int) float32
//
// Lanes begin with the first value.
TEXT ·maximumAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS (SI), Y0
	VMOVAPS      Y0, Y1
	SUBQ         $16, CX
	JLT          tail

loop:
	VMAXPS (SI), Y0, Y0
	VMAXPS 32(SI), Y1, Y1
	ADDQ   $64, SI
	SUBQ   $16, CX
	JGE    loop

tail:
	ADDQ $16, CX
	JZ   fold

one:
	VBROADCASTSS (SI), Y2
	VMAXPS       Y2, Y0, Y0
	ADDQ         $4, SI
	DECQ         CX
	JNZ          one

fold:
	VMAXPS       Y1, Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0x4e, X0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0xb1, X0, X1
	VMAXPS       X1, X0, X0
	VMOVSS       X0, ret+16(FP)
	VZEROUPPER
	RET
