// The products of 1 and of 4 rows with packed weights, for AVX2: as in
// packed_avx512.h, a call multiplies rows of x with tiles of rows of weights,
// 4 beside 1 row of x and 2 beside 4 of them.
//
// Before this is included, ONE and FOUR are the names of the functions, STEP is
// the bytes of 8 weights, CONSTANTS may load Y14 and Y15, FACTORS(s, b, scale,
// bias) loads what belongs to a group, and WIDEN(mem, scale, bias, out) brings 8
// weights into out.

// func ONE(a *packedArgs)
TEXT ONE(SB), NOSPLIT, FRAME-8
	MOVQ a+0(FP), AX
	START(AX)
	CONSTANTS

tiles:
	STARTTILE(AX)
	MOVQ packedArgs_x(AX), SI
	MOVQ packedArgs_group(AX), BX

block:
	STARTBLOCK
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

groups:
	FACTORS((R10), (R11), Y4, Y8)
	FACTORS((R10)(R12*1), (R11)(R12*1), Y5, Y9)
	FACTORS((R10)(R12*2), (R11)(R12*2), Y6, Y10)
	FACTORS((R10)(R13*1), (R11)(R13*1), Y7, Y11)
	LEAQ (DX)(R8*4), CX
	AHEAD
	MOVQ BX, CX

loop:
	VMOVUPS     (SI), Y12
	WIDEN((DX), Y4, Y8, Y13)
	VFMADD231PS Y13, Y12, Y0
	WIDEN((DX)(R8*1), Y5, Y9, Y13)
	VFMADD231PS Y13, Y12, Y1
	WIDEN((DX)(R8*2), Y6, Y10, Y13)
	VFMADD231PS Y13, Y12, Y2
	WIDEN((DX)(R9*1), Y7, Y11, Y13)
	VFMADD231PS Y13, Y12, Y3
	ADDQ        $32, SI
	ADDQ        $STEP, DX
	SUBQ        $8, CX
	JNZ         loop
	ADDQ        $4, R10
	ADDQ        $4, R11
	DECQ        AX
	JNZ         groups

	SUM4
	MOVQ   a+0(FP), AX
	DST(0)
	CMPQ   first-56(SP), $0
	JNE    store
	VADDPS (CX), X0, X0

store:
	VMOVUPS X0, (CX)
	MOVQ    $0, first-56(SP)
	CMPQ    left-48(SP), $0
	JNE     block
	NEXTTILE(2)
	JNZ     tiles
	VZEROUPPER
	RET

// func FOUR(a *packedArgs)
TEXT FOUR(SB), NOSPLIT, FRAME-8
	MOVQ a+0(FP), AX
	START(AX)
	CONSTANTS

tiles:
	STARTTILE(AX)
	LOADROWS(AX)
	MOVQ packedArgs_group(AX), BX

block:
	STARTBLOCK
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7

groups:
	FACTORS((R10), (R11), Y8, Y10)
	FACTORS((R10)(R12*1), (R11)(R12*1), Y9, Y11)
	LEAQ       (DX)(R8*2), CX
	PREFETCHT0 (CX)
	PREFETCHT0 (CX)(R8*1)
	MOVQ       BX, CX

loop:
	WIDEN((DX), Y8, Y10, Y12)
	VFMADD231PS (SI), Y12, Y0
	VFMADD231PS (DI), Y12, Y2
	VFMADD231PS (R14), Y12, Y4
	VFMADD231PS (R15), Y12, Y6
	WIDEN((DX)(R8*1), Y9, Y11, Y13)
	VFMADD231PS (SI), Y13, Y1
	VFMADD231PS (DI), Y13, Y3
	VFMADD231PS (R14), Y13, Y5
	VFMADD231PS (R15), Y13, Y7
	ADDQ        $32, SI
	ADDQ        $32, DI
	ADDQ        $32, R14
	ADDQ        $32, R15
	ADDQ        $STEP, DX
	SUBQ        $8, CX
	JNZ         loop
	ADDQ        $4, R10
	ADDQ        $4, R11
	DECQ        AX
	JNZ         groups

	SUM8
	MOVQ    a+0(FP), AX
	CMPQ    first-56(SP), $0
	JNE     store
	DST(0)
	VMOVSD  (CX), X4
	DST(1)
	VMOVHPS (CX), X4, X4
	VADDPS  X4, X2, X2
	DST(2)
	VMOVSD  (CX), X4
	DST(3)
	VMOVHPS (CX), X4, X4
	VADDPS  X4, X3, X3

store:
	DST(0)
	VMOVLPS X2, (CX)
	DST(1)
	VMOVHPS X2, (CX)
	DST(2)
	VMOVLPS X3, (CX)
	DST(3)
	VMOVHPS X3, (CX)
	MOVQ    $0, first-56(SP)
	CMPQ    left-48(SP), $0
	JNE     block
	NEXTTILE(1)
	JNZ     tiles
	VZEROUPPER
	RET
