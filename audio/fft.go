package audio

import "math"

// FFT computes magnitude spectra of real frames of one length, in float64. It
// owns its scratch memory: one FFT serves one stream and is not safe for
// concurrent use.
type FFT struct {
	size int // real points, a power of two

	// Twiddles of the complex transform of size/2 points, one run of three
	// (w, w*w, w*w*w) a butterfly, stage after stage.
	twiddle []complex128
	turn    []complex128 // [size/4+1], exp(-2*pi*i*k/size)

	a, b []complex128 // [size/2], the two halves of the ping-pong
}

// NewFFT returns a transform of 2 to the power order real points, order at
// least 1.
func NewFFT(order int) *FFT {
	size := 1 << order
	half := size / 2
	f := &FFT{
		size: size,
		turn: make([]complex128, size/4+1),
		a:    make([]complex128, half),
		b:    make([]complex128, half),
	}
	for k := range f.turn {
		f.turn[k] = unit(k, size)
	}
	for n := half; n >= 4; n /= 4 {
		for p := range n / 4 {
			f.twiddle = append(f.twiddle, unit(p, n), unit(2*p, n), unit(3*p, n))
		}
	}
	return f
}

// unit returns exp(-2*pi*i*k/n).
func unit(k, n int) complex128 {
	sin, cos := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
	return complex(cos, sin)
}

// Magnitudes writes |X[k]|, k = 0 to size/2, of the frame x to dst, without
// scaling. x holds at most size samples and counts as zero after its end; dst
// holds size/2+1 values. It does not allocate. The error is of the order of
// 1e-15 of the largest value.
func (f *FFT) Magnitudes(dst, x []float64) {
	half := f.size / 2
	n := len(x) / 2
	for i := range n {
		f.a[i] = complex(x[2*i], x[2*i+1])
	}
	clear(f.a[n:])
	if len(x)%2 == 1 {
		f.a[n] = complex(x[len(x)-1], 0)
	}

	// z is the spectrum of even samples plus i times that of odd samples; the
	// two are told apart by their symmetry and joined by one more butterfly.
	z := f.transform()
	dst[0] = math.Abs(real(z[0]) + imag(z[0]))
	dst[half] = math.Abs(real(z[0]) - imag(z[0]))
	for k := 1; k <= half/2; k++ {
		p, q := z[k], z[half-k]
		evenRe, evenIm := (real(p)+real(q))/2, (imag(p)-imag(q))/2
		oddRe, oddIm := (imag(p)+imag(q))/2, (real(q)-real(p))/2
		w := f.turn[k]
		re := real(w)*oddRe - imag(w)*oddIm
		im := real(w)*oddIm + imag(w)*oddRe
		dst[k] = math.Sqrt((evenRe+re)*(evenRe+re) + (evenIm+im)*(evenIm+im))
		dst[half-k] = math.Sqrt((evenRe-re)*(evenRe-re) + (evenIm-im)*(evenIm-im))
	}
}

// transform runs the complex transform of f.a and returns the buffer that
// holds the result. It is Stockham's self-sorting form: radix 4, and one
// radix-2 stage at the end when size/2 is not a power of four.
func (f *FFT) transform() []complex128 {
	from, to := f.a, f.b
	twiddle := f.twiddle
	n, stride := f.size/2, 1
	for ; n >= 4; n, stride = n/4, stride*4 {
		quarter := n / 4 * stride
		for p := 0; p < n/4; p++ {
			w1, w2, w3 := twiddle[3*p], twiddle[3*p+1], twiddle[3*p+2]
			in0 := from[p*stride:][:stride]
			in1 := from[p*stride+quarter:][:stride]
			in2 := from[p*stride+2*quarter:][:stride]
			in3 := from[p*stride+3*quarter:][:stride]
			out0 := to[4*p*stride:][:stride]
			out1 := to[(4*p+1)*stride:][:stride]
			out2 := to[(4*p+2)*stride:][:stride]
			out3 := to[(4*p+3)*stride:][:stride]
			for q, a := range in0 {
				b, c, d := in1[q], in2[q], in3[q]
				sum, difference := a+c, a-c
				cross := b + d
				turned := complex(imag(b)-imag(d), real(d)-real(b)) // -i(b-d)
				out0[q] = sum + cross
				out1[q] = w1 * (difference + turned)
				out2[q] = w2 * (sum - cross)
				out3[q] = w3 * (difference - turned)
			}
		}
		twiddle = twiddle[3*(n/4):]
		from, to = to, from
	}
	if n == 2 {
		for q := range stride {
			a, b := from[q], from[q+stride]
			to[q], to[q+stride] = a+b, a-b
		}
		from = to
	}
	return from
}
