// Shared by the AVX2 kernels.

// ones: 16 lanes of all bits and 16 of none; n lanes from the right end of
// the first half are a mask of n lanes.
DATA ones<>+0(SB)/8, $-1
DATA ones<>+8(SB)/8, $-1
DATA ones<>+16(SB)/8, $-1
DATA ones<>+24(SB)/8, $-1
DATA ones<>+32(SB)/8, $-1
DATA ones<>+40(SB)/8, $-1
DATA ones<>+48(SB)/8, $-1
DATA ones<>+56(SB)/8, $-1
DATA ones<>+64(SB)/8, $0
DATA ones<>+72(SB)/8, $0
DATA ones<>+80(SB)/8, $0
DATA ones<>+88(SB)/8, $0
DATA ones<>+96(SB)/8, $0
DATA ones<>+104(SB)/8, $0
DATA ones<>+112(SB)/8, $0
DATA ones<>+120(SB)/8, $0
GLOBL ones<>(SB), RODATA|NOPTR, $128

// TAILMASK sets Y15 to the CX lanes left, CX below 8. Clobbers AX, CX.
#define TAILMASK \
	LEAQ    ones<>+64(SB), AX \
	SHLQ    $2, CX            \
	SUBQ    CX, AX            \
	VMOVUPS (AX), Y15

// HALVES adds the halves of two accumulators: the lower half of out becomes
// lo+hi of a, the upper one of b. Clobbers t.
#define HALVES(a, b, t, out) \
	VPERM2F128 $0x20, b, a, t   \
	VPERM2F128 $0x31, b, a, out \
	VADDPS     out, t, out

// SUM4 adds up the lanes of Y0 to Y3 into the lanes of X0. Clobbers Y1, Y2,
// Y8, Y9.
#define SUM4 \
	HALVES(Y0, Y1, Y8, Y0)       \
	HALVES(Y2, Y3, Y9, Y2)       \
	VHADDPS      Y2, Y0, Y0      \ // halves: rows 0, 2 | rows 1, 3
	VHADDPS      Y0, Y0, Y0      \
	VEXTRACTF128 $1, Y0, X1      \
	VUNPCKLPS    X1, X0, X0

// SUM8 adds up the lanes of Y0 to Y7: X2 becomes the sums of the first four,
// X3 those of the others. Clobbers Y0 to Y11.
#define SUM8 \
	HALVES(Y0, Y1, Y8, Y0)       \
	HALVES(Y2, Y3, Y9, Y2)       \
	HALVES(Y4, Y5, Y10, Y4)      \
	HALVES(Y6, Y7, Y11, Y6)      \
	VHADDPS      Y2, Y0, Y0      \ // lower halves: even ones, upper halves: odd ones
	VHADDPS      Y6, Y4, Y4      \
	VHADDPS      Y4, Y0, Y0      \
	VEXTRACTF128 $1, Y0, X1      \
	VUNPCKLPS    X1, X0, X2      \
	VUNPCKHPS    X1, X0, X3
