//go:build arm64 && !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "packed_neon_arm64.h"

// UNPACK goes through groups of codes, 16 at a time.
#define UNPACK(WEIGHTS) \
	MOVD  dst+0(FP), R0;     \
	MOVD  codes+8(FP), R1;   \
	MOVD  scales+16(FP), R2; \
	MOVD  biases+24(FP), R3; \
	MOVD  groups+32(FP), R4; \
	MOVD  group+40(FP), R5;  \
	VMOVI $15, V31.B16;      \
next: \
	VLD1R.P 4(R2), [V16.S4]; \
	VLD1R.P 4(R3), [V17.S4]; \
	MOVD    R5, R6;          \
loop: \
	WEIGHTS(R1, 0, 16, 17);                      \
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0); \
	SUBS   $16, R6;                              \
	BNE    loop;                                 \
	SUBS   $1, R4;                               \
	BNE    next;                                 \
	RET

// func unpackBF16NEON(dst *float32, src *byte, n int)
TEXT ·unpackBF16NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	SUBS $16, R2
	BLT  tail

loop:
	BF16WEIGHTS(R1, 0, 0, 0)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R2
	BGE    loop

tail:
	ADDS $16, R2
	BEQ  done

one:
	MOVHU.P 2(R1), R3
	LSL     $16, R3
	MOVW.P  R3, 4(R0)
	SUBS    $1, R2
	BNE     one

done:
	RET

// func unpackF16NEON(dst *float32, src *byte, n int)
TEXT ·unpackF16NEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2
	SUBS $16, R2
	BLT  tail

loop:
	F16WEIGHTS(R1, 0, 0, 0)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $16, R2
	BGE    loop

tail:
	ADDS $16, R2
	BEQ  done

one:
	MOVHU.P 2(R1), R3
	FMOVS   R3, F0
	FCVTL(0, 0)
	FMOVS.P F0, 4(R0)
	SUBS    $1, R2
	BNE     one

done:
	RET

// func unpackQ4NEON(dst *float32, codes *byte, scales, biases *float32, groups, group int)
TEXT ·unpackQ4NEON(SB), NOSPLIT, $0-48
	UNPACK(Q4WEIGHTS)

// func unpackQ8NEON(dst *float32, codes *byte, scales, biases *float32, groups, group int)
TEXT ·unpackQ8NEON(SB), NOSPLIT, $0-48
	UNPACK(Q8WEIGHTS)
