// What stored weights become: 16 of them at p, which moves on, in V(a) to V(a+3).
// Scale and bias are in all lanes of Vs and Vb; V28 to V30 are clobbered, V31
// has 15 in each byte.

// CODES16 turns 16 codes of 8 bits in V30 into values.
#define CODES16(a, s, b) \
	VUXTL  V30.B8, V28.H8;  \
	VUXTL2 V30.B16, V29.H8; \
	TWO(0x2f10a400, a, 28); TWO(0x6f10a400, (a+1), 28);     \ // UXTL, UXTL2
	TWO(0x2f10a400, (a+2), 29); TWO(0x6f10a400, (a+3), 29); \
	SCVTF(a, a); SCVTF((a+1), (a+1)); SCVTF((a+2), (a+2)); SCVTF((a+3), (a+3));                     \
	FMUL(a, a, s); FMUL((a+1), (a+1), s); FMUL((a+2), (a+2), s); FMUL((a+3), (a+3), s);             \
	FADD(a, a, b); FADD((a+1), (a+1), b); FADD((a+2), (a+2), b); FADD((a+3), (a+3), b)

#define Q4WEIGHTS(p, a, s, b) \
	FMOVD.P 8(p), F30;                   \
	VAND    V31.B8, V30.B8, V28.B8;      \
	VUSHR   $4, V30.B8, V29.B8;          \
	VZIP1   V29.B16, V28.B16, V30.B16;   \
	CODES16(a, s, b)

#define Q8WEIGHTS(p, a, s, b) \
	VLD1.P 16(p), [V30.B16]; \
	CODES16(a, s, b)

#define BF16WEIGHTS(p, a, s, b) \
	VLD1.P 32(p), [V28.H8, V29.H8]; \
	BRAIN(a, 28); BRAIN2((a+1), 28); BRAIN((a+2), 29); BRAIN2((a+3), 29)

#define F16WEIGHTS(p, a, s, b) \
	VLD1.P 32(p), [V28.H8, V29.H8]; \
	FCVTL(a, 28); FCVTL2((a+1), 28); FCVTL((a+2), 29); FCVTL2((a+3), 29)
