// What the kernels over packed weights have in common: a call multiplies 1 or
// 4 rows of x with tiles of rows of weights, one tile after the other, and
// each tile in blocks of values. The registers, with packedArgs in AX:
//
//	x of row 0 to 3          SI, DI, R14, R15; one row: SI
//	codes of weight 0 to 3   DX, DX+R8, DX+2*R8, DX+R9
//	scales, biases           R10, R11; R12 and R13 = 3*R12 from row to row
//
// How far a call has come is kept in its frame of FRAME bytes: args must not
// hold a pointer behind the end of what it points at.
#define FRAME $56

// START sets up the frame. Clobbers CX.
#define START(a) \
	MOVQ packedArgs_codes(a), CX  \
	MOVQ CX, codes-8(SP)          \
	MOVQ packedArgs_scales(a), CX \
	MOVQ CX, scales-16(SP)        \
	MOVQ packedArgs_biases(a), CX \
	MOVQ CX, biases-24(SP)        \
	MOVQ $0, done-32(SP)          \ // bytes of results of a row
	MOVQ packedArgs_tiles(a), CX  \
	MOVQ CX, tiles-40(SP)

// STARTTILE loads what belongs to the weights. Clobbers CX.
#define STARTTILE(a) \
	MOVQ packedArgs_groups(a), CX   \
	MOVQ CX, left-48(SP)            \
	MOVQ $1, first-56(SP)           \
	MOVQ codes-8(SP), DX            \
	MOVQ packedArgs_stride(a), R8   \
	LEAQ (R8)(R8*2), R9             \
	MOVQ scales-16(SP), R10         \
	MOVQ biases-24(SP), R11         \
	MOVQ packedArgs_factors(a), R12 \
	LEAQ (R12)(R12*2), R13

// AHEAD asks for the memory of 4 rows of weights, the first of which is in CX.
// The kernels do so for the tile behind the one that they are in, a group at a
// time, which keeps the bus busy. Behind the last tile it does no harm.
#define AHEAD \
	PREFETCHT0 (CX)       \
	PREFETCHT0 (CX)(R8*1) \
	PREFETCHT0 (CX)(R8*2) \
	PREFETCHT0 (CX)(R9*1)

// STARTBLOCK sets AX to the groups of the next block. Clobbers CX.
#define STARTBLOCK \
	MOVQ    a+0(FP), AX               \
	MOVQ    packedArgs_block(AX), AX  \
	MOVQ    left-48(SP), CX           \
	CMPQ    CX, AX                    \
	CMOVQLT CX, AX                    \
	SUBQ    AX, left-48(SP)

// NEXTTILE goes on by 1<<shift rows of weights. The zero flag says that there
// are none. Clobbers R8, R12.
#define NEXTTILE(shift) \
	SHLQ $shift, R8               \
	ADDQ R8, codes-8(SP)          \
	SHLQ $shift, R12              \
	ADDQ R12, scales-16(SP)       \
	ADDQ R12, biases-24(SP)       \
	ADDQ $(4<<shift), done-32(SP) \
	DECQ tiles-40(SP)

#define LOADROWS(a) \
	MOVQ packedArgs_x+0(a), SI   \
	MOVQ packedArgs_x+8(a), DI   \
	MOVQ packedArgs_x+16(a), R14 \
	MOVQ packedArgs_x+24(a), R15

// DST sets CX to where the results of a row go; args are in AX.
#define DST(row) \
	MOVQ packedArgs_dst+8*row(AX), CX \
	ADDQ done-32(SP), CX
