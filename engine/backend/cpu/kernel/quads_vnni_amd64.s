//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "quads_products.h"

// wides: of 4 times 4 values the first ones, the second ones, and so on; brains
// does so with words for the upper halves of lanes.
DATA wides<>+0(SB)/8, $0x0000000400000000
DATA wides<>+8(SB)/8, $0x0000000c00000008
DATA wides<>+16(SB)/8, $0x0000000500000001
DATA wides<>+24(SB)/8, $0x0000000d00000009
DATA wides<>+32(SB)/8, $0x0000000600000002
DATA wides<>+40(SB)/8, $0x0000000e0000000a
DATA wides<>+48(SB)/8, $0x0000000700000003
DATA wides<>+56(SB)/8, $0x0000000f0000000b
GLOBL wides<>(SB), RODATA|NOPTR, $64

DATA brains<>+0(SB)/8, $0x0004000000000000
DATA brains<>+8(SB)/8, $0x000c000000080000
DATA brains<>+16(SB)/8, $0x0005000000010000
DATA brains<>+24(SB)/8, $0x000d000000090000
DATA brains<>+32(SB)/8, $0x0006000000020000
DATA brains<>+40(SB)/8, $0x000e0000000a0000
DATA brains<>+48(SB)/8, $0x0007000000030000
DATA brains<>+56(SB)/8, $0x000f0000000b0000
GLOBL brains<>(SB), RODATA|NOPTR, $64

// How far ahead of what is computed scales and biases are asked for, in bytes.
#define FACTORSAHEAD 1024

// BRAINS brings 4 bfloat16 factors of each of 4 weights into lanes, WIDES those
// stored as float32. Z6 says how.
#define BRAINS(at, out) \
	VMOVQ       (at), X4                   \
	VPINSRQ     $1, (at)(R14*1), X4, X4    \
	VMOVQ       (at)(R14*2), X5            \
	VPINSRQ     $1, (at)(R15*1), X5, X5    \
	VINSERTI128 $1, X5, Y4, Y4             \
	VPERMW.Z    Z4, Z6, K2, out

#define WIDES(at, out) \
	VMOVUPS       (at), X4                   \
	VINSERTF32X4  $1, (at)(R14*1), Z4, Z4    \
	VINSERTF32X4  $2, (at)(R14*2), Z4, Z4    \
	VINSERTF32X4  $3, (at)(R15*1), Z4, Z4    \
	VPERMPS       Z4, Z6, out

#define FETCH1(off) \
	PREFETCHT0 (4*off+0)(CX)        \
	PREFETCHT0 (4*off+64)(CX)        \
	PREFETCHT0 (4*off+128)(CX)        \
	PREFETCHT0 (4*off+192)(CX)

// CODESAHEAD is how far ahead of one row's products codes are asked for, in bytes: a
// few microseconds at the pace of the bus. They pass the caches in which nobody would find them
// again.
#define CODESAHEAD 8192

// Codes of 4 bits in groups of 32.
#define PRODUCT(x, factors, acc) SHORT(x, factors, acc)
#define SUMS \
	VPXORQ   Z4, Z4, Z4         \
	VPDPBUSD (SI), Z16, Z4      \
	VPDPBUSD 64(SI), Z17, Z4
#define FETCHROW \
	PREFETCHNTA (R11)       \
	ADDQ $(STEP*4/5), R11
#define QUAD 128
#define STEP 64
#define FETCH FETCH1(0)
#define CODES(mem, a, b, c, d) \
	VMOVDQU64 mem, Z4     \
	NIBBLES(Z4, a, b)
#define NAME ·q4g32oneVNNI
#include "quads_one_vnni.h"
#undef NAME
#define NAME ·q4g32twoVNNI
#define PRODUCTS TWO
#define ENDS ENDTWO
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#define NAME ·q4g32fourVNNI
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS

// Codes of 8 bits in groups of 32.
#undef STEP
#undef FETCH
#undef CODES
#define STEP 128
#define FETCH \
	FETCH1(0)  \
	FETCH1(64)
#define CODES(mem, a, b, c, d) \
	VMOVDQU64  mem, Z4             \
	VMOVDQU64  64 mem, Z5          \
	VSHUFI64X2 $0x88, Z5, Z4, a    \
	VSHUFI64X2 $0xdd, Z5, Z4, b
#undef FETCHROW
#define FETCHROW \
	PREFETCHNTA (R11)       \
	PREFETCHNTA 64(R11)     \
	ADDQ $(STEP*4/5), R11
#define NAME ·q8g32oneVNNI
#include "quads_one_vnni.h"
#undef NAME
#define NAME ·q8g32twoVNNI
#define PRODUCTS TWO
#define ENDS ENDTWO
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#define NAME ·q8g32fourVNNI
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS

// Codes of 4 bits in groups of 64.
#undef PRODUCT
#undef SUMS
#undef QUAD
#undef CODES
#define SUMS \
	VPXORQ   Z4, Z4, Z4         \
	VPDPBUSD (SI), Z16, Z4      \
	VPDPBUSD 64(SI), Z17, Z4    \
	VPDPBUSD 128(SI), Z18, Z4   \
	VPDPBUSD 192(SI), Z19, Z4
#define PRODUCT(x, factors, acc) LONG(x, factors, acc)
#define QUAD 256
#define CODES(mem, a, b, c, d) \
	VMOVDQU64  mem, Z4             \
	VMOVDQU64  64 mem, Z5          \
	VSHUFI64X2 $0x88, Z5, Z4, Z6   \
	VSHUFI64X2 $0xdd, Z5, Z4, Z7   \
	NIBBLES(Z6, a, b)              \
	NIBBLES(Z7, c, d)
#define NAME ·q4g64oneVNNI
#include "quads_one_vnni.h"
#undef NAME
#define NAME ·q4g64twoVNNI
#define PRODUCTS TWO
#define ENDS ENDTWO
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#define NAME ·q4g64fourVNNI
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS

// Codes of 8 bits in groups of 64.
#undef STEP
#undef FETCH
#undef CODES
#define STEP 256
#define FETCH \
	FETCH1(0)   \
	FETCH1(64)  \
	FETCH1(128) \
	FETCH1(192)
#define CODES(mem, a, b, c, d) \
	VMOVDQU64  mem, Z4              \
	VMOVDQU64  64 mem, Z5           \
	VMOVDQU64  128 mem, Z6          \
	VMOVDQU64  192 mem, Z7          \
	VSHUFI64X2 $0x44, Z5, Z4, Z8    \
	VSHUFI64X2 $0xee, Z5, Z4, Z9    \
	VSHUFI64X2 $0x44, Z7, Z6, Z10   \
	VSHUFI64X2 $0xee, Z7, Z6, Z11   \
	VSHUFI64X2 $0x88, Z10, Z8, a    \
	VSHUFI64X2 $0xdd, Z10, Z8, b    \
	VSHUFI64X2 $0x88, Z11, Z9, c    \
	VSHUFI64X2 $0xdd, Z11, Z9, d
#undef FETCHROW
#define FETCHROW \
	PREFETCHNTA (R11)       \
	PREFETCHNTA 64(R11)     \
	PREFETCHNTA 128(R11)    \
	PREFETCHNTA 192(R11)    \
	ADDQ $(STEP*4/5), R11
#define NAME ·q8g64oneVNNI
#include "quads_one_vnni.h"
#undef NAME
#define NAME ·q8g64twoVNNI
#define PRODUCTS TWO
#define ENDS ENDTWO
#include "quads_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#define NAME ·q8g64fourVNNI
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#include "quads_vnni.h"
