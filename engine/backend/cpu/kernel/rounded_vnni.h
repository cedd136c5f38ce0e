// The products of 1, 2 and 4 rows of rounded activations with codes, for
// AVX-512 VNNI. Before it is included, ONE, TWO and FOUR are the names of
// the functions, STEP is the bytes of 64 codes, CODES(mem, out) brings 64 codes into
// out, EACH is the bytes of the float32 factors of 64 values, ADD(mem, t, dots,
// acc) adds 16 dots times their factor to acc and may clobber t, FETCH4(at) asks
// for the memory of 256 codes, SIZE is the bytes of a stored scale or bias,
// STORED(mem, out) widens 16 of them, and CONSTANTS loads Z21 to Z23.
//
// Each of the 16 sums of an accumulator takes 4 values of every 64.

// func ONE(a *roundedArgs)
//
// One row of weights after the other, so that memory is read in one go.
TEXT ONE(SB), NOSPLIT, $0-8
	MOVQ  a+0(FP), AX
	CONSTANTS
	MOVQ  roundedArgs_codes(AX), DX
	MOVQ  roundedArgs_stride(AX), R8 // from the end of a row to the next
	MOVQ  roundedArgs_blocks(AX), CX
	IMULQ $STEP, CX
	SUBQ  CX, R8
	MOVQ  roundedArgs_outs(AX), R9
	MOVQ  roundedArgs_scales(AX), R10
	MOVQ  roundedArgs_biases(AX), R11
	MOVQ  roundedArgs_dst(AX), DI

row:
	// Factors of this row go into the table; biases make the sums' beginning.
	VPXORQ     Z0, Z0, Z0
	MOVQ       roundedArgs_rowScales(AX), R14
	MOVQ       roundedArgs_sums(AX), R15
	MOVQ       roundedArgs_table(AX), R12
	MOVQ       roundedArgs_groups(AX), SI

factors:
	PREFETCHT0 FACTORSAHEAD(R10)
	PREFETCHT0 FACTORSAHEAD(R11)
	MOVQ    $16, CX
	CMPQ    SI, CX
	CMOVQLT SI, CX
	MASK
	STORED((R10), Z16)
	STORED((R11), Z17)
	VMOVUPS.Z   (R14), K1, Z18
	VMOVUPS.Z   (R15), K1, Z19
	VMULPS      Z16, Z18, Z16
	VMOVUPS     Z16, (R12)
	VFMADD231PS Z17, Z19, Z0
	LEAQ        (R10)(CX*SIZE), R10
	LEAQ        (R11)(CX*SIZE), R11
	ADDQ        $64, R14
	ADDQ        $64, R15
	ADDQ        $64, R12
	SUBQ        $16, SI
	JGT         factors

	MOVQ roundedArgs_x(AX), SI
	MOVQ roundedArgs_blocks(AX), CX
	MOVQ roundedArgs_table(AX), R12

loop:
	PREFETCHT0 CODESAHEAD(DX)
	CODES((DX), Z16)
	DOT((SI), Z16, (R12), Z28, Z24, Z0)
	ADDQ       $64, SI
	ADDQ       $STEP, DX
	ADDQ       $EACH, R12
	DECQ       CX
	JNZ        loop
	ADDQ       R8, DX

	// The order of SUM16.
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS        Y1, Y0, Y0
	VEXTRACTF128  $1, Y0, X1
	VADDPS        X1, X0, X0
	VHADDPS       X0, X0, X0
	VHADDPS       X0, X0, X0
	VMOVSS        X0, (DI)
	ADDQ          $4, DI
	DECQ          R9
	JNZ           row
	VZEROUPPER
	RET

// func TWO(a *roundedArgs)
//
// The same for two rows of x.
TEXT TWO(SB), NOSPLIT, $0-8
	MOVQ  a+0(FP), AX
	CONSTANTS
	MOVQ  roundedArgs_codes(AX), DX
	MOVQ  roundedArgs_stride(AX), R8 // from the end of a row to the next
	MOVQ  roundedArgs_blocks(AX), CX
	IMULQ $STEP, CX
	SUBQ  CX, R8
	MOVQ  roundedArgs_outs(AX), R9
	MOVQ  roundedArgs_scales(AX), R10
	MOVQ  roundedArgs_biases(AX), R11
	MOVQ  roundedArgs_dst(AX), DI
	MOVQ  roundedArgs_rowFactors(AX), R13

row:
	// Factors of this row go into the table; biases make the sums' beginning.
	VPXORQ     Z0, Z0, Z0
	VPXORQ     Z1, Z1, Z1
	MOVQ       roundedArgs_rowScales(AX), R14
	MOVQ       roundedArgs_sums(AX), R15
	MOVQ       roundedArgs_table(AX), R12
	MOVQ       roundedArgs_groups(AX), SI

