//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "lanes_avx512.h"

// The table of factors: 16 rows of so many, and the bytes from row to row,
// which keep the rows out of each other's way in the cache.
#define FACTORCOUNT 256
#define FACTORBYTES 1088

// halves: the upper half of 64 bytes goes right by 4 bits.
DATA halves<>+0(SB)/8, $0
DATA halves<>+8(SB)/8, $0
DATA halves<>+16(SB)/8, $0
DATA halves<>+24(SB)/8, $0
DATA halves<>+32(SB)/8, $4
DATA halves<>+40(SB)/8, $4
DATA halves<>+48(SB)/8, $4
DATA halves<>+56(SB)/8, $4
GLOBL halves<>(SB), RODATA|NOPTR, $64

// low: the low 4 bits of every byte.
DATA low<>+0(SB)/4, $0x0f0f0f0f
GLOBL low<>(SB), RODATA|NOPTR, $4

// Of two factors, the first belongs to these lanes: with codes of 4 bits the
// even codes of both groups come first, then the odd ones.
DATA byQuarter<>+0(SB)/8, $0x0000000000000000
DATA byQuarter<>+8(SB)/8, $0x0000000000000000
DATA byQuarter<>+16(SB)/8, $0x0000000100000001
DATA byQuarter<>+24(SB)/8, $0x0000000100000001
DATA byQuarter<>+32(SB)/8, $0x0000000000000000
DATA byQuarter<>+40(SB)/8, $0x0000000000000000
DATA byQuarter<>+48(SB)/8, $0x0000000100000001
DATA byQuarter<>+56(SB)/8, $0x0000000100000001
GLOBL byQuarter<>(SB), RODATA|NOPTR, $64

DATA byHalf<>+0(SB)/8, $0x0000000000000000
DATA byHalf<>+8(SB)/8, $0x0000000000000000
DATA byHalf<>+16(SB)/8, $0x0000000000000000
DATA byHalf<>+24(SB)/8, $0x0000000000000000
DATA byHalf<>+32(SB)/8, $0x0000000100000001
DATA byHalf<>+40(SB)/8, $0x0000000100000001
DATA byHalf<>+48(SB)/8, $0x0000000100000001
DATA byHalf<>+56(SB)/8, $0x0000000100000001
GLOBL byHalf<>(SB), RODATA|NOPTR, $64

// How far ahead of what is computed memory is asked for, in bytes: of codes a
// few microseconds at the pace of the bus.
#define CODESAHEAD 8192
#define TWOTABLE 8704 // from the factors of one row of x to those of the other
#define FACTORSAHEAD 1024

// MASK sets K1 to the first CX lanes, CX at most 16. Clobbers BX.
#define MASK \
	MOVL  $1, BX  \
	SHLL  CX, BX  \
	DECL  BX      \
	KMOVW BX, K1

// DOT multiplies 64 codes with the values in x and adds up.
#define DOT(x, codes, factor, t, dots, acc) \
	VPXORQ    dots, dots, dots   \
	VPDPBUSD  x, codes, dots     \
	VCVTDQ2PS dots, dots         \
	ADD(factor, t, dots, acc)

// FACTORROW multiplies the scales of 4 weights in Z16 to Z19 with those of a row
// of x, into rows 4r to 4r+3 of the table.
#define FACTORROW(mem, r) \
	VMOVUPS.Z mem, K1, Z20                    \
	VMULPS  Z16, Z20, Z24                     \
	VMOVUPS Z24, ((4*r+0)*FACTORBYTES)(DI)    \
	VMULPS  Z17, Z20, Z25                     \
	VMOVUPS Z25, ((4*r+1)*FACTORBYTES)(DI)    \
	VMULPS  Z18, Z20, Z26                     \
	VMOVUPS Z26, ((4*r+2)*FACTORBYTES)(DI)    \
	VMULPS  Z19, Z20, Z27                     \
	VMOVUPS Z27, ((4*r+3)*FACTORBYTES)(DI)

// BIASROW adds the products of biases in Z16 to Z19 with the sums of a row.
#define BIASROW(mem, a, b, c, d) \
	VMOVUPS.Z mem, K1, Z20 \
	ROW(a, b, c, d)

// DOTROW multiplies the codes in Z16 to Z19 with a row of x.
#define DOTROW(x, r, a, b, c, d) \
	VMOVDQU64 x, Z20                                             \
	DOT(Z20, Z16, ((4*r+0)*FACTORBYTES)(DI), Z28, Z24, a)        \
	DOT(Z20, Z17, ((4*r+1)*FACTORBYTES)(DI), Z29, Z25, b)        \
	DOT(Z20, Z18, ((4*r+2)*FACTORBYTES)(DI), Z30, Z26, c)        \
	DOT(Z20, Z19, ((4*r+3)*FACTORBYTES)(DI), Z31, Z27, d)

