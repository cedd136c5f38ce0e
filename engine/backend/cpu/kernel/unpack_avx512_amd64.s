//go:build amd64 && !purego

#include "textflag.h"

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
