// The products of 1 and of 4 rows with packed weights, for NEON: a call
// multiplies rows of x with tiles of rows of weights, 4 beside 1 row of x and 2
// beside 4 of them. The sums are those of matmul_neon_arm64.s.
//
// Before this is included, ONE and FOUR are the names of the functions,
// FACTOR(p, v) loads a factor of a group into v or does nothing, and WEIGHTS is
// one of packed_neon_arm64.h.

// func ONE(a *packedArgs)
//
// R1: codes of the tile, R2: bytes from row to row, R3 and R4: scales and biases,
// R5: bytes from row to row of them, R6: tiles left, R17: where results go.
TEXT ONE(SB), NOSPLIT, $0-8
	MOVD  a+0(FP), R0
	MOVD  packedArgs_codes(R0), R1
	MOVD  packedArgs_stride(R0), R2
	MOVD  packedArgs_scales(R0), R3
	MOVD  packedArgs_biases(R0), R4
	MOVD  packedArgs_factors(R0), R5
	MOVD  packedArgs_tiles(R0), R6
	MOVD  packedArgs_dst(R0), R17
	VMOVI $15, V31.B16

tiles:
	MOVD packedArgs_x(R0), R7
	MOVD R1, R8
	ADD  R2, R8, R9
	ADD  R2, R9, R10
	ADD  R2, R10, R11
	MOVD R3, R12
	MOVD R4, R13
	MOVD packedArgs_groups(R0), R14
	MOVD ZR, R15 // blocks done

block:
	MOVD packedArgs_block(R0), R16
	CMP  R14, R16
	CSEL LT, R16, R14, R16
	SUB  R16, R14
	ZERO8

groups:
	FACTOR(R12, V16.S4)
	FACTOR(R13, V20.S4)
	ADD  R5, R12, R19
	ADD  R5, R13, R20
	FACTOR(R19, V17.S4)
	FACTOR(R20, V21.S4)
	ADD  R5, R19
	ADD  R5, R20
	FACTOR(R19, V18.S4)
	FACTOR(R20, V22.S4)
	ADD  R5, R19
	ADD  R5, R20
	FACTOR(R19, V19.S4)
	FACTOR(R20, V23.S4)
	ADD  $4, R12
	ADD  $4, R13
	MOVD packedArgs_group(R0), R21

loop:
	VLD1.P 64(R7), [V8.S4, V9.S4, V10.S4, V11.S4]
	WEIGHTS(R8, 12, 16, 20)
	FMLA(0, 8, 12); FMLA(1, 9, 13); FMLA(0, 10, 14); FMLA(1, 11, 15)
	WEIGHTS(R9, 12, 17, 21)
	FMLA(2, 8, 12); FMLA(3, 9, 13); FMLA(2, 10, 14); FMLA(3, 11, 15)
	WEIGHTS(R10, 12, 18, 22)
	FMLA(4, 8, 12); FMLA(5, 9, 13); FMLA(4, 10, 14); FMLA(5, 11, 15)
	WEIGHTS(R11, 12, 19, 23)
	FMLA(6, 8, 12); FMLA(7, 9, 13); FMLA(6, 10, 14); FMLA(7, 11, 15)
	SUBS   $16, R21
	BNE    loop
	SUBS   $1, R16
	BNE    groups

	SUM4
	CBZ  R15, store
	VLD1 (R17), [V1.S4]
	FADD(0, 0, 1)

store:
	VST1 [V0.S4], (R17)
	ADD  $1, R15
	CBNZ R14, block
	ADD  $16, R17
	ADD  R2<<2, R1
	ADD  R5<<2, R3
	ADD  R5<<2, R4
	SUBS $1, R6
	BNE  tiles
	RET

// func FOUR(a *packedArgs)
//
// R22: bytes of results so far, R13, R14, R15 and R23: where the results of a
// tile go.
TEXT FOUR(SB), NOSPLIT, $0-8
	MOVD  a+0(FP), R0
	MOVD  packedArgs_codes(R0), R1
	MOVD  packedArgs_stride(R0), R2
	MOVD  packedArgs_scales(R0), R3
	MOVD  packedArgs_biases(R0), R4
	MOVD  packedArgs_factors(R0), R5
	MOVD  packedArgs_tiles(R0), R6
	MOVD  ZR, R22
	VMOVI $15, V31.B16

