// The products of one row of rounded activations with codes, for AVX2. Before
// it is included, ONE is the name of the function, STEP is the bytes of 64
// codes, EACH the bytes of their float32 factors, CONSTANTS loads what the
// macros need, VALUES loads 64 values of x, OUT(mem, factor, acc) adds their
// products with 64 codes to acc, SIZE is the bytes of a stored scale or bias,
// STORED(mem, out) widens 8 of them, and STORED1(mem) one, into BX.

// func ONE(a *roundedArgs)
//
// One row of weights after the other, so that memory is read in one go.
TEXT ONE(SB), NOSPLIT, $64-8
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
	VXORPS     Y0, Y0, Y0
	MOVQ       roundedArgs_rowScales(AX), R14
	MOVQ       roundedArgs_sums(AX), R15
	MOVQ       roundedArgs_table(AX), R12
	MOVQ       roundedArgs_groups(AX), SI
	SUBQ       $8, SI
	JLT        fewFactors

factors:
	PREFETCHT0 FACTORSAHEAD(R10)
	PREFETCHT0 FACTORSAHEAD(R11)
	STORED((R10), Y4)
	STORED((R11), Y5)
	VMULPS      (R14), Y4, Y4
	VMOVUPS     Y4, (R12)
	VMOVUPS     (R15), Y6
	VFMADD231PS Y5, Y6, Y0
	ADDQ        $(8*SIZE), R10
	ADDQ        $(8*SIZE), R11
	ADDQ        $32, R14
	ADDQ        $32, R15
	ADDQ        $32, R12
	SUBQ        $8, SI
	JGE         factors

fewFactors:
	ADDQ    $8, SI
	JZ      products
	VXORPS  Y4, Y4, Y4
	VMOVUPS Y4, few-32(SP) // biases
	VMOVUPS Y4, sums-64(SP)
	XORQ    CX, CX

fewer:
	STORED1((R10))
	VMOVD   BX, X4
	VMULSS  (R14)(CX*4), X4, X4
	VMOVSS  X4, (R12)(CX*4)
	STORED1((R11))
	MOVL    BX, few-32(SP)(CX*4)
	MOVL    (R15)(CX*4), BX
	MOVL    BX, sums-64(SP)(CX*4)
	ADDQ    $SIZE, R10
	ADDQ    $SIZE, R11
	INCQ    CX
	CMPQ    CX, SI
	JLT     fewer
	VMOVUPS     few-32(SP), Y5
	VMOVUPS     sums-64(SP), Y6
	VFMADD231PS Y5, Y6, Y0

products:
	MOVQ roundedArgs_x(AX), SI
	MOVQ roundedArgs_blocks(AX), CX
	MOVQ roundedArgs_table(AX), R12

loop:
	PREFETCHT0 CODESAHEAD(DX)
	VALUES
	OUT((DX), (R12), Y0)
	ADDQ       $64, SI
	ADDQ       $STEP, DX
	ADDQ       $EACH, R12
	DECQ       CX
	JNZ        loop
	ADDQ       R8, DX

	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VHADDPS      X0, X0, X0
	VHADDPS      X0, X0, X0
	VMOVSS       X0, (DI)
	ADDQ         $4, DI
	DECQ         R9
	JNZ          row
	VZEROUPPER
	RET
