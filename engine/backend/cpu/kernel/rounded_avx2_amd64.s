//go:build amd64 && !purego

#include "go_asm.h"
#include "textflag.h"

// How far ahead of what is computed memory is asked for, in bytes.
#define CODESAHEAD 8192
#define FACTORSAHEAD 1024

// low: the low 4 bits of every byte.
DATA low<>+0(SB)/4, $0x0f0f0f0f
GLOBL low<>(SB), RODATA|NOPTR, $4

// units: words of 1.
DATA units<>+0(SB)/4, $0x00010001
GLOBL units<>(SB), RODATA|NOPTR, $4

// byHalf: of two factors, the one that belongs to each lane.
DATA byHalf<>+0(SB)/8, $0x0000000000000000
DATA byHalf<>+8(SB)/8, $0x0000000000000000
DATA byHalf<>+16(SB)/8, $0x0000000100000001
DATA byHalf<>+24(SB)/8, $0x0000000100000001
GLOBL byHalf<>(SB), RODATA|NOPTR, $32

// DOTS4 multiplies 64 codes of 4 bits with the values in Y4 and Y5. Words hold up
// to 4 products of at most 15*127.
#define DOTS4(mem) \
	VMOVDQU    mem, Y6     \
	VPSRLW     $4, Y6, Y7  \
	VPAND      Y15, Y6, Y6 \
	VPAND      Y15, Y7, Y7 \
	VPMADDUBSW Y4, Y6, Y6  \
	VPMADDUBSW Y5, Y7, Y7  \
	VPADDW     Y7, Y6, Y6  \
	VPMADDWD   Y14, Y6, Y6 \
	VCVTDQ2PS  Y6, Y6

// DOTS8 multiplies 64 codes of 8 bits, widened to words, with those in Y4 to
// Y7: into Y8 the first 32, into Y9 the others.
#define DOTS8(mem) \
	VPMOVZXBW mem, Y8      \
	VPMOVZXBW 16 mem, Y9   \
	VPMADDWD  Y4, Y8, Y8   \
	VPMADDWD  Y5, Y9, Y9   \
	VPADDD    Y9, Y8, Y8   \
	VPMOVZXBW 32 mem, Y9   \
	VPMOVZXBW 48 mem, Y10  \
	VPMADDWD  Y6, Y9, Y9   \
	VPMADDWD  Y7, Y10, Y10 \
	VPADDD    Y10, Y9, Y9

// Codes of 4 bits.
#define STEP 32
#define CONSTANTS \
	VPBROADCASTD low<>(SB), Y15    \
	VPBROADCASTD units<>(SB), Y14  \
	VMOVDQU      byHalf<>(SB), Y13
#define VALUES \
	VMOVDQU (SI), Y4   \
	VMOVDQU 32(SI), Y5
#define EACH 4
#define OUT(mem, factor, acc) \
	DOTS4(mem)                 \
	VBROADCASTSS factor, Y7    \
	VFMADD231PS  Y7, Y6, acc
#define SIZE 4
#define STORED(mem, out) VMOVUPS mem, out
#define STORED1(mem) MOVL mem, BX
#define ONE ·q4g64F32oneAVX2
#include "rounded_avx2.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD mem, out      \
	VPSLLD    $16, out, out
#undef STORED1
#define STORED1(mem) \
	MOVWLZX mem, BX \
	SHLL    $16, BX
#undef ONE
#define ONE ·q4g64BF16oneAVX2
#include "rounded_avx2.h"

#undef EACH
#define EACH 8
#undef OUT
#define OUT(mem, factor, acc) \
	DOTS4(mem)                 \
	VBROADCASTSD factor, Y7    \
	VPERMPS      Y7, Y13, Y7   \
	VFMADD231PS  Y7, Y6, acc
#undef SIZE
#define SIZE 4
#undef STORED
#define STORED(mem, out) VMOVUPS mem, out
#undef STORED1
#define STORED1(mem) MOVL mem, BX
#undef ONE
#define ONE ·q4g32F32oneAVX2
#include "rounded_avx2.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD mem, out      \
	VPSLLD    $16, out, out
#undef STORED1
#define STORED1(mem) \
	MOVWLZX mem, BX \
	SHLL    $16, BX
#undef ONE
#define ONE ·q4g32BF16oneAVX2
#include "rounded_avx2.h"

// Codes of 8 bits.
#undef STEP
#define STEP 64
#undef CONSTANTS
#define CONSTANTS
#undef VALUES
#define VALUES \
	VPMOVSXBW (SI), Y4   \
	VPMOVSXBW 16(SI), Y5 \
	VPMOVSXBW 32(SI), Y6 \
	VPMOVSXBW 48(SI), Y7
#undef EACH
#define EACH 4
#undef OUT
#define OUT(mem, factor, acc) \
	DOTS8(mem)                \
	VPADDD       Y9, Y8, Y8   \
	VCVTDQ2PS    Y8, Y8       \
	VBROADCASTSS factor, Y10  \
	VFMADD231PS  Y10, Y8, acc
#undef SIZE
#define SIZE 4
#undef STORED
#define STORED(mem, out) VMOVUPS mem, out
#undef STORED1
#define STORED1(mem) MOVL mem, BX
#undef ONE
#define ONE ·q8g64F32oneAVX2
#include "rounded_avx2.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD mem, out      \
	VPSLLD    $16, out, out
#undef STORED1
#define STORED1(mem) \
	MOVWLZX mem, BX \
	SHLL    $16, BX
#undef ONE
#define ONE ·q8g64BF16oneAVX2
#include "rounded_avx2.h"

#undef EACH
#define EACH 8
#undef OUT
#define OUT(mem, factor, acc) \
	DOTS8(mem)                 \
	VCVTDQ2PS    Y8, Y8        \
	VCVTDQ2PS    Y9, Y9        \
	VBROADCASTSS factor, Y10   \
	VBROADCASTSS 4 factor, Y11 \
	VFMADD231PS  Y10, Y8, acc  \
	VFMADD231PS  Y11, Y9, acc
#undef SIZE
#define SIZE 4
#undef STORED
#define STORED(mem, out) VMOVUPS mem, out
#undef STORED1
#define STORED1(mem) MOVL mem, BX
#undef ONE
#define ONE ·q8g32F32oneAVX2
#include "rounded_avx2.h"

#undef SIZE
#define SIZE 2
#undef STORED
#define STORED(mem, out) \
	VPMOVZXWD mem, out      \
	VPSLLD    $16, out, out
#undef STORED1
#define STORED1(mem) \
	MOVWLZX mem, BX \
	SHLL    $16, BX
#undef ONE
#define ONE ·q8g32BF16oneAVX2
#include "rounded_avx2.h"
