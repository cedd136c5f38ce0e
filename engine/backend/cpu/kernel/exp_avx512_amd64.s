//go:build amd64 && !purego

#include "textflag.h"

// expConst: the constants of exp.go.
#define EXPCONST(offset, bits) DATA expConst<>+offset(SB)/4, bits

EXPCONST(0, $0x3fb8aa3b)  // log2e
EXPCONST(4, $0x3f318000)  // ln2High
EXPCONST(8, $0xb95e8083)  // ln2Low
EXPCONST(12, $0x3ab6889e) // exp6
EXPCONST(16, $0x3c0905d1) // exp5
EXPCONST(20, $0x3d2aaa8d) // exp4
EXPCONST(24, $0x3e2aaa6e) // exp3
EXPCONST(28, $0x3f000000) // exp2
EXPCONST(32, $0x3f800000) // 1
EXPCONST(36, $0x42c80000) // 100, beyond infinity
EXPCONST(40, $0xc3160000) // -150, beyond zero
GLOBL expConst<>(SB), RODATA|NOPTR, $44

// EXP replaces Z0 by exp(Z0). VSCALEF gives infinity, denormals and zero by
// itself; the limits, with the value as the operand that NaN wins, only keep
// infinities out of the differences. Clobbers Z1 and Z2.
#define EXP \
	VMINPS       Z0, Z13, Z0    \
	VMAXPS       Z0, Z14, Z0    \
	VMULPS       Z3, Z0, Z1     \
	VRNDSCALEPS  $8, Z1, Z1     \
	VFNMADD231PS Z4, Z1, Z0     \
	VFNMADD231PS Z5, Z1, Z0     \
	VMOVAPS      Z6, Z2         \
	VFMADD213PS  Z7, Z0, Z2     \
	VFMADD213PS  Z8, Z0, Z2     \
	VFMADD213PS  Z9, Z0, Z2     \
	VFMADD213PS  Z10, Z0, Z2    \
	VFMADD213PS  Z11, Z0, Z2    \
	VFMADD213PS  Z11, Z0, Z2    \
	VSCALEFPS    Z1, Z2, Z0

// func expShiftAVX512(x *float32, n int, shift float32) float32
TEXT ·expShiftAVX512(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS shift+16(FP), Z12
	VBROADCASTSS expConst<>+0(SB), Z3
	VBROADCASTSS expConst<>+4(SB), Z4
	VBROADCASTSS expConst<>+8(SB), Z5
	VBROADCASTSS expConst<>+12(SB), Z6
	VBROADCASTSS expConst<>+16(SB), Z7
	VBROADCASTSS expConst<>+20(SB), Z8
	VBROADCASTSS expConst<>+24(SB), Z9
	VBROADCASTSS expConst<>+28(SB), Z10
	VBROADCASTSS expConst<>+32(SB), Z11
	VBROADCASTSS expConst<>+36(SB), Z13
	VBROADCASTSS expConst<>+40(SB), Z14
	VPXORQ       Z15, Z15, Z15 // the sum
	SUBQ         $16, CX
	JLT          tail

loop:
	VMOVUPS (SI), Z0
	VSUBPS  Z12, Z0, Z0
	EXP
	VMOVUPS Z0, (SI)
	VADDPS  Z0, Z15, Z15
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JZ        sum
	MOVL      $1, AX
	SHLL      CX, AX
	DECL      AX
	KMOVW     AX, K1
	VMOVUPS.Z (SI), K1, Z0
	VSUBPS    Z12, Z0, Z0
	EXP
	VMOVUPS   Z0, K1, (SI)
	VADDPS    Z0, Z15, K1, Z15

sum:
	VEXTRACTF64X4 $1, Z15, Y0
	VADDPS        Y0, Y15, Y0
	VEXTRACTF128  $1, Y0, X1
	VADDPS        X1, X0, X0
	VHADDPS       X0, X0, X0
	VHADDPS       X0, X0, X0
	VMOVSS        X0, ret+24(FP)
	VZEROUPPER
	RET

// func maximumAVX512(x *float32, n int) float32
//
// Lanes begin with the first value, and those beyond n keep what they have.
TEXT ·maximumAVX512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS (SI), Z0
	VMOVAPS      Z0, Z1
	SUBQ         $32, CX
	JLT          tail

loop:
	VMAXPS (SI), Z0, Z0
	VMAXPS 64(SI), Z1, Z1
	ADDQ   $128, SI
	SUBQ   $32, CX
	JGE    loop

tail:
	ADDQ   $32, CX
	MOVQ   $1, AX
	SHLQ   CX, AX
	DECQ   AX
	KMOVW  AX, K1
	SHRQ   $16, AX
	KMOVW  AX, K2
	VMAXPS (SI), Z0, K1, Z0
	VMAXPS 64(SI), Z1, K2, Z1

	VMAXPS        Z1, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y1, Y0, Y0
	VEXTRACTF128  $1, Y0, X1
	VMAXPS        X1, X0, X0
	VPERMILPS     $0x4e, X0, X1
	VMAXPS        X1, X0, X0
	VPERMILPS     $0xb1, X0, X1
	VMAXPS        X1, X0, X0
	VMOVSS        X0, ret+16(FP)
	VZEROUPPER
	RET
