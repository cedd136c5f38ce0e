// What rounded_i8mm.h is made of; the registers are those that it names.

// ROWS16 takes 16 values of 4 rows of x, at bytes behind R16: V16 and V17 are
// the first and last 8 of rows 0 and 1, V18 and V19 of rows 2 and 3.
#define ROWS16(bytes) \
	ADD   $bytes, R16, R23;          \
	VLD1  (R23), [V24.B16];          \
	ADD   R17, R23;                  \
	VLD1  (R23), [V25.B16];          \
	ADD   R17, R23;                  \
	VLD1  (R23), [V26.B16];          \
	ADD   R17, R23;                  \
	VLD1  (R23), [V27.B16];          \
	VZIP1 V25.D2, V24.D2, V16.D2;    \
	VZIP2 V25.D2, V24.D2, V17.D2;    \
	VZIP1 V27.D2, V26.D2, V18.D2;    \
	VZIP2 V27.D2, V26.D2, V19.D2

// PAIRS makes of the codes of outputs 2k and 2k+1, a and b, what ROWS16 makes of
// rows.
#define PAIRS(a, b, first, last) \
	VZIP1 b.D2, a.D2, first.D2; \
	VZIP2 b.D2, a.D2, last.D2

// MATRICES multiplies V20 to V23, codes, with V16 to V19.
#define MATRICES(MUL, d) \
	MUL(d, 20, 16); MUL(d, 21, 17);             \
	MUL((d+1), 22, 16); MUL((d+1), 23, 17);     \
	MUL((d+2), 20, 18); MUL((d+2), 21, 19);     \
	MUL((d+3), 22, 18); MUL((d+3), 23, 19)

// LANES loads a float32 of each of 4 rows at p, stride apart, and moves p on.
#define LANES(p, stride, v) \
	MOVD p, R23;            \
	VLD1 (R23), v.S[0];     \
	ADD  stride, R23;       \
	VLD1 (R23), v.S[1];     \
	ADD  stride, R23;       \
	VLD1 (R23), v.S[2];     \
	ADD  stride, R23;       \
	VLD1 (R23), v.S[3];     \
	ADD  $4, p

// BRAINLANES loads a bfloat16 of each.
#define BRAINLANES(p, stride, v, number) \
	MOVD p, R23;            \
	VLD1 (R23), v.H[0];     \
	ADD  stride, R23;       \
	VLD1 (R23), v.H[1];     \
	ADD  stride, R23;       \
	VLD1 (R23), v.H[2];     \
	ADD  stride, R23;       \
	VLD1 (R23), v.H[3];     \
	ADD  $2, p;             \
	BRAIN(number, number)

// SCALED adds matrix i of dots, times the scales of outputs and rows, and the
// biases times the sums.
#define SCALED(i, scale, rowScale, bias, sum) \
	FMUL(28, scale, rowScale);  \
	SCVTF(i, i);                \
	FMLA((8+i), i, 28);         \
	FMLA((12+i), bias, sum)
