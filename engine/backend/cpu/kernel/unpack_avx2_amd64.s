//go:build amd64 && !purego

#include "textflag.h"

// low4: the bits of a code, in 8 lanes.
DATA low4<>+0(SB)/8, $0x0000000f0000000f
DATA low4<>+8(SB)/8, $0x0000000f0000000f
DATA low4<>+16(SB)/8, $0x0000000f0000000f
DATA low4<>+24(SB)/8, $0x0000000f0000000f
GLOBL low4<>(SB), RODATA|NOPTR, $32

// func unpackBF16AVX2(dst *float32, src *byte, n int)
TEXT ·unpackBF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $8, CX
	JLT  tail

loop:
	VPMOVZXWD (SI), Y0
	VPSLLD    $16, Y0, Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGE       loop

tail:
	ADDQ $8, CX
	JZ   done

one:
	MOVWLZX (SI), AX
	SHLL    $16, AX
	MOVL    AX, (DI)
	ADDQ    $2, SI
	ADDQ    $4, DI
	DECQ    CX
	JNZ     one

done:
	VZEROUPPER
	RET

// func unpackF16AVX2(dst *float32, src *byte, n int)
TEXT ·unpackF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	SUBQ $8, CX
	JLT  tail

loop:
	VCVTPH2PS (SI), Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGE       loop

tail:
	ADDQ $8, CX
	JZ   done

one:
	MOVWLZX   (SI), AX
	VMOVD     AX, X0
	VCVTPH2PS X0, X0
	VMOVSS    X0, (DI)
	ADDQ      $2, SI
	ADDQ      $4, DI
	DECQ      CX
	JNZ       one

done:
	VZEROUPPER
	RET

// func unpackQ4AVX2(dst *float32, codes *byte, scales, biases *float32, groups, group int)
TEXT ·unpackQ4AVX2(SB), NOSPLIT, $0-48
	MOVQ    dst+0(FP), DI
	MOVQ    codes+8(FP), SI
	MOVQ    scales+16(FP), R8
	MOVQ    biases+24(FP), R9
	MOVQ    groups+32(FP), BX
	MOVQ    group+40(FP), DX
	VMOVUPS low4<>(SB), Y5

groups:
	VBROADCASTSS (R8), Y1
	VBROADCASTSS (R9), Y2
	MOVQ         DX, CX

loop:
	// Byte i becomes two lanes: the byte, and the byte shifted right by 4.
	VPMOVZXBQ (SI), Y0
	VPSLLQ    $28, Y0, Y3
	VPOR      Y3, Y0, Y0
	VPAND     Y5, Y0, Y0
	VCVTDQ2PS Y0, Y0
	VMULPS    Y1, Y0, Y0
	VADDPS    Y2, Y0, Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $4, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JNZ       loop
	ADDQ      $4, R8
	ADDQ      $4, R9
	DECQ      BX
	JNZ       groups
	VZEROUPPER
	RET

// func unpackQ8AVX2(dst *float32, codes *byte, scales, biases *float32, groups, group int)
TEXT ·unpackQ8AVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ scales+16(FP), R8
	MOVQ biases+24(FP), R9
	MOVQ groups+32(FP), BX
	MOVQ group+40(FP), DX

groups:
	VBROADCASTSS (R8), Y1
	VBROADCASTSS (R9), Y2
	MOVQ         DX, CX

loop:
	VPMOVZXBD (SI), Y0
	VPMOVZXBD 8(SI), Y3
	VCVTDQ2PS Y0, Y0
	VCVTDQ2PS Y3, Y3
	VMULPS    Y1, Y0, Y0
	VMULPS    Y1, Y3, Y3
	VADDPS    Y2, Y0, Y0
	VADDPS    Y2, Y3, Y3
	VMOVUPS   Y0, (DI)
	VMOVUPS   Y3, 32(DI)
	ADDQ      $16, SI
	ADDQ      $64, DI
	SUBQ      $16, CX
	JNZ       loop
	ADDQ      $4, R8
	ADDQ      $4, R9
	DECQ      BX
	JNZ       groups
	VZEROUPPER
	RET