tiles:
	MOVD packedArgs_x(R0), R7
	MOVD (packedArgs_x+8)(R0), R8
	MOVD (packedArgs_x+16)(R0), R9
	MOVD (packedArgs_x+24)(R0), R10
	MOVD R1, R11
	ADD  R2, R1, R12
	MOVD R3, R13
	MOVD R4, R14
	MOVD packedArgs_groups(R0), R20
	MOVD ZR, R21 // blocks done

block:
	MOVD packedArgs_block(R0), R16
	CMP  R20, R16
	CSEL LT, R16, R20, R16
	SUB  R16, R20
	ZERO16

groups:
	MOVD packedArgs_group(R0), R19
	ADD  R5, R13, R15
	ADD  R5, R14, R23

loop:
	FACTOR(R13, V24.S4)
	FACTOR(R14, V25.S4)
	WEIGHTS(R11, 16, 24, 25)
	FACTOR(R15, V24.S4)
	FACTOR(R23, V25.S4)
	WEIGHTS(R12, 20, 24, 25)
	VLD1.P 64(R7), [V24.S4, V25.S4, V26.S4, V27.S4]
	FMLA(0, 24, 16); FMLA(1, 25, 17); FMLA(2, 24, 20); FMLA(3, 25, 21)
	FMLA(0, 26, 18); FMLA(1, 27, 19); FMLA(2, 26, 22); FMLA(3, 27, 23)
	VLD1.P 64(R8), [V24.S4, V25.S4, V26.S4, V27.S4]
	FMLA(4, 24, 16); FMLA(5, 25, 17); FMLA(6, 24, 20); FMLA(7, 25, 21)
	FMLA(4, 26, 18); FMLA(5, 27, 19); FMLA(6, 26, 22); FMLA(7, 27, 23)
	VLD1.P 64(R9), [V24.S4, V25.S4, V26.S4, V27.S4]
	FMLA(8, 24, 16); FMLA(9, 25, 17); FMLA(10, 24, 20); FMLA(11, 25, 21)
	FMLA(8, 26, 18); FMLA(9, 27, 19); FMLA(10, 26, 22); FMLA(11, 27, 23)
	VLD1.P 64(R10), [V24.S4, V25.S4, V26.S4, V27.S4]
	FMLA(12, 24, 16); FMLA(13, 25, 17); FMLA(14, 24, 20); FMLA(15, 25, 21)
	FMLA(12, 26, 18); FMLA(13, 27, 19); FMLA(14, 26, 22); FMLA(15, 27, 23)
	SUBS   $16, R19
	BNE    loop
	ADD    $4, R13
	ADD    $4, R14
	SUBS   $1, R16
	BNE    groups

	SUM8
	MOVD packedArgs_dst(R0), R16
	MOVD (packedArgs_dst+8)(R0), R17
	MOVD (packedArgs_dst+16)(R0), R19
	MOVD (packedArgs_dst+24)(R0), R23
	ADD  R22, R16
	ADD  R22, R17
	ADD  R22, R19
	ADD  R22, R23
	CBZ  R21, store
	FMOVD (R16), F16
	VLD1  (R17), V16.D[1]
	FMOVD (R19), F17
	VLD1  (R23), V17.D[1]
	FADD(0, 0, 16)
	FADD(8, 8, 17)

store:
	FMOVD F0, (R16)
	VST1  V0.D[1], (R17)
	FMOVD F8, (R19)
	VST1  V8.D[1], (R23)
	ADD   $1, R21
	CBNZ  R20, block
	ADD   $8, R22
	ADD   R2<<1, R1
	ADD   R5<<1, R3
	ADD   R5<<1, R4
	SUBS  $1, R6
	BNE   tiles
	RET
