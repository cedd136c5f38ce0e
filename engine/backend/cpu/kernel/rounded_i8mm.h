// Products of up to 4 rows of rounded activations with packed weights, 4 outputs
// at a time, by matrix products of 2x8 with 8x2. It gives the bits of
// rounded_neon.h.
//
// A matrix of results has the lanes o0r0, o0r1, o1r0, o1r1, of outputs o and rows
// r; matrix 2i+k is of rows 2i and 2i+1 and outputs 2k and 2k+1. V0 to V3 and V4
// to V7 are the dots of both halves of a block, V8 to V11 the sums of scaled
// dots, V12 to V15 those of biases.
//
// Before this is included, FOUR is the name of the function, BLOCK adds the
// products of a block to V0 to V7.

// func FOUR(a *roundedArgs)
TEXT FOUR(SB), NOSPLIT, $0-8
	MOVD  a+0(FP), R0
	MOVD  roundedArgs_outs(R0), R1
	MOVD  roundedArgs_dst(R0), R2
	MOVD  roundedArgs_codes(R0), R3
	MOVD  roundedArgs_stride(R0), R4
	MOVD  roundedArgs_scales(R0), R5
	MOVD  roundedArgs_biases(R0), R6
	MOVD  roundedArgs_factors(R0), R7
	MOVD  roundedArgs_each(R0), R8
	MOVBU roundedArgs_brain(R0), R9
	MOVD  roundedArgs_xStride(R0), R17
	MOVD  roundedArgs_rowFactors(R0), R21
	VMOVI $15, V31.B16

tile:
	MOVD R3, R10
	ADD  R4, R10, R11
	ADD  R4, R11, R12
	ADD  R4, R12, R13
	MOVD R5, R14
	MOVD R6, R15
	MOVD roundedArgs_x(R0), R16
	MOVD roundedArgs_rowScales(R0), R19
	MOVD roundedArgs_sums(R0), R20
	MOVD roundedArgs_blocks(R0), R22
	ZERO(V8); ZERO(V9); ZERO(V10); ZERO(V11)
	ZERO(V12); ZERO(V13); ZERO(V14); ZERO(V15)

block:
	ZERO(V0); ZERO(V1); ZERO(V2); ZERO(V3)
	ZERO(V4); ZERO(V5); ZERO(V6); ZERO(V7)
	BLOCK
	ADD  $64, R16
	CMP  $1, R8
	BNE  group
	VADD V4.S4, V0.S4, V0.S4
	VADD V5.S4, V1.S4, V1.S4
	VADD V6.S4, V2.S4, V2.S4
	VADD V7.S4, V3.S4, V3.S4

group:
	CBZ R9, floats
	BRAINLANES(R14, R7, V26, 26)
	BRAINLANES(R15, R7, V27, 27)
	B   rows

floats:
	LANES(R14, R7, V26)
	LANES(R15, R7, V27)

rows:
	LANES(R19, R21, V24)
	LANES(R20, R21, V25)
	VDUP  V24.D[0], V16.D2
	VDUP  V24.D[1], V17.D2
	VDUP  V25.D[0], V18.D2
	VDUP  V25.D[1], V19.D2
	VZIP1 V26.S4, V26.S4, V20.S4
	VZIP2 V26.S4, V26.S4, V21.S4
	VZIP1 V27.S4, V27.S4, V22.S4
	VZIP2 V27.S4, V27.S4, V23.S4
	SCALED(0, 20, 16, 22, 18)
	SCALED(1, 21, 16, 23, 18)
	SCALED(2, 20, 17, 22, 19)
	SCALED(3, 21, 17, 23, 19)
	CMP   $1, R8
	BEQ   next
	CBZ   R8, second
	VMOV  V4.B16, V0.B16
	VMOV  V5.B16, V1.B16
	VMOV  V6.B16, V2.B16
	VMOV  V7.B16, V3.B16
	MOVD  ZR, R8 // the second group is next
	B     group

second:
	MOVD $2, R8

next:
	SUBS $1, R22
	BNE  block

	FADD(8, 8, 12); FADD(9, 9, 13); FADD(10, 10, 14); FADD(11, 11, 15)
	VUZP1 V9.S4, V8.S4, V16.S4
	VUZP2 V9.S4, V8.S4, V17.S4
	VUZP1 V11.S4, V10.S4, V18.S4
	VUZP2 V11.S4, V10.S4, V19.S4
	MOVD  roundedArgs_rows(R0), R24
	MOVD  roundedArgs_dstStride(R0), R25
	MOVD  R2, R23
	VST1  [V16.S4], (R23)
	ADD   R25, R23
	CMP   $2, R24
	BLT   stored
	VST1  [V17.S4], (R23)
	ADD   R25, R23
	BEQ   stored
	VST1  [V18.S4], (R23)
	ADD   R25, R23
	CMP   $4, R24
	BLT   stored
	VST1  [V19.S4], (R23)

stored:
	ADD  $16, R2
	ADD  R4<<2, R3
	ADD  R7<<2, R5
	ADD  R7<<2, R6
	SUBS $4, R1
	BNE  tile
	RET
