//go:build amd64 && !purego

#include "textflag.h"

// A comparison for order finds a NaN in either of two vectors. The greatest ones may pass
// over it, so it is noted.

// RESULT returns the greatest lane of Y0, or NaN where AX says that one was seen.
#define RESULT \
	VEXTRACTF128 $1, Y0, X1      \
	VMAXPS       X1, X0, X0      \
	VPSHUFD      $0x4e, X0, X1   \
	VMAXPS       X1, X0, X0      \
	VPSHUFD      $0xb1, X0, X1   \
	VMAXPS       X1, X0, X0      \
	VZEROUPPER                   \
	MOVL         $0x7fc00000, CX \
	TESTL        AX, AX          \
	VMOVD        X0, AX          \
	CMOVLNE      CX, AX          \
	MOVL         AX, ret+16(FP)  \
	RET

// func greatestAVX512(x *float32, n int) float32
TEXT ·greatestAVX512(SB), NOSPLIT, $0-20
	MOVQ    x+0(FP), SI
	MOVQ    n+8(FP), CX
	VMOVUPS (SI), Z0
	VMOVAPS Z0, Z1
	VMOVAPS Z0, Z2
	VMOVAPS Z0, Z3
	KXORW   K1, K1, K1

loop:
	VMOVUPS (SI), Z4
	VMOVUPS 64(SI), Z5
	VMOVUPS 128(SI), Z6
	VMOVUPS 192(SI), Z7
	VCMPPS  $3, Z5, Z4, K2
	VCMPPS  $3, Z7, Z6, K3
	VMAXPS  Z4, Z0, Z0
	VMAXPS  Z5, Z1, Z1
	VMAXPS  Z6, Z2, Z2
	VMAXPS  Z7, Z3, Z3
	KORW    K2, K1, K1
	KORW    K3, K1, K1
	ADDQ    $256, SI
	SUBQ    $64, CX
	JNZ     loop

	VMAXPS        Z1, Z0, Z0
	VMAXPS        Z3, Z2, Z2
	VMAXPS        Z2, Z0, Z0
	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y1, Y0, Y0
	KMOVW         K1, AX

	RESULT

// func greatestAVX2(x *float32, n int) float32
TEXT ·greatestAVX2(SB), NOSPLIT, $0-20
	MOVQ    x+0(FP), SI
	MOVQ    n+8(FP), CX
	VMOVUPS (SI), Y0
	VMOVAPS Y0, Y1
	VMOVAPS Y0, Y2
	VMOVAPS Y0, Y3
	VXORPS  Y8, Y8, Y8

loop:
	VMOVUPS (SI), Y4
	VMOVUPS 32(SI), Y5
	VMOVUPS 64(SI), Y6
	VMOVUPS 96(SI), Y7
	VCMPPS  $3, Y5, Y4, Y9
	VCMPPS  $3, Y7, Y6, Y10
	VMAXPS  Y4, Y0, Y0
	VMAXPS  Y5, Y1, Y1
	VMAXPS  Y6, Y2, Y2
	VMAXPS  Y7, Y3, Y3
	VORPS   Y9, Y8, Y8
	VORPS   Y10, Y8, Y8
	ADDQ    $128, SI
	SUBQ    $32, CX
	JNZ     loop

	VMAXPS    Y1, Y0, Y0
	VMAXPS    Y3, Y2, Y2
	VMAXPS    Y2, Y0, Y0
	VMOVMSKPS Y8, AX

	RESULT
