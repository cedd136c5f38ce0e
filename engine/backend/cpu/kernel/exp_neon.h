// The exponential of 4 values, for NEON.

// splat: the constants of exp.go, one lane each.
DATA splat<>+0(SB)/4, $0x3fb8aa3b  // log2e
DATA splat<>+4(SB)/4, $0x3f318000  // ln2High
DATA splat<>+8(SB)/4, $0xb95e8083  // ln2Low
DATA splat<>+12(SB)/4, $0x3ab6889e // exp6
DATA splat<>+16(SB)/4, $0x3c0905d1 // exp5
DATA splat<>+20(SB)/4, $0x3d2aaa8d // exp4
DATA splat<>+24(SB)/4, $0x3e2aaa6e // exp3
DATA splat<>+28(SB)/4, $0x3f000000 // exp2
DATA splat<>+32(SB)/4, $0x3f800000 // 1, and the exponent of 2^0
DATA splat<>+36(SB)/4, $0x42c80000 // 100, beyond infinity
DATA splat<>+40(SB)/4, $0xc3160000 // -150, beyond zero
GLOBL splat<>(SB), RODATA|NOPTR, $44

// LOADEXP loads what EXP needs: V16 to V26, of which V24 is 1. Clobbers R20.
#define LOADEXP \
	MOVD    $splat<>(SB), R20;    \
	VLD1R.P 4(R20), [V16.S4]; \
	VLD1R.P 4(R20), [V17.S4]; \
	VLD1R.P 4(R20), [V18.S4]; \
	VLD1R.P 4(R20), [V19.S4]; \
	VLD1R.P 4(R20), [V20.S4]; \
	VLD1R.P 4(R20), [V21.S4]; \
	VLD1R.P 4(R20), [V22.S4]; \
	VLD1R.P 4(R20), [V23.S4]; \
	VLD1R.P 4(R20), [V24.S4]; \
	VLD1R.P 4(R20), [V25.S4]; \
	VLD1R   (R20), [V26.S4]

// EXP replaces V0 by exp(V0). The limits, through which NaN goes, keep
// infinities out of the differences; 2^n is two factors, as n goes from -216 to
// 144. Clobbers V1, V2 and V3.
#define EXP \
	FMIN(0, 0, 25); FMAX(0, 0, 26);        \
	FMUL(1, 0, 16); FRINTN(1, 1);          \
	FMLS(0, 1, 17); FMLS(0, 1, 18);        \
	VMOV V20.B16, V2.B16; FMLA(2, 19, 0);  \
	VMOV V21.B16, V3.B16; FMLA(3, 2, 0);   \
	VMOV V22.B16, V2.B16; FMLA(2, 3, 0);   \
	VMOV V23.B16, V3.B16; FMLA(3, 2, 0);   \
	VMOV V24.B16, V2.B16; FMLA(2, 3, 0);   \
	VMOV V24.B16, V3.B16; FMLA(3, 2, 0);   \
	FCVTNS(1, 1); SSHR1(2, 1);             \
	VSUB V2.S4, V1.S4, V1.S4;              \
	VSHL $23, V2.S4, V2.S4;                \
	VSHL $23, V1.S4, V1.S4;                \
	VADD V24.S4, V2.S4, V2.S4;             \
	VADD V24.S4, V1.S4, V1.S4;             \
	FMUL(3, 3, 2); FMUL(0, 3, 1)
