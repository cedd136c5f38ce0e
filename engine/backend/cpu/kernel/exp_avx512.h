// The exponential of 16 values, for AVX-512.

// expConst: the constants of exp.go.
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

// LOADEXP loads what EXP needs: Z3 to Z11, of which Z11 is 1, Z13 and Z14.
#define LOADEXP \
	VBROADCASTSS expConst<>+0(SB), Z3 \
	VBROADCASTSS expConst<>+4(SB), Z4 \
	VBROADCASTSS expConst<>+8(SB), Z5 \
	VBROADCASTSS expConst<>+12(SB), Z6 \
	VBROADCASTSS expConst<>+16(SB), Z7 \
	VBROADCASTSS expConst<>+20(SB), Z8 \
	VBROADCASTSS expConst<>+24(SB), Z9 \
	VBROADCASTSS expConst<>+28(SB), Z10 \
	VBROADCASTSS expConst<>+32(SB), Z11 \
	VBROADCASTSS expConst<>+36(SB), Z13 \
	VBROADCASTSS expConst<>+40(SB), Z14
