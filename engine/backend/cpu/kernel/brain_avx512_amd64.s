//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "lanes_avx512.h"

// One row of x times weights in bfloat16. The weights are read in the order in which they lie, as plain reading does: a
// row after the other, as far as a block goes, and not four rows side by side. The sums are those of bf16fourAVX512.

// BRAINROW adds up the products of CX values, a multiple of 16, of the row of weights in DX and of x in SI. DX and SI
// end behind them. The values of four vectors follow each other in one sum; rows are independent, so that the processor
// works on the next one while it waits. Clobbers CX, Z16 to Z19.
#define BRAINROW(sum, loop, rest, done) \
	VPXORQ      sum, sum, sum  \
	SUBQ        $64, CX        \
	JLT         rest           \
loop:                          \
	PREFETCHT0  DISTANCE(DX)       \
	PREFETCHT0  (DISTANCE+64)(DX)  \
	VPMOVZXWD   (DX), Z16      \
	VPMOVZXWD   32(DX), Z17    \
	VPMOVZXWD   64(DX), Z18    \
	VPMOVZXWD   96(DX), Z19    \
	VPSLLD      $16, Z16, Z16  \
	VPSLLD      $16, Z17, Z17  \
	VPSLLD      $16, Z18, Z18  \
	VPSLLD      $16, Z19, Z19  \
	VFMADD231PS (SI), Z16, sum     \
	VFMADD231PS 64(SI), Z17, sum   \
	VFMADD231PS 128(SI), Z18, sum  \
	VFMADD231PS 192(SI), Z19, sum  \
	ADDQ        $128, DX       \
	ADDQ        $256, SI       \
	SUBQ        $64, CX        \
	JGE         loop           \
rest:                          \
	ADDQ        $64, CX        \
	JZ          done           \
	VPMOVZXWD   (DX), Z16      \
	VPSLLD      $16, Z16, Z16  \
	VFMADD231PS (SI), Z16, sum \
	ADDQ        $32, DX        \
	ADDQ        $64, SI        \
	SUBQ        $80, CX        \
	JMP         rest           \
done:

#define DISTANCE 8192

// func bf16oneAVX512(a *packedArgs)
TEXT ·bf16oneAVX512(SB), NOSPLIT, $0-8
	MOVQ  a+0(FP), AX
	MOVQ  packedArgs_x+0(AX), R9
	MOVQ  packedArgs_dst+0(AX), DI
	MOVQ  packedArgs_codes(AX), R10
	MOVQ  packedArgs_stride(AX), R8
	MOVQ  packedArgs_tiles(AX), R11
	MOVQ  packedArgs_groups(AX), R12
	IMULQ packedArgs_group(AX), R12      // values of a row
	MOVQ  packedArgs_block(AX), R13
	IMULQ packedArgs_group(AX), R13      // values of a block

tiles:
	XORQ R14, R14 // values done
	MOVQ R10, BX

blocks:
	MOVQ    R12, R15
	SUBQ    R14, R15
	CMPQ    R15, R13
	CMOVQGT R13, R15 // values of this block

	LEAQ (R9)(R14*4), SI
	MOVQ BX, DX
	MOVQ R15, CX
	BRAINROW(Z0, loop0, rest0, done0)
	LEAQ (R9)(R14*4), SI
	LEAQ (BX)(R8*1), DX
	MOVQ R15, CX
	BRAINROW(Z1, loop1, rest1, done1)
	LEAQ (R9)(R14*4), SI
	LEAQ (BX)(R8*2), DX
	MOVQ R15, CX
	BRAINROW(Z2, loop2, rest2, done2)
	LEAQ (R9)(R14*4), SI
	LEAQ (R8)(R8*2), DX
	ADDQ BX, DX
	MOVQ R15, CX
	BRAINROW(Z3, loop3, rest3, done3)

	SUM4(Z0, Z1, Z2, Z3, Z20)
	TESTQ  R14, R14
	JZ     store
	VADDPS (DI), X0, X0

store:
	VMOVUPS X0, (DI)
	LEAQ    (BX)(R15*2), BX
	ADDQ    R15, R14
	CMPQ    R14, R12
	JLT     blocks
	ADDQ    $16, DI
	LEAQ    (R10)(R8*4), R10
	DECQ    R11
	JNZ     tiles
	VZEROUPPER
	RET
