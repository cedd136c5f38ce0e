// Shared by the AVX-512 kernels.

// TAILMASK sets K1 to the n%16 lanes left; n is in CX. Clobbers AX.
#define TAILMASK \
	MOVL  $1, AX  \
	SHLL  CX, AX  \
	DECL  AX      \
	KMOVW AX, K1

// ZERO4 and ZERO16 clear accumulators.
#define ZERO4(a, b, c, d) \
	VPXORQ a, a, a \
	VPXORQ b, b, b \
	VPXORQ c, c, c \
	VPXORQ d, d, d

#define ZERO16 \
	ZERO4(Z0, Z1, Z2, Z3)   \
	ZERO4(Z4, Z5, Z6, Z7)   \
	ZERO4(Z8, Z9, Z10, Z11) \
	ZERO4(Z12, Z13, Z14, Z15)

// FOLD4 adds up the quarters of four accumulators: quarter q of out becomes
// (q0+q2)+(q1+q3) of accumulator q. Clobbers a, b, c, d, t.
#define FOLD4(a, b, c, d, t, out) \
	VSHUFF64X2 $0x44, b, a, t   \
	VSHUFF64X2 $0xee, b, a, a   \
	VADDPS     a, t, a          \
	VSHUFF64X2 $0x44, d, c, t   \
	VSHUFF64X2 $0xee, d, c, c   \
	VADDPS     c, t, c          \
	VSHUFF64X2 $0x88, c, a, t   \
	VSHUFF64X2 $0xdd, c, a, a   \
	VADDPS     a, t, out

// PAIRS adds neighbouring lanes: each quarter of out becomes
// a0+a1, a2+a3, b0+b1, b2+b3. Clobbers t.
#define PAIRS(a, b, t, out) \
	VSHUFPS $0x88, b, a, t   \
	VSHUFPS $0xdd, b, a, out \
	VADDPS  out, t, out

// SUM4 adds up the lanes of each of four accumulators into the first four
// lanes of a. Clobbers b, c, d, t, AX, K1.
#define SUM4(a, b, c, d, t) \
	FOLD4(a, b, c, d, t, a)   \
	PAIRS(a, a, t, a)         \
	PAIRS(a, a, t, a)         \
	MOVL        $0x1111, AX   \ // the first lane of each quarter
	KMOVW       AX, K1        \
	VCOMPRESSPS a, K1, a

// SUM16 does so for Z0 to Z15: X(r) becomes the sums of Z(4r) to Z(4r+3), r
// below 4. Clobbers Z4 to Z15, Z20 to Z23.
#define SUM16 \
	FOLD4(Z0, Z4, Z8, Z12, Z20, Z0)  \
	FOLD4(Z1, Z5, Z9, Z13, Z21, Z1)  \
	FOLD4(Z2, Z6, Z10, Z14, Z22, Z2) \
	FOLD4(Z3, Z7, Z11, Z15, Z23, Z3) \
	PAIRS(Z0, Z1, Z4, Z0)            \
	PAIRS(Z2, Z3, Z5, Z2)            \
	PAIRS(Z0, Z2, Z4, Z0)            \
	VEXTRACTF32X4 $1, Z0, X1         \
	VEXTRACTF32X4 $2, Z0, X2         \
	VEXTRACTF32X4 $3, Z0, X3

// ROW multiplies the vector of x in Z20 with those of w in Z16 to Z19.
#define ROW(a, b, c, d) \
	VFMADD231PS Z16, Z20, a \
	VFMADD231PS Z17, Z20, b \
	VFMADD231PS Z18, Z20, c \
	VFMADD231PS Z19, Z20, d
