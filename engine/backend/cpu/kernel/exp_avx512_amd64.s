//go:build amd64 && !purego

#include "textflag.h"
#include "exp_avx512.h"

// func expShiftAVX512(x *float32, n int, shift float32) float32
TEXT ·expShiftAVX512(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS shift+16(FP), Z12
	LOADEXP
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
