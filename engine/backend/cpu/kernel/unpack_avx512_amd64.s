//go:build amd64 && !purego

#include "textflag.h"

// exp: the constants of exp.go, each 16 bytes apart so that they can be found
// by number.
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

// codes: the 16 values of a 4-bit code.
DATA codes<>+0(SB)/8, $0x3f80000000000000
DATA codes<>+8(SB)/8, $0x4040000040000000
DATA codes<>+16(SB)/8, $0x40a0000040800000
DATA codes<>+24(SB)/8, $0x40e0000040c00000
DATA codes<>+32(SB)/8, $0x4110000041000000
DATA codes<>+40(SB)/8, $0x4130000041200000
DATA codes<>+48(SB)/8, $0x4150000041400000
DATA codes<>+56(SB)/8, $0x4170000041600000
GLOBL codes<>(SB), RODATA|NOPTR, $64

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

// func unpackBF16AVX512(dst *float32, src *byte, n int)
TEXT ·unpackBF16AVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $16, CX
	JLT  tail

loop:
	VPMOVZXWD (SI), Z0
	VPSLLD    $16, Z0, Z0
	VMOVUPS   Z0, (DI)
	ADDQ      $32, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JGE       loop

tail:
	ADDQ        $16, CX
	JZ          done
	MOVL        $1, AX
	SHLL        CX, AX
	DECL        AX
	KMOVW       AX, K1
	VPMOVZXWD.Z (SI), K1, Z0
	VPSLLD      $16, Z0, Z0
	VMOVUPS     Z0, K1, (DI)

done:
	VZEROUPPER
	RET

// func unpackF16AVX512(dst *float32, src *byte, n int)
TEXT ·unpackF16AVX512(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $16, CX
	JLT  tail

loop:
	VCVTPH2PS (SI), Z0
	VMOVUPS   Z0, (DI)
	ADDQ      $32, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JGE       loop

tail:
	ADDQ        $16, CX
	JZ          done
	MOVL        $1, AX
	SHLL        CX, AX
	DECL        AX
	KMOVW       AX, K1
	VCVTPH2PS.Z (SI), K1, Z0
	VMOVUPS     Z0, K1, (DI)

done:
	VZEROUPPER
	RET

// func unpackQ4AVX512(dst *float32, codes *byte, scales, biases *float32, groups, group int)
//
// Z1 holds the 16 values that codes of a group stand for; VPERMPS looks them
// up by the low 4 bits of each lane.
TEXT ·unpackQ4AVX512(SB), NOSPLIT, $0-48
	MOVQ    dst+0(FP), DI
	MOVQ    codes+8(FP), SI
	MOVQ    scales+16(FP), R8
	MOVQ    biases+24(FP), R9
	MOVQ    groups+32(FP), BX
	MOVQ    group+40(FP), DX
	VMOVUPS codes<>(SB), Z3

groups:
	VMULPS.BCST (R8), Z3, Z1
	VADDPS.BCST (R9), Z1, Z1
	MOVQ        DX, CX

loop:
	// Byte i becomes two lanes: the byte, and the byte shifted right by 4.
	VPMOVZXBQ (SI), Z0
	VPSLLQ    $28, Z0, Z2
	VPORQ     Z2, Z0, Z0
	VPERMPS   Z1, Z0, Z0
	VMOVUPS   Z0, (DI)
	VPMOVZXBQ 8(SI), Z4
	VPSLLQ    $28, Z4, Z5
	VPORQ     Z5, Z4, Z4
	VPERMPS   Z1, Z4, Z4
	VMOVUPS   Z4, 64(DI)
	ADDQ      $16, SI
	ADDQ      $128, DI
	SUBQ      $32, CX
	JNZ       loop
	ADDQ      $4, R8
	ADDQ      $4, R9
	DECQ      BX
	JNZ       groups
	VZEROUPPER
	RET

// func unpackQ8AVX512(dst *float32, codes *byte, scales, biases *float32, groups, group int)
TEXT ·unpackQ8AVX512(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ scales+16(FP), R8
	MOVQ biases+24(FP), R9
	MOVQ groups+32(FP), BX
	MOVQ group+40(FP), DX

groups:
	VBROADCASTSS (R8), Z1
	VBROADCASTSS (R9), Z2
	MOVQ         DX, CX

loop:
	VPMOVZXBD (SI), Z0
	VPMOVZXBD 16(SI), Z3
	VCVTDQ2PS Z0, Z0
	VCVTDQ2PS Z3, Z3
	VMULPS    Z1, Z0, Z0
	VMULPS    Z1, Z3, Z3
	VADDPS    Z2, Z0, Z0
	VADDPS    Z2, Z3, Z3
	VMOVUPS   Z0, (DI)
	VMOVUPS   Z3, 64(DI)
	ADDQ      $32, SI
	ADDQ      $128, DI
	SUBQ      $32, CX
	JNZ       loop
	ADDQ      $4, R8
	ADDQ      $4, R9
	DECQ      BX
	JNZ       groups
	VZEROUPPER
	RET
