//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "quads_products.h"

// STRIPSAHEAD is how far ahead of the products their memory is asked for, in bytes: a few
// microseconds at the pace of the bus. A single row takes it past the caches in which
// it would not be found again.
#define STRIPSAHEAD 8192

// LINES5 asks for 5 lines from n bytes ahead on.
#define LINES5(ask, n) \
	ask (STRIPSAHEAD+n)(DX)      \
	ask (STRIPSAHEAD+n+64)(DX)   \
	ask (STRIPSAHEAD+n+128)(DX)  \
	ask (STRIPSAHEAD+n+192)(DX)  \
	ask (STRIPSAHEAD+n+256)(DX)
#define LINES4(ask, n) \
	ask (STRIPSAHEAD+n)(DX)      \
	ask (STRIPSAHEAD+n+64)(DX)   \
	ask (STRIPSAHEAD+n+128)(DX)  \
	ask (STRIPSAHEAD+n+192)(DX)

// NIBBLED brings 64 bytes of codes of 4 bits into registers.
#define NIBBLED(offset, a, b) \
	VMOVDQU64 (offset)(DX), Z4  \
	NIBBLES(Z4, a, b)

// Codes of 4 bits in groups of 32.
#define STEP 64
#define QUAD 128
#define PRODUCT(x, factors, acc) SHORT(x, factors, acc)
#define LOADED(offset, a, b, c, d) \
	NIBBLED(offset, a, b)
#define FETCHSTRIP \
	LINES5(ASK, 0)
#define NAME ·q4g32oneStrips
#define PRODUCTS SOLO
#define ENDS ENDSOLO
#define ASK PREFETCHNTA
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q4g32twoStrips
#define PRODUCTS TWO
#define ENDS ENDTWO
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q4g32fourStrips
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK

// Codes of 4 bits in groups of 64.
#undef STEP
#undef QUAD
#undef PRODUCT
#undef LOADED
#undef FETCHSTRIP
#define STEP 128
#define QUAD 256
#define PRODUCT(x, factors, acc) LONG(x, factors, acc)
#define LOADED(offset, a, b, c, d) \
	NIBBLED(offset, a, b) \
	NIBBLED(64+offset, c, d)
#define FETCHSTRIP \
	LINES5(ASK, 0) \
	LINES4(ASK, 320)
#define NAME ·q4g64oneStrips
#define PRODUCTS SOLO
#define ENDS ENDSOLO
#define ASK PREFETCHNTA
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q4g64twoStrips
#define PRODUCTS TWO
#define ENDS ENDTWO
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q4g64fourStrips
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK

// Codes of 8 bits in groups of 32.
#undef STEP
#undef QUAD
#undef PRODUCT
#undef LOADED
#undef FETCHSTRIP
#define STEP 128
#define QUAD 128
#define PRODUCT(x, factors, acc) SHORT(x, factors, acc)
#define LOADED(offset, a, b, c, d) \
	VMOVDQU64 (offset)(DX), a \
	VMOVDQU64 (64+offset)(DX), b
#define FETCHSTRIP \
	LINES5(ASK, 0) \
	LINES4(ASK, 320)
#define NAME ·q8g32oneStrips
#define PRODUCTS SOLO
#define ENDS ENDSOLO
#define ASK PREFETCHNTA
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q8g32twoStrips
#define PRODUCTS TWO
#define ENDS ENDTWO
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q8g32fourStrips
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK

// Codes of 8 bits in groups of 64.
#undef STEP
#undef QUAD
#undef PRODUCT
#undef LOADED
#undef FETCHSTRIP
#define STEP 256
#define QUAD 256
#define PRODUCT(x, factors, acc) LONG(x, factors, acc)
#define LOADED(offset, a, b, c, d) \
	VMOVDQU64 (offset)(DX), a \
	VMOVDQU64 (64+offset)(DX), b \
	VMOVDQU64 (128+offset)(DX), c \
	VMOVDQU64 (192+offset)(DX), d
#define FETCHSTRIP \
	LINES5(ASK, 0) \
	LINES4(ASK, 320) \
	LINES4(ASK, 576) \
	LINES4(ASK, 832)
#define NAME ·q8g64oneStrips
#define PRODUCTS SOLO
#define ENDS ENDSOLO
#define ASK PREFETCHNTA
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q8g64twoStrips
#define PRODUCTS TWO
#define ENDS ENDTWO
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
#define NAME ·q8g64fourStrips
#define PRODUCTS FOUR
#define ENDS ENDFOUR
#define ASK PREFETCHT0
#include "quads_strips_vnni.h"
#undef NAME
#undef PRODUCTS
#undef ENDS
#undef ASK