factors:
	PREFETCHT0 FACTORSAHEAD(R10)
	PREFETCHT0 FACTORSAHEAD(R11)
	MOVQ    $16, CX
	CMPQ    SI, CX
	CMOVQLT SI, CX
	MASK
	STORED((R10), Z16)
	STORED((R11), Z17)
	VMOVUPS.Z   (R14), K1, Z18
	VMULPS      Z16, Z18, Z18
	VMOVUPS     Z18, (R12)
	VMOVUPS.Z   (R14)(R13*1), K1, Z18
	VMULPS      Z16, Z18, Z18
	VMOVUPS     Z18, TWOTABLE(R12)
	VMOVUPS.Z   (R15), K1, Z19
	VFMADD231PS Z17, Z19, Z0
	VMOVUPS.Z   (R15)(R13*1), K1, Z19
	VFMADD231PS Z17, Z19, Z1
	LEAQ        (R10)(CX*SIZE), R10
	LEAQ        (R11)(CX*SIZE), R11
	ADDQ        $64, R14
	ADDQ        $64, R15
	ADDQ        $64, R12
	SUBQ        $16, SI
	JGT         factors

	MOVQ roundedArgs_x(AX), SI
	MOVQ roundedArgs_blocks(AX), CX
	MOVQ roundedArgs_table(AX), R12
	MOVQ roundedArgs_xStride(AX), R14

loop:
	PREFETCHT0 CODESAHEAD(DX)
	CODES((DX), Z16)
	DOT((SI), Z16, (R12), Z28, Z24, Z0)
	DOT((SI)(R14*1), Z16, TWOTABLE(R12), Z29, Z25, Z1)
	ADDQ       $64, SI
	ADDQ       $STEP, DX
	ADDQ       $EACH, R12
	DECQ       CX
	JNZ        loop
	ADDQ       R8, DX

	// The order of SUM16.
	VEXTRACTF64X4 $1, Z0, Y2
	VEXTRACTF64X4 $1, Z1, Y3
	VADDPS        Y2, Y0, Y0
	VADDPS        Y3, Y1, Y1
	VEXTRACTF128  $1, Y0, X2
	VEXTRACTF128  $1, Y1, X3
	VADDPS        X2, X0, X0
	VADDPS        X3, X1, X1
	VHADDPS       X1, X0, X0
	VHADDPS       X0, X0, X0
	MOVQ          roundedArgs_dstStride(AX), R14
	VMOVSS        X0, (DI)
	VEXTRACTPS    $1, X0, (DI)(R14*1)
	ADDQ          $4, DI
	DECQ          R9
	JNZ           row
	VZEROUPPER
	RET

// func FOUR(a *roundedArgs)
//
// 4 rows of x with tiles of 4 rows of weights. The factors of a tile go through
// the table, FACTORCOUNT of them at a time.
TEXT FOUR(SB), NOSPLIT, $56-8
	MOVQ a+0(FP), AX
	MOVQ roundedArgs_codes(AX), CX
	MOVQ CX, codes-8(SP)
	MOVQ roundedArgs_scales(AX), CX
	MOVQ CX, scales-16(SP)
	MOVQ roundedArgs_biases(AX), CX
	MOVQ CX, biases-24(SP)
	MOVQ roundedArgs_outs(AX), CX
	MOVQ CX, outs-32(SP)
	MOVQ $0, done-40(SP) // bytes of results of a row
	MOVQ roundedArgs_factors(AX), R12
	LEAQ (R12)(R12*2), R13

tiles:
	CONSTANTS // SUM16 clobbers them
	ZERO16
	MOVQ codes-8(SP), DX
	MOVQ roundedArgs_groups(AX), SI
	MOVQ SI, left-48(SP)
	MOVQ $0, from-56(SP) // factors done
	MOVQ roundedArgs_rowFactors(AX), R8
	LEAQ (R8)(R8*2), R9
	MOVQ biases-24(SP), R11
	MOVQ roundedArgs_sums(AX), R15

biases:
	PREFETCHT0 FACTORSAHEAD(R11)
	PREFETCHT0 FACTORSAHEAD(R11)(R12*1)
	PREFETCHT0 FACTORSAHEAD(R11)(R12*2)
	PREFETCHT0 FACTORSAHEAD(R11)(R13*1)
	MOVQ    $16, CX
	CMPQ    SI, CX
	CMOVQLT SI, CX
	MASK
	STORED((R11), Z16)
	STORED((R11)(R12*1), Z17)
	STORED((R11)(R12*2), Z18)
	STORED((R11)(R13*1), Z19)
	BIASROW((R15), Z0, Z1, Z2, Z3)
	BIASROW((R15)(R8*1), Z4, Z5, Z6, Z7)
	BIASROW((R15)(R8*2), Z8, Z9, Z10, Z11)
	BIASROW((R15)(R9*1), Z12, Z13, Z14, Z15)
	ADDQ    $(16*SIZE), R11
	ADDQ    $64, R15
	SUBQ    $16, SI
	JGT     biases

