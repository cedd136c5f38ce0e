// Instructions over tiles, which Go's assembler does not know, by the numbers of
// their registers: tiles 0 to 7, and general registers as below. Memory is at base,
// index bytes from row to row. The encodings are those of the Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2: VEX with opcode map 2.
#define rCX 1
#define rDX 2
#define rBX 3
#define rSI 6
#define rDI 7
#define rR10 10
#define rR11 11

// VEXTILE begins an instruction: the registers' upper bits, inverted, and the prefix with what VVVV says.
#define VEXTILE(base, index, vvvv, pp) \
	BYTE $0xc4                                          \
	BYTE $(0x82 | (1-(index>>3))<<6 | (1-(base>>3))<<5) \
	BYTE $((15-vvvv)<<3 | pp)

// TILEMEM is the rest of one with memory. Base is not a register with number 5 or 13.
#define TILEMEM(op, t, base, index) \
	BYTE $op            \
	BYTE $(t<<3 | 4)    \
	BYTE $((index&7)<<3 | base&7)

#define LDTILECFG(base) \
	VEXTILE(base, 0, 0, 0) \
	BYTE $0x49             \
	BYTE $(base&7)

#define TILERELEASE \
	VEXTILE(0, 0, 0, 0) \
	BYTE $0x49          \
	BYTE $0xc0

#define TILEZERO(t) \
	VEXTILE(0, 0, 0, 3) \
	BYTE $0x49          \
	BYTE $(0xc0 | t<<3)

#define TILELOADD(t, base, index) \
	VEXTILE(base, index, 0, 3)    \
	TILEMEM(0x4b, t, base, index)

#define TILESTORED(base, index, t) \
	VEXTILE(base, index, 0, 2)     \
	TILEMEM(0x4b, t, base, index)

// TDPBUSD adds to c, 32-bit integers, the products of unsigned bytes a and signed bytes b.
#define TDPBUSD(c, a, b) \
	VEXTILE(0, 0, b, 1)  \
	BYTE $0x5e           \
	BYTE $(0xc0 | c<<3 | a)
