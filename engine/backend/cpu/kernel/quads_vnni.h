// Products of rounded activations with codes, for AVX-512 VNNI. A quad is 4
// groups of a row, and a tile 4 rows of weights: the whole numbers of a quad's 16
// dots make one vector, lane 4*g+o of which is group g with weight o. Before it is
// included, NAME is the name of the function, PRODUCTS calls PRODUCT for each row
// of x with accumulators from Z0 on, ENDS adds up and stores each, QUAD is the
// bytes of a quad of x, CODES(mem, a, b, c, d) brings a quad of codes of one row of
// weights into registers in the order of x, with 4 groups side by side in each,
// clobbering Z4 to Z11, FETCH asks for the memory of a quad at CX.

// func NAME(a *quadArgs)
TEXT NAME(SB), NOSPLIT, $48-8
	MOVQ a+0(FP), AX
	MOVQ quadArgs_codes(AX), CX
	MOVQ CX, codes-8(SP)
	MOVQ quadArgs_scales(AX), CX
	MOVQ CX, scales-16(SP)
	MOVQ quadArgs_biases(AX), CX
	MOVQ CX, biases-24(SP)
	MOVQ quadArgs_dst(AX), CX
	MOVQ CX, dst-32(SP)
	MOVQ quadArgs_tiles(AX), CX
	MOVQ CX, tiles-40(SP)
	MOVQ quadArgs_xStride(AX), R8
	LEAQ (R8)(R8*2), R9
	MOVQ quadArgs_stride(AX), R10
	LEAQ (R10)(R10*2), R11
	MOVQ quadArgs_factors(AX), R14
	LEAQ (R14)(R14*2), R15
	MOVQ quadArgs_ahead(AX), DI
	VPBROADCASTD low<>(SB), Z15
	VMOVDQU64    byGroup<>(SB), Z14
	MOVL  $0xaaaaaaaa, CX
	KMOVD CX, K2

tiles:
	MOVQ   a+0(FP), AX
	MOVQ   codes-8(SP), DX
	MOVQ   scales-16(SP), R12
	MOVQ   biases-24(SP), R13
	MOVQ   quadArgs_x(AX), SI
	MOVQ   quadArgs_xFactors(AX), BX
	MOVQ   quadArgs_quads(AX), AX
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3

	LEAQ (DX)(DI*1), CX
	MOVQ CX, fetch-48(SP)

	// The factors of the tiles behind.
	LEAQ (R14*4), CX

factors:
	PREFETCHT0 FACTORSAHEAD(R12)(CX*1)
	PREFETCHT0 FACTORSAHEAD(R13)(CX*1)
	SUBQ       $64, CX
	JGT        factors

loop:
	MOVQ fetch-48(SP), CX
	FETCH
	ADDQ $(4*STEP), fetch-48(SP)
	CODES((DX), Z16, Z17, Z18, Z19)
	CODES((DX)(R10*1), Z20, Z21, Z22, Z23)
	CODES((DX)(R10*2), Z24, Z25, Z26, Z27)
	CODES((DX)(R11*1), Z28, Z29, Z30, Z31)
	ADDQ $STEP, DX

	// 4 factors of 4 weights become lanes in the order of the dots.
	MOVQ a+0(FP), CX
	CMPB quadArgs_brain(CX), $0
	JEQ  wide
	VMOVDQU64 brains<>(SB), Z6
	BRAINS(R12, Z12)
	BRAINS(R13, Z13)
	ADDQ $8, R12
	ADDQ $8, R13
	JMP  products

wide:
	VMOVDQU64 wides<>(SB), Z6
	WIDES(R12, Z12)
	WIDES(R13, Z13)
	ADDQ $16, R12
	ADDQ $16, R13

products:
	PRODUCTS
	ADDQ $QUAD, SI
	ADDQ $32, BX
	DECQ AX
	JNZ  loop

	MOVQ a+0(FP), AX
	MOVQ dst-32(SP), CX
	ENDS

stored:
	ADDQ $16, dst-32(SP)
	LEAQ (R10*4), CX
	ADDQ CX, codes-8(SP)
	LEAQ (R14*4), CX
	ADDQ CX, scales-16(SP)
	ADDQ CX, biases-24(SP)
	DECQ tiles-40(SP)
	JNZ  tiles
	VZEROUPPER
	RET
