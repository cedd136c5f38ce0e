//go:build amd64 && !purego

#include "textflag.h"

// LAST sets K1 to the CX lanes left, CX below 16. Clobbers AX.
#define LAST \
	MOVL  $1, AX  \
	SHLL  CX, AX  \
	DECL  AX      \
	KMOVW AX, K1

// func addAVX512(dst, a, b *float32, n int)
TEXT ·addAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	SUBQ $16, CX
	JLT  tail

loop:
	VMOVUPS (SI), Z0
	VADDPS  (DX), Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JZ        done
	LAST
	VMOVUPS.Z (SI), K1, Z0
	VMOVUPS.Z (DX), K1, Z1
	VADDPS    Z1, Z0, Z0
	VMOVUPS   Z0, K1, (DI)

done:
	VZEROUPPER
	RET

// func mulAVX512(dst, a, b *float32, n int)
TEXT ·mulAVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ n+24(FP), CX
	SUBQ $16, CX
	JLT  tail

loop:
	VMOVUPS (SI), Z0
	VMULPS  (DX), Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JZ        done
	LAST
	VMOVUPS.Z (SI), K1, Z0
	VMOVUPS.Z (DX), K1, Z1
	VMULPS    Z1, Z0, Z0
	VMOVUPS   Z0, K1, (DI)

done:
	VZEROUPPER
	RET

// func scaleMulAVX512(dst, x, w *float32, n int, factor float32)
//
// w may be nil.
TEXT ·scaleMulAVX512(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         w+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS factor+32(FP), Z2
	SUBQ         $16, CX
	JLT          tail

loop:
	VMULPS  (SI), Z2, Z0
	TESTQ   DX, DX
	JZ      store
	VMULPS  (DX), Z0, Z0
	ADDQ    $64, DX

store:
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JZ        done
	LAST
	VMOVUPS.Z (SI), K1, Z0
	VMULPS    Z2, Z0, Z0
	TESTQ     DX, DX
	JZ        last
	VMOVUPS.Z (DX), K1, Z1
	VMULPS    Z1, Z0, Z0

last:
	VMOVUPS Z0, K1, (DI)

done:
	VZEROUPPER
	RET

// func clampAVX512(dst, x *float32, n int, low, high float32)
//
// A NaN is the operand that wins.
TEXT ·clampAVX512(SB), NOSPLIT, $0-32
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS low+24(FP), Z2
	VBROADCASTSS high+28(FP), Z3
	SUBQ         $16, CX
	JLT          tail

loop:
	VMAXPS  (SI), Z2, Z0
	VMINPS  Z0, Z3, Z0
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGE     loop

tail:
	ADDQ      $16, CX
	JZ        done
	LAST
	VMOVUPS.Z (SI), K1, Z0
	VMAXPS    Z0, Z2, Z0
	VMINPS    Z0, Z3, Z0
	VMOVUPS   Z0, K1, (DI)

done:
	VZEROUPPER
	RET