// Codes of 4 bits: the even ones of 64 and behind them the odd ones.
#define STEP 32
#define FETCH4(at) \
	PREFETCHT0 (at)   \
	PREFETCHT0 64(at)
#define CODES(mem, out) \
	VBROADCASTI64X4 mem, out      \
	VPSRLVQ         Z21, out, out \
	VPANDQ          Z22, out, out
#define CONSTANTS \
	VMOVDQU64    halves<>(SB), Z21 \
	VPBROADCASTD low<>(SB), Z22    \
	VMOVDQU64    byQuarter<>(SB), Z23
// A factor for 64.
#define EACH 4
#define ADD(mem, t, dots, acc) VFMADD231PS.BCST mem, dots, acc
#define SIZE 4
#define STORED(mem, out) VMOVUPS.Z mem, K1, out
#define ONE ·q4g64F32oneVNNI
#define TWO ·q4g64F32twoVNNI
#define FOUR ·q4g64F32fourVNNI
#include "rounded_vnni.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD.Z mem, K1, out  \
	VPSLLD      $16, out, out
#undef ONE
#undef TWO
#define ONE ·q4g64BF16oneVNNI
#define TWO ·q4g64BF16twoVNNI
#undef FOUR
#define FOUR ·q4g64BF16fourVNNI
#include "rounded_vnni.h"

// Two factors for 64.
#undef EACH
#define EACH 8
#undef ADD
#define ADD(mem, t, dots, acc) \
	VBROADCASTSD mem, t         \
	VPERMPS      t, Z23, t      \
	VFMADD231PS  t, dots, acc
#undef SIZE
#define SIZE 4
#undef STORED
#define STORED(mem, out) VMOVUPS.Z mem, K1, out
#undef ONE
#undef TWO
#define ONE ·q4g32F32oneVNNI
#define TWO ·q4g32F32twoVNNI
#undef FOUR
#define FOUR ·q4g32F32fourVNNI
#include "rounded_vnni.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD.Z mem, K1, out  \
	VPSLLD      $16, out, out
#undef ONE
#undef TWO
#define ONE ·q4g32BF16oneVNNI
#define TWO ·q4g32BF16twoVNNI
#undef FOUR
#define FOUR ·q4g32BF16fourVNNI
#include "rounded_vnni.h"

// Codes of 8 bits.
#undef STEP
#define STEP 64
#undef FETCH4
#define FETCH4(at) \
	PREFETCHT0 (at)    \
	PREFETCHT0 64(at)  \
	PREFETCHT0 128(at) \
	PREFETCHT0 192(at)
#undef CODES
#define CODES(mem, out) VMOVDQU64 mem, out
#undef CONSTANTS
#define CONSTANTS VMOVDQU64 byHalf<>(SB), Z23
// A factor for 64.
#undef EACH
#define EACH 4
#undef ADD
#define ADD(mem, t, dots, acc) VFMADD231PS.BCST mem, dots, acc
#undef SIZE
#define SIZE 4
#undef STORED
#define STORED(mem, out) VMOVUPS.Z mem, K1, out
#undef ONE
#undef TWO
#define ONE ·q8g64F32oneVNNI
#define TWO ·q8g64F32twoVNNI
#undef FOUR
#define FOUR ·q8g64F32fourVNNI
#include "rounded_vnni.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD.Z mem, K1, out  \
	VPSLLD      $16, out, out
#undef ONE
#undef TWO
#define ONE ·q8g64BF16oneVNNI
#define TWO ·q8g64BF16twoVNNI
#undef FOUR
#define FOUR ·q8g64BF16fourVNNI
#include "rounded_vnni.h"

// Two factors for 64.
#undef EACH
#define EACH 8
#undef ADD
#define ADD(mem, t, dots, acc) \
	VBROADCASTSD mem, t         \
	VPERMPS      t, Z23, t      \
	VFMADD231PS  t, dots, acc
#undef SIZE
#define SIZE 4
#undef STORED
#define STORED(mem, out) VMOVUPS.Z mem, K1, out
#undef ONE
#undef TWO
#define ONE ·q8g32F32oneVNNI
#define TWO ·q8g32F32twoVNNI
#undef FOUR
#define FOUR ·q8g32F32fourVNNI
#include "rounded_vnni.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD.Z mem, K1, out  \
	VPSLLD      $16, out, out
#undef ONE
#undef TWO
#define ONE ·q8g32BF16oneVNNI
#define TWO ·q8g32BF16twoVNNI
#undef FOUR
#define FOUR ·q8g32BF16fourVNNI
#include "rounded_vnni.h"
