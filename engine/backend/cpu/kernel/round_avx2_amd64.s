//go:build amd64 && !purego

#include "textflag.h"

DATA largest<>+0(SB)/4, $0x42fe0000
GLOBL largest<>(SB), RODATA|NOPTR, $4
DATA tiny<>+0(SB)/4, $0x0d800000
GLOBL tiny<>(SB), RODATA|NOPTR, $4
DATA magnitude<>+0(SB)/4, $0x7fffffff
GLOBL magnitude<>(SB), RODATA|NOPTR, $4

// evens: within 16 bytes, the even ones before the odd ones.
DATA evens<>+0(SB)/8, $0x0e0c0a0806040200
DATA evens<>+8(SB)/8, $0x0f0d0b0907050301
GLOBL evens<>(SB), RODATA|NOPTR, $16

// order puts in order what packing within halves mixes up.
DATA order<>+0(SB)/8, $0x0000000400000000
DATA order<>+8(SB)/8, $0x0000000500000001
DATA order<>+16(SB)/8, $0x0000000600000002
DATA order<>+24(SB)/8, $0x0000000700000003
GLOBL order<>(SB), RODATA|NOPTR, $32

// GREATEST sets m to the magnitudes of 32 values at offset(SI), the greatest of
// each lane. Clobbers t.
#define GREATEST(offset, m, t) \
	VPAND   offset+0(SI), Y13, m  \
	VPAND   offset+32(SI), Y13, t \
	VPMAXUD t, m, m               \
	VPAND   offset+64(SI), Y13, t \
	VPMAXUD t, m, m               \
	VPAND   offset+96(SI), Y13, t \
	VPMAXUD t, m, m

// FACTORS sets the scale at (R8) and the broadcast inverse of a group whose
// magnitudes are in m. Clobbers X5, X6, X7.
#define FACTORS(m, mx, inverse) \
	VEXTRACTI128 $1, m, X5      \
	VPMAXUD      X5, mx, mx     \
	VPSHUFD      $0x4e, mx, X5  \
	VPMAXUD      X5, mx, mx     \
	VPSHUFD      $0xb1, mx, X5  \
	VPMAXUD      X5, mx, mx     \
	VMOVSS       tiny<>(SB), X5 \
	VCMPSS       $5, X5, mx, X7 \ // not less than tiny
	VMOVSS       largest<>(SB), X5 \
	VDIVSS       X5, mx, X6     \
	VANDPS       X7, X6, X6     \
	VMOVSS       X6, (R8)       \
	VDIVSS       mx, X5, X6     \
	VANDPS       X7, X6, X6     \
	VBROADCASTSS X6, inverse

// BYTES rounds 32 values at offset(SI) into the bytes of out and their sums into
// sum. Clobbers Y5 to Y7.
#define BYTES(offset, inverse, out, sum) \
	VMULPS     offset+0(SI), inverse, Y5  \
	VMULPS     offset+32(SI), inverse, Y6 \
	VCVTPS2DQ  Y5, Y5                     \
	VCVTPS2DQ  Y6, Y6                     \
	VPADDD     Y6, Y5, sum                \
	VPACKSSDW  Y6, Y5, out                \
	VMULPS     offset+64(SI), inverse, Y5 \
	VMULPS     offset+96(SI), inverse, Y6 \
	VCVTPS2DQ  Y5, Y5                     \
	VCVTPS2DQ  Y6, Y6                     \
	VPADDD     Y5, sum, sum               \
	VPADDD     Y6, sum, sum               \
	VPACKSSDW  Y6, Y5, Y5                 \
	VPACKSSWB  Y5, out, out               \
	VMOVDQU    order<>(SB), Y5            \
	VPERMD     out, Y5, out

// SUM sets the value at (R9) to the sum of the whole numbers in q times the
// scale at (R8). Clobbers X5.
#define SUM(q, qx) \
	VEXTRACTI128 $1, q, X5     \
	VPADDD       X5, qx, qx    \
	VPSHUFD      $0x4e, qx, X5 \
	VPADDD       X5, qx, qx    \
	VPSHUFD      $0xb1, qx, X5 \
	VPADDD       X5, qx, qx    \
	VCVTDQ2PS    qx, qx        \
	VMULSS       (R8), qx, qx  \
	VMOVSS       qx, (R9)

// func roundRowAVX2(dst *int8, scales, sums, x *float32, blocks, group int, split bool)
TEXT ·roundRowAVX2(SB), NOSPLIT, $0-49
	MOVQ           dst+0(FP), DI
	MOVQ           scales+8(FP), R8
	MOVQ           sums+16(FP), R9
	MOVQ           x+24(FP), SI
	MOVQ           blocks+32(FP), CX
	MOVQ           group+40(FP), DX
	VPBROADCASTD   magnitude<>(SB), Y13
	VBROADCASTI128 evens<>(SB), Y14

loop:
	GREATEST(0, Y0, Y2)
	GREATEST(128, Y1, Y2)
	CMPQ    DX, $32
	JEQ     two
	VPMAXUD Y1, Y0, Y0
	FACTORS(Y0, X0, Y10)
	BYTES(0, Y10, Y11, Y3)
	BYTES(128, Y10, Y12, Y4)
	VPADDD  Y4, Y3, Y3
	SUM(Y3, X3)
	JMP     store

two:
	FACTORS(Y0, X0, Y10)
	BYTES(0, Y10, Y11, Y3)
	SUM(Y3, X3)
	ADDQ $4, R8
	ADDQ $4, R9
	FACTORS(Y1, X1, Y10)
	BYTES(128, Y10, Y12, Y4)
	SUM(Y4, X4)

store:
	CMPB       split+48(FP), $0
	JEQ        plain
	VPSHUFB    Y14, Y11, Y11
	VPERMQ     $0xd8, Y11, Y11    // 16 even ones, 16 odd ones
	VPSHUFB    Y14, Y12, Y12
	VPERMQ     $0xd8, Y12, Y12
	VPERM2I128 $0x20, Y12, Y11, Y0
	VPERM2I128 $0x31, Y12, Y11, Y12
	VMOVDQA    Y0, Y11

plain:
	VMOVDQU Y11, (DI)
	VMOVDQU Y12, 32(DI)
	ADDQ    $256, SI
	ADDQ    $64, DI
	ADDQ    $4, R8
	ADDQ    $4, R9
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