chunk:
	MOVQ    from-56(SP), BX
	MOVQ    scales-16(SP), R10
	LEAQ    (R10)(BX*SIZE), R10
	MOVQ    roundedArgs_rowScales(AX), R14
	LEAQ    (R14)(BX*4), R14
	MOVQ    roundedArgs_rowFactors(AX), R8
	LEAQ    (R8)(R8*2), R9
	MOVQ    roundedArgs_table(AX), DI
	MOVQ    left-48(SP), SI
	MOVQ    $FACTORCOUNT, BX
	CMPQ    SI, BX
	CMOVQGT BX, SI

factors:
	PREFETCHT0 FACTORSAHEAD(R10)
	PREFETCHT0 FACTORSAHEAD(R10)(R12*1)
	PREFETCHT0 FACTORSAHEAD(R10)(R12*2)
	PREFETCHT0 FACTORSAHEAD(R10)(R13*1)
	MOVQ    $16, CX
	CMPQ    SI, CX
	CMOVQLT SI, CX
	MASK
	STORED((R10), Z16)
	STORED((R10)(R12*1), Z17)
	STORED((R10)(R12*2), Z18)
	STORED((R10)(R13*1), Z19)
	FACTORROW((R14), 0)
	FACTORROW((R14)(R8*1), 1)
	FACTORROW((R14)(R8*2), 2)
	FACTORROW((R14)(R9*1), 3)
	ADDQ    $(16*SIZE), R10
	ADDQ    $64, R14
	ADDQ    $64, DI
	SUBQ    $16, SI
	JGT     factors

	// The products.
	MOVQ    roundedArgs_table(AX), DI
	MOVQ    roundedArgs_xStride(AX), R8
	LEAQ    (R8)(R8*2), R9
	MOVQ    roundedArgs_stride(AX), R10
	LEAQ    (R10)(R10*2), R11
	MOVQ    from-56(SP), SI // 4*factors bytes of EACH belong to 64 of x
	IMULQ   $(256/EACH), SI
	ADDQ    roundedArgs_x(AX), SI
	MOVQ    left-48(SP), CX
	MOVQ    $FACTORCOUNT, BX
	CMPQ    CX, BX
	CMOVQGT BX, CX
	SUBQ    CX, left-48(SP)
	ADDQ    CX, from-56(SP)

	LEAQ    CODESAHEAD(DX), R14

loop:
	FETCH4(R14)
	CODES((DX), Z16)
	CODES((DX)(R10*1), Z17)
	CODES((DX)(R10*2), Z18)
	CODES((DX)(R11*1), Z19)
	DOTROW((SI), 0, Z0, Z1, Z2, Z3)
	DOTROW((SI)(R8*1), 1, Z4, Z5, Z6, Z7)
	DOTROW((SI)(R8*2), 2, Z8, Z9, Z10, Z11)
	DOTROW((SI)(R9*1), 3, Z12, Z13, Z14, Z15)
	ADDQ       $64, SI
	ADDQ       $STEP, DX
	ADDQ       $(4*STEP), R14
	ADDQ       $EACH, DI
	SUBQ       $(EACH/4), CX
	JNZ        loop
	CMPQ       left-48(SP), $0
	JNE        chunk

	SUM16
	MOVQ    roundedArgs_dst(AX), DI
	ADDQ    done-40(SP), DI
	MOVQ    roundedArgs_dstStride(AX), R8
	LEAQ    (R8)(R8*2), R9
	MOVQ    roundedArgs_rows(AX), CX
	VMOVUPS X0, (DI)
	CMPQ    CX, $2
	JLT     stored
	VMOVUPS X1, (DI)(R8*1)
	JEQ     stored
	VMOVUPS X2, (DI)(R8*2)
	CMPQ    CX, $4
	JLT     stored
	VMOVUPS X3, (DI)(R9*1)

stored:
	ADDQ $16, done-40(SP)
	LEAQ (R10*4), BX
	ADDQ BX, codes-8(SP)
	LEAQ (R12*4), BX
	ADDQ BX, scales-16(SP)
	ADDQ BX, biases-24(SP)
	SUBQ $4, outs-32(SP)
	JNZ  tiles
	VZEROUPPER
	RET
