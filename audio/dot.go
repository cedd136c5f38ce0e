package audio

// Dot returns the sum of x[i]*w[i] over the length of x; w is at least as
// long. Eight running sums hide the latency of an addition and keep the
// rounding error near that of one eighth of the length. The order of additions
// depends on the length alone.
func Dot(x, w []float32) float32 {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	w = w[:len(x)]
	for len(x) >= 8 && len(w) >= 8 {
		s0 += x[0] * w[0]
		s1 += x[1] * w[1]
		s2 += x[2] * w[2]
		s3 += x[3] * w[3]
		s4 += x[4] * w[4]
		s5 += x[5] * w[5]
		s6 += x[6] * w[6]
		s7 += x[7] * w[7]
		x, w = x[8:], w[8:]
	}
	for i, v := range x {
		s0 += v * w[i]
	}
	return ((s0 + s4) + (s1 + s5)) + ((s2 + s6) + (s3 + s7))
}
