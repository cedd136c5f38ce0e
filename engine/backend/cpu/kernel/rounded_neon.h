// Products of one row of rounded activations with packed weights, 4 outputs at a
// time. The dot of a group is a whole number and exact; as float32 it is
// multiplied with both scales and added to the sum of the output, and the biases
// times the sums of groups to a sum of their own. rounded_i8mm_arm64.s does the
// same in the same order.
//
// Before this is included, ONE is the name of the function, START sets V4 to V11
// to what dots begin with, PRODUCTS(p, low, high) adds the products of a block of
// codes at p to two accumulators, and CONSTANT is what V16 has in each byte.

// func ONE(a *roundedArgs)
//
// R1: outputs left, R2: where results go, R3: codes of the tile, R4: bytes from
// row to row, R5 and R6: scales and biases, R7: bytes from row to row of them.
TEXT ONE(SB), NOSPLIT, $0-8
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
	VMOVI $CONSTANT, V16.B16
	VMOVI $128, V24.B16

tile:
	// Where there are less than 4 outputs the last stands in for the others.
	CMP  $1, R1
	CSEL GT, R4, ZR, R23
	CSEL GT, R7, ZR, R24
	ADD  R23, R3, R11
	ADD  R24, R5, R15
	ADD  R24, R6, R20
	CMP  $2, R1
	CSEL GT, R4, ZR, R23
	CSEL GT, R7, ZR, R24
	ADD  R23, R11, R12
	ADD  R24, R15, R16
	ADD  R24, R20, R21
	CMP  $3, R1
	CSEL GT, R4, ZR, R23
	CSEL GT, R7, ZR, R24
	ADD  R23, R12, R13
	ADD  R24, R16, R17
	ADD  R24, R21, R22
	MOVD R3, R10
	MOVD R5, R14
	MOVD R6, R19
	MOVD roundedArgs_x(R0), R23
	MOVD roundedArgs_rowScales(R0), R24
	MOVD roundedArgs_sums(R0), R25
	MOVD roundedArgs_blocks(R0), R26
	ZERO(V20)
	ZERO(V21)

block:
	VLD1.P 64(R23), [V0.B16, V1.B16, V2.B16, V3.B16]
	START
	PRODUCTS(R10, 4, 8)
	PRODUCTS(R11, 5, 9)
	PRODUCTS(R12, 6, 10)
	PRODUCTS(R13, 7, 11)
	ADDP(4, 4, 5); ADDP(6, 6, 7); ADDP(4, 4, 6)
	ADDP(8, 8, 9); ADDP(10, 10, 11); ADDP(8, 8, 10)
	CMP  $1, R8
	BNE  group
	VADD V8.S4, V4.S4, V4.S4

group:
	// V4: the dots of a group.
	CBZ    R9, floats
	VLD1.P 2(R14), V17.H[0]
	VLD1.P 2(R15), V17.H[1]
	VLD1.P 2(R16), V17.H[2]
	VLD1.P 2(R17), V17.H[3]
	VLD1.P 2(R19), V18.H[0]
	VLD1.P 2(R20), V18.H[1]
	VLD1.P 2(R21), V18.H[2]
	VLD1.P 2(R22), V18.H[3]
	BRAIN(17, 17)
	BRAIN(18, 18)
	B      add

floats:
	VLD1.P 4(R14), V17.S[0]
	VLD1.P 4(R15), V17.S[1]
	VLD1.P 4(R16), V17.S[2]
	VLD1.P 4(R17), V17.S[3]
	VLD1.P 4(R19), V18.S[0]
	VLD1.P 4(R20), V18.S[1]
	VLD1.P 4(R21), V18.S[2]
	VLD1.P 4(R22), V18.S[3]

add:
	FMOVS.P 4(R24), F19
	FMOVS.P 4(R25), F22
	FMULE(17, 17, 19)
	SCVTF(4, 4)
	FMLA(20, 4, 17)
	FMLAE(21, 18, 22)
	CMP     $1, R8
	BEQ     next
	CBZ     R8, second
	VMOV    V8.B16, V4.B16
	MOVD    ZR, R8 // the second group is next
	B       group

second:
	MOVD $2, R8

next:
	SUBS $1, R26
	BNE  block

	FADD(20, 20, 21)
	CMP  $4, R1
	BLT  few
	VST1.P [V20.S4], 16(R2)
	ADD  R4<<2, R3
	ADD  R7<<2, R5
	ADD  R7<<2, R6
	SUBS $4, R1
	BNE  tile
	RET

few:
	FMOVS F20, (R2)
	CMP   $2, R1
	BLT   done
	ADD   $4, R2
	VST1  V20.S[1], (R2)
	BEQ   done
	ADD   $4, R2
	VST1  V20.S[2], (R2)

done:
	RET
