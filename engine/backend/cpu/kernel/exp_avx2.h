// The exponential of 8 values, for AVX2.

// splat: the constants of exp.go, 8 lanes each.
#define SPLAT(offset, bits) \
	DATA splat<>+(offset+0)(SB)/8, bits  \
	DATA splat<>+(offset+8)(SB)/8, bits  \
	DATA splat<>+(offset+16)(SB)/8, bits \
	DATA splat<>+(offset+24)(SB)/8, bits

SPLAT(0, $0x3fb8aa3b3fb8aa3b)   // log2e
SPLAT(32, $0x3f3180003f318000)  // ln2High
SPLAT(64, $0xb95e8083b95e8083)  // ln2Low
SPLAT(96, $0x3ab6889e3ab6889e)  // exp6
SPLAT(128, $0x3c0905d13c0905d1) // exp5
SPLAT(160, $0x3d2aaa8d3d2aaa8d) // exp4
SPLAT(192, $0x3e2aaa6e3e2aaa6e) // exp3
SPLAT(224, $0x3f0000003f000000) // exp2
SPLAT(256, $0x3f8000003f800000) // 1, and the exponent of 2^0
SPLAT(288, $0x42c8000042c80000) // 100, beyond infinity
SPLAT(320, $0xc3160000c3160000) // -150, beyond zero
GLOBL splat<>(SB), RODATA|NOPTR, $352

// EXP replaces Y0 by exp(Y0). The limits, with the value as the operand that
// NaN wins, keep infinities out of the differences; 2^n is two factors, as n
// goes from -216 to 144. Clobbers Y1, Y2 and Y3.
#define EXP \
	VMINPS       Y0, Y13, Y0              \
	VMAXPS       Y0, Y14, Y0              \
	VMULPS       splat<>+0(SB), Y0, Y1    \
	VROUNDPS     $8, Y1, Y1               \
	VFNMADD231PS splat<>+32(SB), Y1, Y0   \
	VFNMADD231PS splat<>+64(SB), Y1, Y0   \
	VMOVAPS      Y6, Y2                   \
	VFMADD213PS  Y7, Y0, Y2               \
	VFMADD213PS  Y8, Y0, Y2               \
	VFMADD213PS  Y9, Y0, Y2               \
	VFMADD213PS  Y10, Y0, Y2              \
	VFMADD213PS  Y11, Y0, Y2              \
	VFMADD213PS  Y11, Y0, Y2              \
	VCVTPS2DQ    Y1, Y1                   \
	VPSRAD       $1, Y1, Y3               \
	VPSUBD       Y3, Y1, Y1               \
	VPSLLD       $23, Y3, Y3              \
	VPSLLD       $23, Y1, Y1              \
	VPADDD       Y11, Y3, Y3              \
	VPADDD       Y11, Y1, Y1              \
	VMULPS       Y3, Y2, Y2               \
	VMULPS       Y1, Y2, Y0

// LOADEXP loads what EXP needs: Y6 to Y11, of which Y11 is 1, Y13 and Y14.
#define LOADEXP \
	VMOVUPS      splat<>+96(SB), Y6 \
	VMOVUPS      splat<>+128(SB), Y7 \
	VMOVUPS      splat<>+160(SB), Y8 \
	VMOVUPS      splat<>+192(SB), Y9 \
	VMOVUPS      splat<>+224(SB), Y10 \
	VMOVUPS      splat<>+256(SB), Y11 \
	VMOVUPS      splat<>+288(SB), Y13 \
	VMOVUPS      splat<>+320(SB), Y14
