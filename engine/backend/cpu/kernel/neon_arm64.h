// Instructions that Go's assembler does not know, by the numbers of their
// registers: NAME(d, n, m) sets Vd from Vn and Vm, four float32 lanes each
// unless said otherwise. The encodings are those of the Arm Architecture
// Reference Manual (DDI 0487), section C7.2.

#define THREE(op, d, n, m) WORD $((op) | ((m)<<16) | ((n)<<5) | (d))
#define TWO(op, d, n) WORD $((op) | ((n)<<5) | (d))

#define FADD(d, n, m) THREE(0x4e20d400, d, n, m)
#define FSUB(d, n, m) THREE(0x4ea0d400, d, n, m)
#define FMUL(d, n, m) THREE(0x6e20dc00, d, n, m)
#define FDIV(d, n, m) THREE(0x6e20fc00, d, n, m)
#define FMLA(d, n, m) THREE(0x4e20cc00, d, n, m)
#define FMLS(d, n, m) THREE(0x4ea0cc00, d, n, m)
#define FMAX(d, n, m) THREE(0x4e20f400, d, n, m)
#define FMIN(d, n, m) THREE(0x4ea0f400, d, n, m)
// FADDP adds neighbours: n0+n1, n2+n3, m0+m1, m2+m3; ADDP does with int32.
#define FADDP(d, n, m) THREE(0x6e20d400, d, n, m)
#define ADDP(d, n, m) THREE(0x4ea0bc00, d, n, m)
// FCMGT sets all bits of the lanes in which n > m.
#define FCMGT(d, n, m) THREE(0x6ea0e400, d, n, m)
// FMULE and FMLAE multiply by lane 0 of Vm.
#define FMULE(d, n, m) THREE(0x4f809000, d, n, m)
#define FMLAE(d, n, m) THREE(0x4f801000, d, n, m)

#define FABS(d, n) TWO(0x4ea0f800, d, n)
#define FNEG(d, n) TWO(0x6ea0f800, d, n)
#define FRINTN(d, n) TWO(0x4e218800, d, n) // to the nearest, halves to even
#define FCVTNS(d, n) TWO(0x4e21a800, d, n) // likewise, into int32
#define SCVTF(d, n) TWO(0x4e21d800, d, n)  // from int32
#define SSHR1(d, n) TWO(0x4f3f0400, d, n)  // int32, one bit to the right
#define NEG(d, n) TWO(0x6ea0b800, d, n)    // int32
// FMAXV, UMAXV and ADDV put the greatest lane, or their sum, into lane 0.
#define FMAXV(d, n) TWO(0x6e30f800, d, n)
#define UMAXV(d, n) TWO(0x6eb0a800, d, n)
#define ADDV(d, n) TWO(0x4eb1b800, d, n)

// Widening: the lower half of Vn, or with 2 the upper one.
#define FCVTL(d, n) TWO(0x0e217800, d, n)   // from halves
#define FCVTL2(d, n) TWO(0x4e217800, d, n)
#define BRAIN(d, n) TWO(0x2e613800, d, n)   // from bfloat16: SHLL #16
#define BRAIN2(d, n) TWO(0x6e613800, d, n)
#define SXTLB(d, n) TWO(0x0f08a400, d, n)   // int8 to int16
#define SXTLB2(d, n) TWO(0x4f08a400, d, n)
#define SXTLH(d, n) TWO(0x0f10a400, d, n)   // int16 to int32
#define SXTLH2(d, n) TWO(0x4f10a400, d, n)

// Narrowing, into the lower half of Vd, or with 2 the upper one.
#define XTNS(d, n) TWO(0x0e612800, d, n)    // int32 to int16
#define XTNS2(d, n) TWO(0x4e612800, d, n)
#define XTNH(d, n) TWO(0x0e212800, d, n)    // int16 to int8
#define XTNH2(d, n) TWO(0x4e212800, d, n)

// Products of int8. SDOT adds those of 16 to 4 int32, four to each; SMMLA adds
// the dots of two rows of 8 with two rows of 8, and with USMMLA those of Vn are
// not signed.
#define SDOT(d, n, m) THREE(0x4e809400, d, n, m)
#define SMMLA(d, n, m) THREE(0x4e80a400, d, n, m)
#define USMMLA(d, n, m) THREE(0x4e80ac00, d, n, m)
#define SMULL(d, n, m) THREE(0x0e20c000, d, n, m)  // 8 to int16
#define SMULL2(d, n, m) THREE(0x4e20c000, d, n, m)
#define SADALP(d, n) TWO(0x4e606800, d, n)         // adds neighbours of int16

// ZERO clears a register by its name.
#define ZERO(v) VEOR v.B16, v.B16, v.B16
