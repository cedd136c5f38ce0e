// The products of 1 and of 4 rows with weights of 8 or 16 bits, for AVX-512.
// Before it is included, ONE and FOUR are the names of the functions, STEP is
// the bytes of 16 weights, FACTORS(s, b, scale, bias) loads what belongs to a
// group, and WIDEN(mem, scale, bias, out) brings 16 weights into out. A tile has
// 4 rows of weights.

#ifdef ONE
// func ONE(a *packedArgs)
TEXT ONE(SB), NOSPLIT, FRAME-8
	MOVQ a+0(FP), AX
	START(AX)

tiles:
	STARTTILE(AX)
	MOVQ packedArgs_x(AX), SI
	MOVQ packedArgs_group(AX), BX

block:
	STARTBLOCK
	ZERO4(Z0, Z1, Z2, Z3)

groups:
	FACTORS((R10), (R11), Z8, Z12)
	FACTORS((R10)(R12*1), (R11)(R12*1), Z9, Z13)
	FACTORS((R10)(R12*2), (R11)(R12*2), Z10, Z14)
	FACTORS((R10)(R13*1), (R11)(R13*1), Z11, Z15)
	LEAQ (DX)(R8*4), CX
	AHEAD
	MOVQ BX, CX

loop:
	VMOVUPS (SI), Z20
	WIDEN((DX), Z8, Z12, Z16)
	WIDEN((DX)(R8*1), Z9, Z13, Z17)
	WIDEN((DX)(R8*2), Z10, Z14, Z18)
	WIDEN((DX)(R9*1), Z11, Z15, Z19)
	ROW(Z0, Z1, Z2, Z3)
	ADDQ    $64, SI
	ADDQ    $STEP, DX
	SUBQ    $16, CX
	JNZ     loop
	ADDQ    $4, R10
	ADDQ    $4, R11
	DECQ    AX
	JNZ     groups

	SUM4(Z0, Z1, Z2, Z3, Z20)
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

#endif

// func FOUR(a *packedArgs)
TEXT FOUR(SB), NOSPLIT, FRAME-8
	MOVQ a+0(FP), AX
	START(AX)

tiles:
	STARTTILE(AX)
	LOADROWS(AX)
	MOVQ packedArgs_group(AX), BX

block:
	STARTBLOCK
	ZERO16

groups:
	FACTORS((R10), (R11), Z21, Z25)
	FACTORS((R10)(R12*1), (R11)(R12*1), Z22, Z26)
	FACTORS((R10)(R12*2), (R11)(R12*2), Z23, Z27)
	FACTORS((R10)(R13*1), (R11)(R13*1), Z24, Z28)
	LEAQ (DX)(R8*4), CX
	AHEAD
	MOVQ BX, CX

loop:
	WIDEN((DX), Z21, Z25, Z16)
	WIDEN((DX)(R8*1), Z22, Z26, Z17)
	WIDEN((DX)(R8*2), Z23, Z27, Z18)
	WIDEN((DX)(R9*1), Z24, Z28, Z19)
	VMOVUPS (SI), Z20
	ROW(Z0, Z1, Z2, Z3)
	VMOVUPS (DI), Z20
	ROW(Z4, Z5, Z6, Z7)
	VMOVUPS (R14), Z20
	ROW(Z8, Z9, Z10, Z11)
	VMOVUPS (R15), Z20
	ROW(Z12, Z13, Z14, Z15)
	NEXTX
	ADDQ    $STEP, DX
	SUBQ    $16, CX
	JNZ     loop
	ADDQ    $4, R10
	ADDQ    $4, R11
	DECQ    AX
	JNZ     groups

	SUM16
	MOVQ a+0(FP), AX
	CMPQ first-56(SP), $0
	JNE  store
	ADDROWS

store:
	STOREROWS
	MOVQ $0, first-56(SP)
	CMPQ left-48(SP), $0
	JNE  block
	NEXTTILE(2)
	JNZ  tiles
	VZEROUPPER
	RET
