//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "lanes_avx512.h"
#include "amx_amd64.h"

// ISSUE makes the dots of the next group in the memory at DI, of what is at BX and DX, by way of tiles c, a and b.
#define ISSUE(c, a, b) \
	TILEZERO(c)                \
	TILELOADD(a, rBX, rR10)    \
	TILELOADD(b, rDX, rR11)    \
	TDPBUSD(c, a, b)           \
	TILESTORED(rDI, rR11, c)   \
	ADDQ R12, DX               \
	ADDQ R14, BX               \
	ADDQ $1024, DI

// SCALED adds the dots of output o, of the group whose dots are at SI, times their factors to a
// sum, and the bias times the sums of x, as in quads_vnni_amd64.s.
#define SCALED(o, acc, dots, factors) \
	VCVTDQ2PS        (64*o)(SI), dots        \
	VMULPS.BCST      (4*o)(R9), Z16, factors \
	VFMADD231PS      factors, dots, acc      \
	VFMADD231PS.BCST (64+4*o)(R9), Z17, acc

// PROCESS does so for 16 outputs.
#define PROCESS \
	VMOVUPS (R8), Z16          \
	VMOVUPS 64(R8), Z17        \
	SCALED(0, Z0, Z18, Z19) \
	SCALED(1, Z1, Z20, Z21) \
	SCALED(2, Z2, Z22, Z23) \
	SCALED(3, Z3, Z24, Z25) \
	SCALED(4, Z4, Z26, Z27) \
	SCALED(5, Z5, Z28, Z29) \
	SCALED(6, Z6, Z30, Z31) \
	SCALED(7, Z7, Z18, Z19) \
	SCALED(8, Z8, Z20, Z21) \
	SCALED(9, Z9, Z22, Z23) \
	SCALED(10, Z10, Z24, Z25) \
	SCALED(11, Z11, Z26, Z27) \
	SCALED(12, Z12, Z28, Z29) \
	SCALED(13, Z13, Z30, Z31) \
	SCALED(14, Z14, Z18, Z19) \
	SCALED(15, Z15, Z20, Z21) \
	ADDQ    $1024, SI          \
	ADDQ    $512, R8           \
	ADDQ    $512, R9

// QUARTERS adds up the sums of output o.
#define QUARTERS(o, acc) \
	VMOVUPS (64*o)(DI), acc                \
	VADDPS  (2048+64*o)(DI), acc, acc      \
	VMOVUPS (1024+64*o)(DI), Z16           \
	VADDPS  (3072+64*o)(DI), Z16, Z16      \
	VADDPS  Z16, acc, acc

// TURN4 brings 4 rows of 4 quarters of 4 outputs into the order of rows.
#define TURN4(a, b, c, d) \
	VUNPCKLPS b, a, Z16   \
	VUNPCKHPS b, a, Z17   \
	VUNPCKLPS d, c, Z18   \
	VUNPCKHPS d, c, Z19   \
	VUNPCKLPD Z18, Z16, a \
	VUNPCKHPD Z18, Z16, b \
	VUNPCKLPD Z19, Z17, c \
	VUNPCKHPD Z19, Z17, d

// STORE4 stores rows k, k+4, k+8 and k+12, the first of which is at SI.
#define STORE4(a, b, c, d) \
	VSHUFF32X4 $0x44, b, a, Z16     \
	VSHUFF32X4 $0xee, b, a, Z17     \
	VSHUFF32X4 $0x44, d, c, Z18     \
	VSHUFF32X4 $0xee, d, c, Z19     \
	VSHUFF32X4 $0x88, Z18, Z16, Z20 \
	VSHUFF32X4 $0xdd, Z18, Z16, Z21 \
	VSHUFF32X4 $0x88, Z19, Z17, Z22 \
	VSHUFF32X4 $0xdd, Z19, Z17, Z23 \
	VMOVUPS    Z20, (SI)            \
	VMOVUPS    Z21, (SI)(R8*4)      \
	LEAQ       (SI)(R8*8), DX       \
	VMOVUPS    Z22, (DX)            \
	VMOVUPS    Z23, (DX)(R8*4)      \
	ADDQ       R8, SI

// func tilesAMX(a *tileArgs)
//
// Quarter q of the sums is that of groups q, q+4, and so on. The dots of 4 groups are made before those of the 4 groups
// before them are scaled: what a tile stores can be loaded only when it is in the cache.
TEXT ·tilesAMX(SB), NOSPLIT, $40-8
	MOVQ a+0(FP), AX
	MOVQ tileArgs_config(AX), CX
	LDTILECFG(rCX)
	MOVQ tileArgs_blocks(AX), CX
	MOVQ CX, blocks-8(SP)
	MOVQ $0, done-16(SP) // bytes of x
	MOVQ tileArgs_dst(AX), CX
	MOVQ CX, dst-24(SP)
	MOVQ tileArgs_stride(AX), R10
	MOVQ $64, R11

blocks:
	XORQ R15, R15 // quarter

quarters:
	MOVQ  a+0(FP), AX
	MOVQ  tileArgs_group(AX), R12
	SHLQ  $4, R12                 // bytes of a tile of x
	MOVQ  R12, DX
	IMULQ R15, DX
	ADDQ  tileArgs_x(AX), DX
	ADDQ  done-16(SP), DX
	SHLQ  $2, R12
	MOVQ  tileArgs_step(AX), R14
	MOVQ  R14, BX
	IMULQ R15, BX
	ADDQ  tileArgs_codes(AX), BX
	SHLQ  $2, R14
	MOVQ  R15, CX
	SHLQ  $7, CX
	MOVQ  tileArgs_xFactors(AX), R8
	ADDQ  CX, R8
	ADDQ  done-16(SP), R8
	MOVQ  tileArgs_factors(AX), R9
	ADDQ  CX, R9
	MOVQ  $0, parity-32(SP)
	MOVQ  tileArgs_groups(AX), CX
	SUBQ  R15, CX
	ADDQ  $3, CX
	SARQ  $2, CX                  // groups of the quarter
	ZERO16
	XORQ  R13, R13                // groups whose dots are at SI

