//go:build arm64 && !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"
#include "lanes_neon.h"
#include "packed_neon_arm64.h"

// 4-bit codes with a scale and a bias for each group.
#define ONE ·q4oneNEON
#define FOUR ·q4fourNEON
#define FACTOR(p, v) VLD1R (p), [v]
#define WEIGHTS Q4WEIGHTS
#include "packed_neon.h"
#undef ONE
#undef FOUR
#undef WEIGHTS

// 8-bit codes.
#define ONE ·q8oneNEON
#define FOUR ·q8fourNEON
#define WEIGHTS Q8WEIGHTS
#include "packed_neon.h"
#undef ONE
#undef FOUR
#undef FACTOR
#undef WEIGHTS

// bfloat16.
#define ONE ·bf16oneNEON
#define FOUR ·bf16fourNEON
#define FACTOR(p, v)
#define WEIGHTS BF16WEIGHTS
#include "packed_neon.h"
#undef ONE
#undef FOUR
#undef WEIGHTS

// IEEE 754 halves.
#define ONE ·f16oneNEON
#define FOUR ·f16fourNEON
#define WEIGHTS F16WEIGHTS
#include "packed_neon.h"
