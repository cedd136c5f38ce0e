//go:build amd64 && !purego

#include "textflag.h"
#include "exp_avx512.h"

// The functions take a multiple of 16 values.

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

// func geluAVX512(dst, x, up *float32, n int)
//
// up may be nil.
TEXT ·geluAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         up+16(FP), DX
	MOVQ         n+24(FP), CX
	LOADEXP
	VBROADCASTSS actConst<>+0(SB), Z16
	VBROADCASTSS actConst<>+4(SB), Z17

loop:
	VMOVUPS     (SI), Z18
	VMULPS      Z18, Z18, Z0
	VFMADD213PS Z16, Z17, Z0
	VMULPS      Z18, Z0, Z0
	EXP
	VADDPS      Z11, Z0, Z0
	VDIVPS      Z0, Z18, Z0
	TESTQ       DX, DX
	JZ          store
	VMULPS      (DX), Z0, Z0
	ADDQ        $64, DX

store:
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JNZ     loop
	VZEROUPPER
	RET

// func sigmoidMulAVX512(dst, a, x *float32, n int)
//
// a may be nil.
TEXT ·sigmoidMulAVX512(SB), NOSPLIT, $0-32
	MOVQ   dst+0(FP), DI
	MOVQ   a+8(FP), DX
	MOVQ   x+16(FP), SI
	MOVQ   n+24(FP), CX
	LOADEXP
	VPXORQ Z16, Z16, Z16

loop:
	VSUBPS  (SI), Z16, Z0
	EXP
	VADDPS  Z11, Z0, Z0
	VMOVAPS Z11, Z1
	TESTQ   DX, DX
	JZ      divide
	VMOVUPS (DX), Z1
	ADDQ    $64, DX

divide:
	VDIVPS  Z0, Z1, Z0
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JNZ     loop
	VZEROUPPER
	RET

// func softCapAVX512(dst, x *float32, n int, limit float32)
TEXT ·softCapAVX512(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	LOADEXP
	VBROADCASTSS limit+24(FP), Z15
	VBROADCASTSS actConst<>+8(SB), Z16
	VBROADCASTSS actConst<>+12(SB), Z17
	VPBROADCASTD actConst<>+40(SB), Z18
	VBROADCASTSS actConst<>+16(SB), Z19
	VBROADCASTSS actConst<>+20(SB), Z20
	VBROADCASTSS actConst<>+24(SB), Z21
	VBROADCASTSS actConst<>+28(SB), Z22
	VBROADCASTSS actConst<>+32(SB), Z23
	VBROADCASTSS actConst<>+36(SB), Z24

loop:
	VMOVUPS     (SI), Z25
	VDIVPS      Z15, Z25, Z25
	VADDPS      Z25, Z25, Z0
	EXP
	VADDPS      Z11, Z0, Z0
	VDIVPS      Z0, Z16, Z0
	VSUBPS      Z0, Z11, Z0
	VMULPS      Z25, Z25, Z26
	VMOVAPS     Z19, Z27
	VFMADD213PS Z20, Z26, Z27
	VFMADD213PS Z21, Z26, Z27
	VFMADD213PS Z22, Z26, Z27
	VFMADD213PS Z23, Z26, Z27
	VFMADD213PS Z24, Z26, Z27
	VMULPS      Z25, Z26, Z26
	VFMADD213PS Z25, Z26, Z27
	VPANDD      Z18, Z25, Z25
	VCMPPS      $1, Z17, Z25, K1     // less than tanhSmall
	VMOVAPS     Z27, K1, Z0
	VMULPS      Z15, Z0, Z0
	VMOVUPS     Z0, (DI)
	ADDQ        $64, SI
	ADDQ        $64, DI
	SUBQ        $16, CX
	JNZ         loop
	VZEROUPPER
	RET