batch:
	MOVQ    a+0(FP), AX
	MOVQ    tileArgs_sums(AX), SI
	MOVQ    parity-32(SP), DI
	MOVQ    DI, AX
	XORQ    $4096, AX
	MOVQ    AX, parity-32(SP)
	ADDQ    SI, DI
	ADDQ    AX, SI
	MOVQ    $4, AX
	CMPQ    CX, AX
	CMOVQLT CX, AX
	SUBQ    AX, CX
	MOVQ    AX, issued-40(SP)
	CMPQ    AX, $4
	JNE     few
	ISSUE(0, 4, 6)
	ISSUE(1, 5, 7)
	ISSUE(2, 4, 6)
	ISSUE(3, 5, 7)
	JMP     process

few:
	TESTQ AX, AX
	JZ    process

one:
	ISSUE(0, 4, 6)
	DECQ AX
	JNZ  one

process:
	TESTQ R13, R13
	JZ    next

groups:
	PROCESS
	DECQ R13
	JNZ  groups

next:
	MOVQ  issued-40(SP), R13
	TESTQ R13, R13
	JNZ   batch

	MOVQ a+0(FP), AX
	MOVQ tileArgs_sums(AX), DI
	MOVQ R15, CX
	SHLQ $10, CX
	LEAQ 8192(DI)(CX*1), DI
	VMOVUPS Z0, 0(DI)
	VMOVUPS Z1, 64(DI)
	VMOVUPS Z2, 128(DI)
	VMOVUPS Z3, 192(DI)
	VMOVUPS Z4, 256(DI)
	VMOVUPS Z5, 320(DI)
	VMOVUPS Z6, 384(DI)
	VMOVUPS Z7, 448(DI)
	VMOVUPS Z8, 512(DI)
	VMOVUPS Z9, 576(DI)
	VMOVUPS Z10, 640(DI)
	VMOVUPS Z11, 704(DI)
	VMOVUPS Z12, 768(DI)
	VMOVUPS Z13, 832(DI)
	VMOVUPS Z14, 896(DI)
	VMOVUPS Z15, 960(DI)
	INCQ R15
	CMPQ R15, $4
	JLT  quarters

	MOVQ tileArgs_sums(AX), DI
	ADDQ $8192, DI
	QUARTERS(0, Z0)
	QUARTERS(1, Z1)
	QUARTERS(2, Z2)
	QUARTERS(3, Z3)
	QUARTERS(4, Z4)
	QUARTERS(5, Z5)
	QUARTERS(6, Z6)
	QUARTERS(7, Z7)
	QUARTERS(8, Z8)
	QUARTERS(9, Z9)
	QUARTERS(10, Z10)
	QUARTERS(11, Z11)
	QUARTERS(12, Z12)
	QUARTERS(13, Z13)
	QUARTERS(14, Z14)
	QUARTERS(15, Z15)
	TURN4(Z0, Z1, Z2, Z3)
	TURN4(Z4, Z5, Z6, Z7)
	TURN4(Z8, Z9, Z10, Z11)
	TURN4(Z12, Z13, Z14, Z15)
	MOVQ dst-24(SP), SI
	MOVQ tileArgs_dstRow(AX), R8
	STORE4(Z0, Z4, Z8, Z12)
	STORE4(Z1, Z5, Z9, Z13)
	STORE4(Z2, Z6, Z10, Z14)
	STORE4(Z3, Z7, Z11, Z15)

	MOVQ R8, CX
	SHLQ $4, CX
	ADDQ CX, dst-24(SP)
	MOVQ tileArgs_xStep(AX), CX
	ADDQ CX, done-16(SP)
	DECQ blocks-8(SP)
	JNZ  blocks
	TILERELEASE
	VZEROUPPER
	RET

// func tileCodesAVX512(dst, codes *byte, stride, groups, group int)
TEXT ·tileCodesAVX512(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ codes+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ group+32(FP), R9
	MOVQ R9, R10
	SHLQ $4, R10          // bytes from group to group of dst
	MOVL $0x0f0f0f0f, AX
	VMOVD AX, X15
	VPBROADCASTD X15, Y15
	MOVQ $16, BX

rows:
	MOVQ SI, DX
	MOVQ DI, R11
	MOVQ groups+24(FP), CX
	CMPQ R9, $64
	JNE  short

long:
	VMOVDQU     (DX), Y0
	VPSRLW      $4, Y0, Y1
	VPAND       Y15, Y0, Y0
	VPAND       Y15, Y1, Y1
	VINSERTI128 $1, X1, Y0, Y2
	VPERM2I128  $0x31, Y1, Y0, Y3
	VMOVDQU     Y2, (R11)
	VMOVDQU     Y3, 32(R11)
	ADDQ        $32, DX
	ADDQ        R10, R11
	DECQ        CX
	JNZ         long
	JMP         next

short:
	VMOVDQU     (DX), X0
	VPSRLW      $4, X0, X1
	VPAND       X15, X0, X0
	VPAND       X15, X1, X1
	VINSERTI128 $1, X1, Y0, Y2
	VMOVDQU     Y2, (R11)
	ADDQ        $16, DX
	ADDQ        R10, R11
	DECQ        CX
	JNZ         short

next:
	ADDQ R8, SI
	ADDQ R9, DI
	DECQ BX
	JNZ  rows
	VZEROUPPER
	RET
