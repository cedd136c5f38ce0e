//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"

// roundConst: what rounding needs, one lane each.
DATA roundConst<>+0(SB)/4, $0x7fffffff // all but the sign
DATA roundConst<>+4(SB)/4, $0x42fe0000 // 127
DATA roundConst<>+8(SB)/4, $0x0d800000 // roundedTiny
GLOBL roundConst<>(SB), RODATA|NOPTR, $12

// GREATER makes each lane of to the greater one of it and the magnitude in v.
#define GREATER(v, to) \
	VAND  V27.B16, v.B16, V18.B16; \
	VUMAX V18.S4, to.S4, to.S4

// FACTORS turns the greatest magnitude, in Vg, into the inverse, Vi, and the
// scale, Vs.
#define FACTORS(g, vg, i, vi, s) \
	UMAXV(g, g);                       \
	VDUP vg.S[0], vg.S4;               \
	FCMGT(18, 29, g);                  \
	FDIV(i, 28, g);                    \
	VBIT V18.B16, V31.B16, vi.B16;     \
	VBIT V18.B16, V31.B16, vg.B16;     \
	FDIV(s, g, 28)

#define ROUND(v, inverse) \
	FMUL(v, v, inverse); \
	FCVTNS(v, v)

// NARROW makes 16 int8 of V(v) to V(v+3), in V(v).
#define NARROW(v) \
	XTNS(v, v); XTNS2(v, (v+1));         \
	XTNS((v+2), (v+2)); XTNS2((v+2), (v+3)); \
	XTNH(v, v); XTNH2(v, (v+2))

// func roundRowNEON(dst *int8, scales, sums, x *float32, blocks, group int, split bool)
//
// Magnitudes are compared as integers, so that NaN is the greatest.
TEXT ·roundRowNEON(SB), NOSPLIT, $0-49
	MOVD    dst+0(FP), R0
	MOVD    scales+8(FP), R1
	MOVD    sums+16(FP), R2
	MOVD    x+24(FP), R3
	MOVD    blocks+32(FP), R4
	MOVD    group+40(FP), R5
	MOVBU   split+48(FP), R6
	MOVD    $roundConst<>(SB), R7
	VLD1R.P 4(R7), [V27.S4]
	VLD1R.P 4(R7), [V28.S4]
	VLD1R   (R7), [V29.S4]
	ZERO(V31)

block:
	VLD1.P 64(R3), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1.P 64(R3), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1.P 64(R3), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1.P 64(R3), [V12.S4, V13.S4, V14.S4, V15.S4]
	VAND   V27.B16, V0.B16, V16.B16
	GREATER(V1, V16)
	GREATER(V2, V16)
	GREATER(V3, V16)
	GREATER(V4, V16)
	GREATER(V5, V16)
	GREATER(V6, V16)
	GREATER(V7, V16)
	VAND   V27.B16, V8.B16, V17.B16
	GREATER(V9, V17)
	GREATER(V10, V17)
	GREATER(V11, V17)
	GREATER(V12, V17)
	GREATER(V13, V17)
	GREATER(V14, V17)
	GREATER(V15, V17)
	CMP    $64, R5
	BNE    factors
	VUMAX  V17.S4, V16.S4, V16.S4
	VMOV   V16.B16, V17.B16

factors:
	FACTORS(16, V16, 20, V20, 22)
	FACTORS(17, V17, 21, V21, 23)
	ROUND(0, 20); ROUND(1, 20); ROUND(2, 20); ROUND(3, 20)
	ROUND(4, 20); ROUND(5, 20); ROUND(6, 20); ROUND(7, 20)
	ROUND(8, 21); ROUND(9, 21); ROUND(10, 21); ROUND(11, 21)
	ROUND(12, 21); ROUND(13, 21); ROUND(14, 21); ROUND(15, 21)
	VADD   V0.S4, V1.S4, V24.S4
	VADD   V2.S4, V24.S4, V24.S4
	VADD   V3.S4, V24.S4, V24.S4
	VADD   V4.S4, V24.S4, V24.S4
	VADD   V5.S4, V24.S4, V24.S4
	VADD   V6.S4, V24.S4, V24.S4
	VADD   V7.S4, V24.S4, V24.S4
	VADD   V8.S4, V9.S4, V25.S4
	VADD   V10.S4, V25.S4, V25.S4
	VADD   V11.S4, V25.S4, V25.S4
	VADD   V12.S4, V25.S4, V25.S4
	VADD   V13.S4, V25.S4, V25.S4
	VADD   V14.S4, V25.S4, V25.S4
	VADD   V15.S4, V25.S4, V25.S4
	CMP    $64, R5
	BNE    halves
	VADD   V25.S4, V24.S4, V24.S4
	B      sums

halves:
	ADDV(25, 25)
	SCVTF(25, 25)
	FMUL(25, 25, 23)
	FMOVS F23, 4(R1)
	FMOVS F25, 4(R2)

sums:
	ADDV(24, 24)
	SCVTF(24, 24)
	FMUL(24, 24, 22)
	FMOVS F22, (R1)
	FMOVS F24, (R2)
	MOVD  $256, R8
	UDIV  R5, R8, R8 // bytes of the factors of a block
	ADD   R8, R1
	ADD   R8, R2

	NARROW(0)
	NARROW(4)
	NARROW(8)
	NARROW(12)
	CBZ    R6, plain
	VUZP1  V4.B16, V0.B16, V16.B16
	VUZP1  V12.B16, V8.B16, V17.B16
	VUZP2  V4.B16, V0.B16, V18.B16
	VUZP2  V12.B16, V8.B16, V19.B16
	VST1.P [V16.B16, V17.B16, V18.B16, V19.B16], 64(R0)
	SUBS   $1, R4
	BNE    block
	RET

plain:
	VST1.P [V0.B16], 16(R0)
	VST1.P [V4.B16], 16(R0)
	VST1.P [V8.B16], 16(R0)
	VST1.P [V12.B16], 16(R0)
	SUBS   $1, R4
	BNE    block
	RET
