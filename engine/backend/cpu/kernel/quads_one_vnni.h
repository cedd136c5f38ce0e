// One row of x, in two passes over each tile, so that memory is read in one go:
// row after row of the weights, of each quad of which the sums of 4 codes go into
// the table, and then as the products of several rows do it. Before it is
// included, NAME, STEP, QUAD and CODES are defined as for quads_vnni.h, SUMS makes
// the sums of the quad in Z16 to Z19 in Z4, FETCHROW asks for the memory that follows.

// func NAME(a *quadArgs)
TEXT NAME(SB), NOSPLIT, $16-8
	MOVQ a+0(FP), AX
	MOVQ quadArgs_codes(AX), DX
	MOVQ quadArgs_scales(AX), R12
	MOVQ quadArgs_biases(AX), R13
	MOVQ quadArgs_dst(AX), DI
	MOVQ quadArgs_quads(AX), R9
	MOVQ quadArgs_factors(AX), R14
	LEAQ (R14)(R14*2), R15
	MOVQ quadArgs_tiles(AX), CX
	MOVQ CX, tiles-16(SP)
	MOVQ quadArgs_stride(AX), R10 // from the end of a row to the next
	MOVQ  R9, CX
	IMULQ $STEP, CX
	SUBQ  CX, R10
	VPBROADCASTD low<>(SB), Z15
	VMOVDQU64    byGroup<>(SB), Z14
	MOVL  $0xaaaaaaaa, CX
	KMOVD CX, K2

tiles:
	MOVQ quadArgs_table(AX), R8
	LEAQ CODESAHEAD(DX), R11
	MOVQ $4, BX

rows:
	MOVQ quadArgs_x(AX), SI
	MOVQ R9, CX

dots:
	FETCHROW
	CODES((DX), Z16, Z17, Z18, Z19)
	SUMS
	VMOVDQU64 Z4, (R8)
	ADDQ $STEP, DX
	ADDQ $QUAD, SI
	ADDQ $64, R8
	DECQ CX
	JNZ  dots
	ADDQ R10, DX
	DECQ BX
	JNZ  rows

	MOVQ DX, codes-8(SP)

	// The factors of the tiles behind.
	LEAQ (R14*4), CX

factors:
	PREFETCHT0 FACTORSAHEAD(R12)(CX*1)
	PREFETCHT0 FACTORSAHEAD(R13)(CX*1)
	SUBQ       $64, CX
	JGT        factors

	MOVQ   quadArgs_table(AX), R8
	MOVQ   quadArgs_xFactors(AX), BX
	MOVQ   R9, CX
	SHLQ   $6, CX
	LEAQ   (R8)(CX*2), SI
	LEAQ   (R8)(CX*1), DX
	VPXORQ Z0, Z0, Z0

loop:
	FETCHROW
	VMOVDQU64 (R8), Z4
	VMOVDQU64 (R8)(CX*1), Z5
	PAIR4(Z8)
	VMOVDQU64 (SI), Z4
	VMOVDQU64 (SI)(CX*1), Z5
	PAIR4(Z7)
	PAIR2(Z8, Z7, Z9)
	CMPB quadArgs_brain(AX), $0
	JEQ  wide
	VMOVDQU64 brains<>(SB), Z6
	BRAINS(R12, Z12)
	BRAINS(R13, Z13)
	ADDQ $8, R12
	ADDQ $8, R13
	JMP  scaled

wide:
	VMOVDQU64 wides<>(SB), Z6
	WIDES(R12, Z12)
	WIDES(R13, Z13)
	ADDQ $16, R12
	ADDQ $16, R13

scaled:
	VMOVDQA64 Z9, Z4
	SCALED((BX), Z0)
	ADDQ $32, BX
	ADDQ $64, R8
	ADDQ $64, SI
	CMPQ R8, DX
	JNZ  loop

	MOVQ codes-8(SP), DX
	MOVQ DI, CX
	END(Z0, Y0, X0)
	ADDQ $16, DI
	ADDQ R15, R12 // the rows 1 to 3 behind the one that was walked
	ADDQ R15, R13
	DECQ tiles-16(SP)
	JNZ  tiles
	VZEROUPPER
	RET
