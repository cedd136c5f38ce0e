//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"

// EACH loops over 16 values of a at R1 and b at R2 at a time and then over single
// ones; OP(d) sets Vd from Vd and V(d+16).
#define EACH(OP) \
	SUBS $16, R3; \
	BLT  tail;    \
loop: \
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4];     \
	VLD1.P 64(R2), [V16.S4, V17.S4, V18.S4, V19.S4]; \
	OP(0); OP(1); OP(2); OP(3);                      \
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0);     \
	SUBS   $16, R3;                                  \
	BGE    loop;                                     \
tail: \
	ADDS $16, R3; \
	BEQ  done;    \
one: \
	FMOVS.P 4(R1), F0;  \
	FMOVS.P 4(R2), F16; \
	OP(0);              \
	FMOVS.P F0, 4(R0);  \
	SUBS    $1, R3;     \
	BNE     one;        \
done: \
	RET

#define OPADD(d) FADD(d, d, (d+16))
#define OPMUL(d) FMUL(d, d, (d+16))
#define OPSCALE(d) FMUL(d, d, 20); FMUL(d, d, (d+16))

// func addNEON(dst, a, b *float32, n int)
TEXT ·addNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD n+24(FP), R3
	EACH(OPADD)

// func mulNEON(dst, a, b *float32, n int)
TEXT ·mulNEON(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD a+8(FP), R1
	MOVD b+16(FP), R2
	MOVD n+24(FP), R3
	EACH(OPMUL)

// func scaleMulNEON(dst, x, w *float32, n int, factor float32)
TEXT ·scaleMulNEON(SB), NOSPLIT, $0-36
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  w+16(FP), R2
	MOVD  n+24(FP), R3
	FMOVS factor+32(FP), F20
	VDUP  V20.S[0], V20.S4
	EACH(OPSCALE)

// func scaleNEON(dst, x *float32, n int, factor float32)
TEXT ·scaleNEON(SB), NOSPLIT, $0-28
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  n+16(FP), R3
	FMOVS factor+24(FP), F20
	VDUP  V20.S[0], V20.S4
	SUBS  $16, R3
	BLT   tail

loop:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMUL(0, 0, 20); FMUL(1, 1, 20); FMUL(2, 2, 20); FMUL(3, 3, 20)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R3
	BGE    loop

tail:
	ADDS $16, R3
	BEQ  done

one:
	FMOVS.P 4(R1), F0
	FMUL(0, 0, 20)
	FMOVS.P F0, 4(R0)
	SUBS    $1, R3
	BNE     one

done:
	RET

// func clampNEON(dst, x *float32, n int, low, high float32)
//
// FMAX and FMIN let NaN through.
TEXT ·clampNEON(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  n+16(FP), R3
	FMOVS low+24(FP), F20
	FMOVS high+28(FP), F21
	VDUP  V20.S[0], V20.S4
	VDUP  V21.S[0], V21.S4
	SUBS  $16, R3
	BLT   tail

loop:
	VLD1.P 64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	FMAX(0, 0, 20); FMAX(1, 1, 20); FMAX(2, 2, 20); FMAX(3, 3, 20)
	FMIN(0, 0, 21); FMIN(1, 1, 21); FMIN(2, 2, 21); FMIN(3, 3, 21)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R3
	BGE    loop

tail:
	ADDS $16, R3
	BEQ  done

one:
	FMOVS.P 4(R1), F0
	FMAX(0, 0, 20)
	FMIN(0, 0, 21)
	FMOVS.P F0, 4(R0)
	SUBS    $1, R3
	BNE     one

done:
	RET
