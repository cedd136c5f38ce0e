//go:build amd64 && !purego

#include "textflag.h"
#include "exp_avx2.h"

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

// func expShiftAVX2(x *float32, n int, shift float32) float32
TEXT ·expShiftAVX2(SB), NOSPLIT, $0-28
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS shift+16(FP), Y12
	LOADEXP
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
