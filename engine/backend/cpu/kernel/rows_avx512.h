// LOADX loads 16 values of 4 rows of x.
#define LOADX(a, b, c, d) \
	VMOVUPS (SI), a  \
	VMOVUPS (DI), b  \
	VMOVUPS (R14), c \
	VMOVUPS (R15), d

#define NEXTX \
	ADDQ $64, SI  \
	ADDQ $64, DI  \
	ADDQ $64, R14 \
	ADDQ $64, R15

// ADDROWS adds what dst holds to the sums in X0 to X3.
#define ADDROWS \
	DST(0)               \
	VADDPS (CX), X0, X0  \
	DST(1)               \
	VADDPS (CX), X1, X1  \
	DST(2)               \
	VADDPS (CX), X2, X2  \
	DST(3)               \
	VADDPS (CX), X3, X3

#define STOREROWS \
	DST(0)             \
	VMOVUPS X0, (CX)   \
	DST(1)             \
	VMOVUPS X1, (CX)   \
	DST(2)             \
	VMOVUPS X2, (CX)   \
	DST(3)             \
	VMOVUPS X3, (CX)
