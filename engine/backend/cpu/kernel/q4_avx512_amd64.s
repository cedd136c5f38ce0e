//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "lanes_avx512.h"
#include "packed_amd64.h"
#include "rows_avx512.h"

// shifts: how far the first or the second 4 bytes of 8 go to the right so that
// the low 4 bits of lane i become code i.
DATA shifts<>+0(SB)/8, $0x0000000400000000
DATA shifts<>+8(SB)/8, $0x0000000c00000008
DATA shifts<>+16(SB)/8, $0x0000001400000010
DATA shifts<>+24(SB)/8, $0x0000001c00000018
DATA shifts<>+32(SB)/8, $0x0000000400000000
DATA shifts<>+40(SB)/8, $0x0000000c00000008
DATA shifts<>+48(SB)/8, $0x0000001400000010
DATA shifts<>+56(SB)/8, $0x0000001c00000018
GLOBL shifts<>(SB), RODATA|NOPTR, $64

// CONSTANTS loads Z17: shifts, Z18: what the 16 codes stand for at scale 1,
// K2: the upper lanes. Clobbers CX.
#define CONSTANTS(a) \
	MOVQ    packedArgs_table(a), CX \
	VMOVUPS (CX), Z18               \
	VMOVUPS shifts<>(SB), Z17       \
	MOVL    $0xff00, CX             \
	KMOVW   CX, K2

// TABLE makes the values of the codes of one group.
#define TABLE(scale, bias, out) \
	VMULPS.BCST scale, Z18, out \
	VADDPS.BCST bias, out, out

// VALUES looks up the values of 16 codes. VPERMPS heeds only the low 4 bits of
// each lane.
#define VALUES(mem, table, out) \
	VPBROADCASTD mem, out         \
	VPBROADCASTD 4 mem, K2, out   \
	VPSRLVD      Z17, out, out    \
	VPERMPS      table, out, out

// ONE adds 16 products of one row of weights with Z16.
#define ONE(mem, table, out, acc) \
	VALUES(mem, table, out)   \
	VFMADD231PS out, Z16, acc

// FOUR adds 16 products of one row of weights with each of Z24 to Z27.
#define FOUR(mem, table, out, acc0, acc1, acc2, acc3) \
	VALUES(mem, table, out)    \
	VFMADD231PS out, Z24, acc0 \
	VFMADD231PS out, Z25, acc1 \
	VFMADD231PS out, Z26, acc2 \
	VFMADD231PS out, Z27, acc3

// func q4oneAVX512(a *packedArgs)
//
// A tile has 8 rows of weights; those from 4 on are at BX, with factors at R14
// and R15.
TEXT ·q4oneAVX512(SB), NOSPLIT, FRAME-8
	MOVQ a+0(FP), AX
	CONSTANTS(AX)
	START(AX)

tiles:
	STARTTILE(AX)
	LEAQ (DX)(R8*4), BX
	LEAQ (R10)(R12*4), R14
	LEAQ (R11)(R12*4), R15
	MOVQ packedArgs_x(AX), SI
	MOVQ packedArgs_group(AX), DI

block:
	STARTBLOCK
	ZERO4(Z0, Z1, Z2, Z3)
	ZERO4(Z4, Z5, Z6, Z7)

groups:
	TABLE((R10), (R11), Z8)
	TABLE((R10)(R12*1), (R11)(R12*1), Z9)
	TABLE((R10)(R12*2), (R11)(R12*2), Z10)
	TABLE((R10)(R13*1), (R11)(R13*1), Z11)
	TABLE((R14), (R15), Z12)
	TABLE((R14)(R12*1), (R15)(R12*1), Z13)
	TABLE((R14)(R12*2), (R15)(R12*2), Z14)
	TABLE((R14)(R13*1), (R15)(R13*1), Z15)
	LEAQ (DX)(R8*8), CX
	AHEAD
	LEAQ (CX)(R8*4), CX
	AHEAD
	MOVQ DI, CX

loop:
	VMOVUPS (SI), Z16
	ONE((DX), Z8, Z20, Z0)
	ONE((DX)(R8*1), Z9, Z21, Z1)
	ONE((DX)(R8*2), Z10, Z22, Z2)
	ONE((DX)(R9*1), Z11, Z23, Z3)
	ONE((BX), Z12, Z24, Z4)
	ONE((BX)(R8*1), Z13, Z25, Z5)
	ONE((BX)(R8*2), Z14, Z26, Z6)
	ONE((BX)(R9*1), Z15, Z27, Z7)
	ADDQ    $64, SI
	ADDQ    $8, DX
	ADDQ    $8, BX
	SUBQ    $16, CX
	JNZ     loop
	ADDQ    $4, R10
	ADDQ    $4, R11
	ADDQ    $4, R14
	ADDQ    $4, R15
	DECQ    AX
	JNZ     groups

	SUM4(Z0, Z1, Z2, Z3, Z20)
	SUM4(Z4, Z5, Z6, Z7, Z20)
	MOVQ   a+0(FP), AX
	DST(0)
	CMPQ   first-56(SP), $0
	JNE    store
	VADDPS (CX), X0, X0
	VADDPS 16(CX), X4, X4

store:
	VMOVUPS X0, (CX)
	VMOVUPS X4, 16(CX)
	MOVQ    $0, first-56(SP)
	CMPQ    left-48(SP), $0
	JNE     block
	NEXTTILE(3)
	JNZ     tiles
	VZEROUPPER
	RET

// func q4fourAVX512(a *packedArgs)
TEXT ·q4fourAVX512(SB), NOSPLIT, FRAME-8
	MOVQ a+0(FP), AX
	CONSTANTS(AX)
	START(AX)

tiles:
	STARTTILE(AX)
	LOADROWS(AX)
	MOVQ packedArgs_group(AX), BX

block:
	STARTBLOCK
	ZERO16

groups:
	TABLE((R10), (R11), Z19)
	TABLE((R10)(R12*1), (R11)(R12*1), Z20)
	TABLE((R10)(R12*2), (R11)(R12*2), Z21)
	TABLE((R10)(R13*1), (R11)(R13*1), Z22)
	LEAQ (DX)(R8*4), CX
	AHEAD
	MOVQ BX, CX

loop:
	LOADX(Z24, Z25, Z26, Z27)
	FOUR((DX), Z19, Z28, Z0, Z4, Z8, Z12)
	FOUR((DX)(R8*1), Z20, Z29, Z1, Z5, Z9, Z13)
	FOUR((DX)(R8*2), Z21, Z30, Z2, Z6, Z10, Z14)
	FOUR((DX)(R9*1), Z22, Z31, Z3, Z7, Z11, Z15)
	NEXTX
	ADDQ $8, DX
	SUBQ $16, CX
	JNZ  loop
	ADDQ $4, R10
	ADDQ $4, R11
	DECQ AX
	JNZ  groups

	SUM16
	MOVQ a+0(FP), AX
	CMPQ first-56(SP), $0
	JNE  store
	ADDROWS

store:
	STOREROWS
	MOVQ $0, first-56(SP)
	CMPQ left-48(SP), $0
	JNE  block
	NEXTTILE(2)
	JNZ  tiles
	VZEROUPPER
	RET
