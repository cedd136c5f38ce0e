//go:build amd64 && !purego

#include "textflag.h"
#include "exp_avx2.h"

// The functions take a multiple of 8 values.

// actConst: the constants of activation.go.
DATA actConst<>+0(SB)/4, $0xbfcc422a // linear of GELU
DATA actConst<>+4(SB)/4, $0xbd922279 // cubic of GELU
DATA actConst<>+8(SB)/4, $0x40000000 // two
DATA actConst<>+12(SB)/4, $0x3f0ccccd // small tanhSmall
DATA actConst<>+16(SB)/4, $0x3b6b69e8 // t13 of x^13, and so on
DATA actConst<>+20(SB)/4, $0xbc11371b // t11
DATA actConst<>+24(SB)/4, $0x3cb327a4 // t9
DATA actConst<>+28(SB)/4, $0xbd5d0dd1 // t7
DATA actConst<>+32(SB)/4, $0x3e088889 // t5
DATA actConst<>+36(SB)/4, $0xbeaaaaab // t3
DATA actConst<>+40(SB)/4, $0x7fffffff // all but the sign
GLOBL actConst<>(SB), RODATA|NOPTR, $44

// func geluAVX2(dst, x, up *float32, n int)
//
// up may be nil.
TEXT ·geluAVX2(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         up+16(FP), DX
	MOVQ         n+24(FP), CX
	LOADEXP
	VBROADCASTSS actConst<>+0(SB), Y12
	VBROADCASTSS actConst<>+4(SB), Y15

loop:
	VMOVUPS     (SI), Y4
	VMULPS      Y4, Y4, Y0
	VFMADD213PS Y12, Y15, Y0
	VMULPS      Y4, Y0, Y0
	EXP
	VADDPS      Y11, Y0, Y0
	VDIVPS      Y0, Y4, Y0
	TESTQ       DX, DX
	JZ          store
	VMULPS      (DX), Y0, Y0
	ADDQ        $32, DX

store:
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JNZ     loop
	VZEROUPPER
	RET

// func sigmoidMulAVX2(dst, a, x *float32, n int)
//
// a may be nil.
TEXT ·sigmoidMulAVX2(SB), NOSPLIT, $0-32
	MOVQ   dst+0(FP), DI
	MOVQ   a+8(FP), DX
	MOVQ   x+16(FP), SI
	MOVQ   n+24(FP), CX
	LOADEXP
	VXORPS Y12, Y12, Y12

loop:
	VSUBPS  (SI), Y12, Y0
	EXP
	VADDPS  Y11, Y0, Y0
	VMOVAPS Y11, Y1
	TESTQ   DX, DX
	JZ      divide
	VMOVUPS (DX), Y1
	ADDQ    $32, DX

divide:
	VDIVPS  Y0, Y1, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $8, CX
	JNZ     loop
	VZEROUPPER
	RET

// SERIES multiplies the polynomial in Y5 by Y4 and adds a constant. Clobbers Y1.
#define SERIES(offset) \
	VBROADCASTSS actConst<>+offset(SB), Y1 \
	VFMADD213PS  Y1, Y4, Y5

// func softCapAVX2(dst, x *float32, n int, limit float32)
TEXT ·softCapAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	LOADEXP
	VBROADCASTSS limit+24(FP), Y15

loop:
	VMOVUPS      (SI), Y12
	VDIVPS       Y15, Y12, Y12
	VADDPS       Y12, Y12, Y0
	EXP
	VADDPS       Y11, Y0, Y0
	VBROADCASTSS actConst<>+8(SB), Y1
	VDIVPS       Y0, Y1, Y0
	VSUBPS       Y0, Y11, Y0
	VMULPS       Y12, Y12, Y4
	VBROADCASTSS actConst<>+16(SB), Y5
	SERIES(20)
	SERIES(24)
	SERIES(28)
	SERIES(32)
	SERIES(36)
	VMULPS       Y12, Y4, Y4
	VFMADD213PS  Y12, Y4, Y5
	VPBROADCASTD actConst<>+40(SB), Y1
	VANDPS       Y1, Y12, Y1
	VBROADCASTSS actConst<>+12(SB), Y2
	VCMPPS       $1, Y2, Y1, Y1       // less than tanhSmall
	VBLENDVPS    Y1, Y5, Y0, Y0
	VMULPS       Y15, Y0, Y0
	VMOVUPS      Y0, (DI)
	ADDQ         $32, SI
	ADDQ         $32, DI
	SUBQ         $8, CX
	JNZ          loop
	VZEROUPPER
	RET
