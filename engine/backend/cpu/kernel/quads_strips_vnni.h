// Products of rounded activations with strips, which lie in the order in which they
// are multiplied: a quad of 4 weights after the other, and behind each its factors.
// Before it is included, NAME, PRODUCTS, ENDS and QUAD are defined as for
// quads_vnni.h, STEP is the bytes of one weight's quad, LOADED(offset, a, b, c, d)
// brings those at offset(DX) into registers, clobbering Z4 and Z5, and AHEAD is the
// instruction that asks for memory.

#define STRIP (4*STEP+64)

// func NAME(a *quadArgs)
TEXT NAME(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), AX
	MOVQ quadArgs_codes(AX), DX
	MOVQ quadArgs_dst(AX), R13
	MOVQ quadArgs_tiles(AX), R12
	MOVQ quadArgs_xStride(AX), R8
	LEAQ (R8)(R8*2), R9
	VPBROADCASTD low<>(SB), Z15
	VMOVDQU64    byGroup<>(SB), Z14

tiles:
	MOVQ   quadArgs_x(AX), SI
	MOVQ   quadArgs_xFactors(AX), BX
	MOVQ   quadArgs_quads(AX), R10
	VPXORQ Z0, Z0, Z0
	VPXORQ Z1, Z1, Z1
	VPXORQ Z2, Z2, Z2
	VPXORQ Z3, Z3, Z3

loop:
	FETCHSTRIP
	LOADED(0, Z16, Z17, Z18, Z19)
	LOADED(STEP, Z20, Z21, Z22, Z23)
	LOADED(2*STEP, Z24, Z25, Z26, Z27)
	LOADED(3*STEP, Z28, Z29, Z30, Z31)
	VPMOVZXWD (4*STEP)(DX), Z12
	VPMOVZXWD (4*STEP+32)(DX), Z13
	VPSLLD    $16, Z12, Z12
	VPSLLD    $16, Z13, Z13
	PRODUCTS
	ADDQ $STRIP, DX
	ADDQ $QUAD, SI
	ADDQ $32, BX
	DECQ R10
	JNZ  loop

	MOVQ R13, CX
	ENDS

stored:
	ADDQ $16, R13
	DECQ R12
	JNZ  tiles
	VZEROUPPER
	RET

#undef STRIP
