// Shared by the NEON kernels. One accumulator of 8 lanes, two registers,
// belongs to each result; value i of the operands goes to lane i mod 8. What is
// left of the last 8 values goes to lane 0, one after the other. Lanes are added
// as ((0+4)+(1+5))+((2+6)+(3+7)) everywhere, so all kernels give the same bits.

// ZERO8 and ZERO16 clear V0 to V7 and to V15.
#define ZERO8 \
	ZERO(V0); ZERO(V1); ZERO(V2); ZERO(V3); ZERO(V4); ZERO(V5); ZERO(V6); ZERO(V7)
#define ZERO16 \
	ZERO8; ZERO(V8); ZERO(V9); ZERO(V10); ZERO(V11); ZERO(V12); ZERO(V13); ZERO(V14); ZERO(V15)

// FMA16 multiplies 8 values of each of 4 rows, V16 to V23, with 8 of each of 2
// rows of weights, V24 to V27. The accumulator of row r and weights c is V(4r+2c)
// and the one behind it.
#define FMA16 \
	FMLA(0, 16, 24); FMLA(1, 17, 25); FMLA(2, 16, 26); FMLA(3, 17, 27);     \
	FMLA(4, 18, 24); FMLA(5, 19, 25); FMLA(6, 18, 26); FMLA(7, 19, 27);     \
	FMLA(8, 20, 24); FMLA(9, 21, 25); FMLA(10, 20, 26); FMLA(11, 21, 27);   \
	FMLA(12, 22, 24); FMLA(13, 23, 25); FMLA(14, 22, 26); FMLA(15, 23, 27)

// SUM4 adds up the lanes of V0 to V7: the lanes of V0 become four sums.
#define SUM4 \
	FADD(0, 0, 1); FADD(2, 2, 3); FADD(4, 4, 5); FADD(6, 6, 7); \
	FADDP(0, 0, 2); FADDP(4, 4, 6); FADDP(0, 0, 4)

// SUM8 adds up the lanes of V0 to V15: V0 becomes the sums of rows 0 and 1, two
// rows of weights each, V8 those of rows 2 and 3.
#define SUM8 \
	SUM4;                                                           \
	FADD(8, 8, 9); FADD(10, 10, 11); FADD(12, 12, 13); FADD(14, 14, 15); \
	FADDP(8, 8, 10); FADDP(12, 12, 14); FADDP(8, 8, 12)

// ADDTILE adds the two results that there are at R0, R13, R14 and R15 to SUM8.
#define ADDTILE \
	FMOVD (R0), F16;  \
	VLD1  (R13), V16.D[1]; \
	FMOVD (R14), F17; \
	VLD1  (R15), V17.D[1]; \
	FADD(0, 0, 16);   \
	FADD(8, 8, 17)

// STORETILE stores them.
#define STORETILE \
	FMOVD F0, (R0);  \
	VST1  V0.D[1], (R13); \
	FMOVD F8, (R14); \
	VST1  V8.D[1], (R15)
