// Products of quads of codes with rounded activations, and what is made of them.

// low: the low 4 bits of every byte.
DATA low<>+0(SB)/4, $0x0f0f0f0f
GLOBL low<>(SB), RODATA|NOPTR, $4

// byGroup: a value of each of 4 groups for 4 lanes.
DATA byGroup<>+0(SB)/8, $0x0000000000000000
DATA byGroup<>+8(SB)/8, $0x0000000000000000
DATA byGroup<>+16(SB)/8, $0x0000000100000001
DATA byGroup<>+24(SB)/8, $0x0000000100000001
DATA byGroup<>+32(SB)/8, $0x0000000200000002
DATA byGroup<>+40(SB)/8, $0x0000000200000002
DATA byGroup<>+48(SB)/8, $0x0000000300000003
DATA byGroup<>+56(SB)/8, $0x0000000300000003
GLOBL byGroup<>(SB), RODATA|NOPTR, $64

// NIBBLES splits 64 bytes in t into their low and their high halves.
#define NIBBLES(t, a, b) \
	VPSRLW $4, t, b     \
	VPANDQ Z15, t, a    \
	VPANDQ Z15, b, b

// PAIR4 adds up the 4 lanes of each quarter of Z4 and Z5 halfway: out has sums
// of a, b, a, b. PAIR2 ends that for two of these.
#define PAIR4(out) \
	VPUNPCKLDQ Z5, Z4, out  \
	VPUNPCKHDQ Z5, Z4, Z4   \
	VPADDD     Z4, out, out

#define PAIR2(a, b, out) \
	VPUNPCKLQDQ b, a, out  \
	VPUNPCKHQDQ b, a, a    \
	VPADDD      a, out, out

// SCALED adds the dots in Z4 times their factors to acc, and the biases times
// the sums of x.
#define SCALED(factors, acc) \
	VCVTDQ2PS   Z4, Z4         \
	VMOVUPS     factors, X5    \
	VMOVUPS     16 factors, X6 \
	VPERMPS     Z5, Z14, Z5    \
	VPERMPS     Z6, Z14, Z6    \
	VMULPS      Z12, Z5, Z5    \
	VFMADD231PS Z5, Z4, acc    \
	VFMADD231PS Z13, Z6, acc

// DOT2 and DOT4 multiply one weight's codes with x in Z8 to Z11.
#define DOT2(a, b, out) \
	VPXORQ   out, out, out  \
	VPDPBUSD Z8, a, out     \
	VPDPBUSD Z9, b, out

#define DOT4(a, b, c, d, out) \
	DOT2(a, b, out)        \
	VPDPBUSD Z10, c, out   \
	VPDPBUSD Z11, d, out

// SHORT multiplies a quad with groups of 32, LONG one with groups of 64.
#define SHORT(x, factors, acc) \
	VMOVDQU64 x, Z8             \
	VMOVDQU64 64 x, Z9          \
	DOT2(Z16, Z17, Z4)          \
	DOT2(Z20, Z21, Z5)          \
	PAIR4(Z6)                   \
	DOT2(Z24, Z25, Z4)          \
	DOT2(Z28, Z29, Z5)          \
	PAIR4(Z7)                   \
	PAIR2(Z6, Z7, Z4)           \
	SCALED(factors, acc)

#define LONG(x, factors, acc) \
	VMOVDQU64 x, Z8                 \
	VMOVDQU64 64 x, Z9              \
	VMOVDQU64 128 x, Z10            \
	VMOVDQU64 192 x, Z11            \
	DOT4(Z16, Z17, Z18, Z19, Z4)    \
	DOT4(Z20, Z21, Z22, Z23, Z5)    \
	PAIR4(Z6)                       \
	DOT4(Z24, Z25, Z26, Z27, Z4)    \
	DOT4(Z28, Z29, Z30, Z31, Z5)    \
	PAIR4(Z7)                       \
	PAIR2(Z6, Z7, Z4)               \
	SCALED(factors, acc)

// SOLO, TWO and FOUR do so for rows of x.
#define SOLO PRODUCT((SI), (BX), Z0)
#define TWO \
	PRODUCT((SI), (BX), Z0)               \
	PRODUCT((SI)(R8*1), (BX)(R8*1), Z1)
#define FOUR \
	PRODUCT((SI), (BX), Z0)               \
	PRODUCT((SI)(R8*1), (BX)(R8*1), Z1)   \
	PRODUCT((SI)(R8*2), (BX)(R8*2), Z2)   \
	PRODUCT((SI)(R9*1), (BX)(R9*1), Z3)

// END adds up the groups and stores 4 results of a row.
#define END(z, y, x) \
	VEXTRACTF64X4 $1, z, Y4    \
	VADDPS        Y4, y, y     \
	VEXTRACTF128  $1, y, X4    \
	VADDPS        X4, x, x     \
	VMOVUPS       x, (CX)
#define ENDSOLO END(Z0, Y0, X0)
#define ENDTWO \
	END(Z0, Y0, X0)              \
	ADDQ quadArgs_dstStride(AX), CX  \
	END(Z1, Y1, X1)
#define ENDFOUR \
	ENDTWO                       \
	ADDQ quadArgs_dstStride(AX), CX  \
	END(Z2, Y2, X2)              \
	CMPQ quadArgs_rows(AX), $4   \
	JLT  stored                  \
	ADDQ quadArgs_dstStride(AX), CX  \
	END(Z3, Y3, X3)
